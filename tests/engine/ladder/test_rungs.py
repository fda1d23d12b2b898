from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from tests.engine.helpers import Told, identical
from tests.engine.ladder.helpers import divided, make_context
from warmstart.data.stores import store_of
from warmstart.engine.ladder.climb import climb
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.mixtures import ALPHAS, AverageRung, EnsembleRung, interpolate
from warmstart.engine.ladder.rungs import PIXELS, PixelRung, RecipeRung
from warmstart.evaluation.predict import predict_outputs
from warmstart.recipe.methods import load_recipe
from warmstart.task.classify import CLASSIFY

PROBE = RecipeRung("probe", "", load_recipe("probe"))
TUNED = RecipeRung("lp_ft", "", load_recipe("lp_ft", epochs=2, lr=3e-3, batch_size=8))


@pytest.fixture
def context() -> LadderContext:
    return make_context()


@pytest.fixture
def earlier(context: LadderContext) -> dict[str, Contender]:
    return {rung.name: rung.climb(context, {}) for rung in (PROBE, TUNED)}


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("name", ["probe", "lp_ft", "bias_only", "scratch"])
def test_outputs_from_shared_activations_are_those_of_the_whole_network(name: str, context: LadderContext) -> None:
    recipe = load_recipe(name) if name == "probe" else load_recipe(name, epochs=1, batch_size=8)
    contender = RecipeRung(name, "", recipe).climb(context, {})
    network = contender.members[0].network
    for indices in (context.data.split.val, context.data.split.test):
        assert close(contender.outputs(indices), predict_outputs(network, context.data.store, indices))
    assert close(contender.outputs(context.data.split.val), contender.val_outputs)


def test_validation_is_measured_at_the_size_that_is_shipped_whatever_size_the_recipe_ends_at() -> None:
    data = divided()
    spec = data.spec.with_size(64)
    context = make_context(dataclasses.replace(data, spec=spec, store=store_of(data.dataset, spec)))
    recipe = load_recipe("progressive_resize", shares=(1.0, 0.5), epochs=1, batch_size=8)
    contender = RecipeRung("shrinking", "", recipe).climb(context, {})
    assert close(contender.val_outputs, contender.outputs(data.split.val))


def test_no_samples_have_no_outputs(earlier: dict[str, Contender], context: LadderContext) -> None:
    assert earlier["probe"].outputs(context.data.split.val[:0]).shape == (0, 3)


def test_a_rung_leaves_the_pretrained_backbone_as_it_was(context: LadderContext) -> None:
    before = {name: tensor.clone() for name, tensor in context.backbone.chain.module.state_dict().items()}
    TUNED.climb(context, {})
    assert identical(before, dict(context.backbone.chain.module.state_dict()))


def test_a_rung_counts_what_it_trained(earlier: dict[str, Contender]) -> None:
    probe, tuned = earlier["probe"].members[0].network, earlier["lp_ft"].members[0].network
    assert earlier["probe"].trained_parameters == sum(p.numel() for p in probe.head.parameters())
    assert earlier["lp_ft"].trained_parameters == sum(p.numel() for p in tuned.parameters())


def test_a_finished_rung_costs_nothing_and_is_loaded_with_its_time_and_weights(tmp_path: Path) -> None:
    first = make_context(folder=tmp_path)
    assert TUNED.seconds(first) > 0
    before = climb([TUNED], first, reserve=0)
    told = Told()
    again = make_context(folder=tmp_path, listener=told, seconds=5)
    assert TUNED.seconds(again) == 0
    after = climb([TUNED], again, reserve=100)
    assert told.decided("finished before")
    assert after.tried[0].seconds == pytest.approx(before.contenders["lp_ft"].seconds)
    states = [dict(c.contenders["lp_ft"].members[0].network.state_dict()) for c in (before, after)]
    assert identical(*states)


def test_pixels_are_a_linear_model_of_the_shrunk_images() -> None:
    context = make_context(divided(60, 30, 9))
    rung = PixelRung()
    contender = rung.climb(context, {})
    assert contender.members == ()
    outputs = contender.outputs(context.data.split.test)
    assert outputs.shape == (9, 3)
    right = contender.val_outputs.argmax(1) == context.data.targets(context.data.split.val)
    assert right.float().mean() > 0.5  # the class is a brighter channel, which a linear model sees
    assert contender.outputs(context.data.split.test[:0]).shape == (0, 3)
    assert f"{PIXELS} x {PIXELS}" in rung.about


def at(alpha: float, context: LadderContext, earlier: dict[str, Contender]) -> Contender:
    rung = AverageRung("lp_ft")
    first = dataclasses.replace(earlier["lp_ft"], settings={"alpha": alpha})
    return rung.again(context, first, earlier)


def test_the_average_ends_at_its_start_and_at_the_tuned_network(
    context: LadderContext, earlier: dict[str, Contender]
) -> None:
    start, end, half = (at(alpha, context, earlier) for alpha in (0.0, 1.0, 0.5))
    assert close(start.val_outputs, earlier["probe"].val_outputs)
    assert close(end.val_outputs, earlier["lp_ft"].val_outputs)
    assert not close(half.val_outputs, start.val_outputs)
    assert not close(half.val_outputs, end.val_outputs)
    assert half.made_of == ("lp_ft",)


def test_the_share_is_chosen_on_validation_and_kept(context: LadderContext, earlier: dict[str, Contender]) -> None:
    contender = AverageRung("lp_ft").climb(context, earlier)
    targets = context.data.targets(context.data.split.val)
    right = {alpha: int((at(alpha, context, earlier).val_outputs.argmax(1) == targets).sum()) for alpha in ALPHAS}
    chosen = contender.settings["alpha"]
    assert isinstance(chosen, float)
    assert right[chosen] == max(right.values())
    again = AverageRung("lp_ft").again(context, contender, earlier)
    assert again.settings == contender.settings
    assert close(again.val_outputs, contender.val_outputs)


def test_interpolation_is_linear_in_every_weight_and_exact_at_the_ends(earlier: dict[str, Contender]) -> None:
    start, end = earlier["probe"].members[0].network, earlier["lp_ft"].members[0].network
    a, b = dict(start.state_dict()), dict(end.state_dict())
    before = {name: tensor.clone() for name, tensor in b.items()}
    assert identical(dict(interpolate(start, end, 0.0).state_dict()), a)
    assert identical(dict(interpolate(start, end, 1.0).state_dict()), b)
    for name, tensor in interpolate(start, end, 0.25).state_dict().items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, 0.75 * a[name] + 0.25 * b[name], atol=1e-6), name
    assert identical(dict(end.state_dict()), before), "the networks given are not changed"


def test_the_ensemble_is_the_mean_of_the_probabilities_of_its_parts(
    context: LadderContext, earlier: dict[str, Contender]
) -> None:
    rung = EnsembleRung(("probe", "lp_ft", "not tried"))
    contender = rung.climb(context, earlier)
    parts = [earlier["probe"], earlier["lp_ft"]]
    assert torch.equal(contender.val_outputs, CLASSIFY.combine([part.val_outputs for part in parts]))
    test = context.data.split.test
    assert torch.equal(contender.outputs(test), CLASSIFY.combine([part.outputs(test) for part in parts]))
    assert contender.members == parts[0].members + parts[1].members
    assert contender.made_of == ("probe", "lp_ft")
    assert rung.after == ("probe", "lp_ft")


def test_a_rung_with_options_in_its_name_is_kept_and_found_again(context: LadderContext, tmp_path: Path) -> None:
    recipe = load_recipe("finetune?epochs=1&batch_size=8")
    rung = RecipeRung(recipe.name, recipe.about, recipe)
    kept = dataclasses.replace(context, folder=tmp_path)
    rung.climb(kept, {})
    assert kept.finished(rung.name)
    assert not kept.finished("finetune?epochs=2&batch_size=8")
    assert {character for path in tmp_path.iterdir() for character in path.name}.isdisjoint('<>:"/\\|?*')
