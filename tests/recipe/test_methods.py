import re
from pathlib import Path

import pytest

from warmstart.errors import RecipeError
from warmstart.recipe.methods import load_recipe, options, recipes
from warmstart.recipe.of_backbone import Contrastive, Pretrain
from warmstart.recipe.phase import Phase
from warmstart.recipe.step import ClosedForm
from warmstart.recipe.text import from_yaml, to_yaml


def phases(name: str, **overrides: object) -> list[Phase]:
    return [step for step in load_recipe(name, **overrides).steps if isinstance(step, Phase)]


def test_the_methods_of_the_issue_are_there() -> None:
    promised = [
        "scratch",
        "probe",
        "finetune",
        "gradual",
        "lp_ft",
        "discriminative",
        "two_phase",
        "progressive_resize",
        "bias_only",
        "l2_sp",
        "lora",
        "contrastive",
        "further_pretrain",
        "finetune_all",
    ]
    assert set(recipes) >= set(promised)


def test_only_scratch_draws_the_weights_anew() -> None:
    assert [name for name in recipes if load_recipe(name).edits.reset] == ["scratch"]


def test_gradual_unfreezes_from_the_top_at_rates_divided_by_2_6() -> None:
    stages = phases("gradual", lr=0.26)
    trained = [[pattern for pattern, rate in stage.rates if rate is not None] for stage in stages]
    assert trained == [["head"], ["head", "block:-1.."], ["head", "block:-2.."], ["head", "*"]]
    assert all(stage.layer_decay == pytest.approx(1 / 2.6) for stage in stages)
    assert dict(stages[1].rates)["block:-1.."] == pytest.approx(0.1)
    assert {stage.schedule for stage in stages} == {"slanted_triangular"}


def test_lp_ft_starts_from_the_probe() -> None:
    probe, tune = load_recipe("lp_ft").steps
    assert isinstance(probe, ClosedForm)
    assert isinstance(tune, Phase)
    assert [pattern for pattern, _ in tune.rates] == ["*"]


def test_contrastive_betters_the_features_before_the_head_is_fitted() -> None:
    contrast, head = load_recipe("contrastive", from_block=-2).steps
    assert isinstance(contrast, Contrastive)
    assert isinstance(head, ClosedForm)
    assert [rate is None for _, rate in contrast.rates] == [True, False, True]
    assert [pattern for pattern, _ in contrast.rates] == ["head", "block:-2..", "*"]


def test_further_pretraining_comes_before_lp_ft_and_is_for_texts() -> None:
    recipe = load_recipe("further_pretrain", lr=3e-5, pretrain_lr=1e-4)
    more, *tune = recipe.steps
    assert isinstance(more, Pretrain)
    assert dict(more.rates) == {"head": None, "*": 1e-4}
    assert tuple(tune) == load_recipe("lp_ft", lr=3e-5).steps
    assert [name for name in recipes if load_recipe(name).reads == "text"] == ["further_pretrain"]


def test_two_phase_tunes_from_the_best_head_at_a_lower_rate() -> None:
    head, tune = phases("two_phase")
    assert dict(head.rates)["*"] is None
    assert tune.start == "best"
    assert tune.early_stopping == 5
    assert tune.schedule == "plateau"
    assert dict(tune.rates)["*"] == 1e-5


def test_finetune_all_has_the_protocol_of_the_paper() -> None:
    # Fawaz et al. 2018 and its code: ReduceLROnPlateau(loss, 0.5, 50, min_lr=1e-4), checkpoint of the lowest loss.
    (tune,) = phases("finetune_all")
    assert (tune.optimizer, tune.weight_decay, tune.clip, tune.epochs) == ("adam", 0, None, 2000)
    assert dict(tune.rates) == {"*": 1e-3}
    assert (tune.batch_size, tune.batch_share) == (16, 0.1)
    assert (tune.schedule, tune.plateau.factor, tune.plateau.patience) == ("plateau", 0.5, 50)
    assert tune.plateau.least * 1e-3 == pytest.approx(1e-4)
    assert tune.watch == "training"


def test_progressive_resize_grows() -> None:
    sizes = [phase.size for phase in phases("progressive_resize")]
    assert sizes == [0.5, 0.75, 1.0]


def test_a_rate_to_be_found_stays_so_where_a_method_scales_it() -> None:
    assert {rate for phase in phases("gradual", lr="auto") for _, rate in phase.rates} == {"auto", None}


def test_overrides_take_the_types_of_the_parameters() -> None:
    (tune,) = phases("finetune", lr="3e-4", epochs="7", from_block="-1")
    assert dict(tune.rates) == pytest.approx({"head": 3e-3, "block:-1..": 3e-4, "*": None})
    assert tune.epochs == 7


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"epoch": 3}, "no parameter 'epoch'"),
        ({"epochs": "x"}, "epochs: found 'x', expected a valid integer"),
        ({"epochs": 0}, "epochs: found 0, expected greater than or equal to 1"),
        ({"lr": -1.0}, "expected greater than 0"),
        ({"augment": "wild"}, "augment: found 'wild', expected 'none', 'flip', 'light', 'standard' or 'crop'"),
    ],
)
def test_an_override_that_does_not_fit_is_named(overrides: dict[str, object], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        load_recipe("finetune", **overrides)


@pytest.mark.parametrize("name", ["gradual", "two_phase", "progressive_resize"])
def test_methods_of_several_phases_validate_each(name: str) -> None:
    with pytest.raises(RecipeError, match="greater than"):
        load_recipe(name, lr=-1)


def test_an_unknown_parameter_lists_the_known_ones() -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("finetune", form_block=1)
    assert "from_block=-2" in caught.value.expected
    assert "'from_block'" in caught.value.do


def test_an_unknown_name_shows_the_nearest() -> None:
    with pytest.raises(RecipeError, match="'gradual'"):
        load_recipe("gradul")


def test_options_may_stand_behind_the_name() -> None:
    written = load_recipe("finetune?epochs=3&from_block=-4&lr=1e-3")
    assert written == load_recipe("finetune", from_block=-4, epochs=3, lr=0.001)
    assert written == load_recipe("finetune?from_block=-4&lr=0.001", epochs="3")
    assert load_recipe("probe?heads=knn,ridge") == load_recipe("probe", heads=("knn", "ridge"))
    assert phases("progressive_resize?shares=0.5,1") == phases("progressive_resize", shares=(0.5, 1.0))


@pytest.mark.parametrize("name", ["finetune?epochs=3", "probe?heads=knn,ridge", "lp_ft?lr=auto"])
def test_a_name_tells_what_differs_from_the_defaults_and_can_be_given_back(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert load_recipe(recipe.name) == from_yaml(to_yaml(recipe)) == recipe
    assert load_recipe("finetune?epochs=10&lr=1e-4").name == "finetune"
    assert load_recipe("finetune?epochs=3&from_block=-4").name == "finetune?from_block=-4&epochs=3"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("finetune?form_block=1", "'from_block'"),
        ("finetune?epochs", "NAME=VALUE"),
        ("finetune?", "NAME=VALUE"),
        ("mine.yaml?", "NAME=VALUE"),
        ("finetune?epochs=0", "greater than or equal to 1"),
        ("finetune?epochs=3&epochs=4", "every option once"),
        ("finetun?epochs=3", "'finetune'"),
        ("mine.yaml?epochs=3", "written out"),
    ],
)
def test_what_does_not_fit_behind_a_name_is_told(name: str, says: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(says)):
        load_recipe(name)


def test_an_option_is_given_once() -> None:
    with pytest.raises(RecipeError, match="epochs once more"):
        load_recipe("finetune?epochs=3", epochs=4)


def test_a_recipe_or_its_file_is_taken_as_it_is(tmp_path: Path) -> None:
    mine = load_recipe("probe")
    path = tmp_path / "mine.yaml"
    path.write_text(to_yaml(mine), encoding="utf-8")
    assert load_recipe(mine) is mine
    assert load_recipe(path) == load_recipe(str(path)) == mine
    with pytest.raises(RecipeError, match="written out"):
        load_recipe(path, epochs=3)


def test_options_are_the_defaults_of_the_method() -> None:
    assert options("finetune")["from_block"] == -2
