"""The edit `lora` in a run: what it trains, what it leaves, and that what results is a plain network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.engine.helpers import Told, identical, make_data, make_network, phase_plan
from tests.engine.test_resume import after
from warmstart.engine.events import Finished
from warmstart.engine.finished import RecipeResult
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.run import run_recipe
from warmstart.errors import Interrupted, RecipeError
from warmstart.planning.edited import outlined
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Edits, Lora, Recipe
from warmstart.task.classify import CLASSIFY

LORA = load_recipe("lora", rank=2, epochs=3, batch_size=7, lr=0.05)


def run(folder: Path | None = None, recipe: Recipe = LORA, **options: object) -> RecipeResult:
    return run_recipe(recipe, make_network(), make_data(), task=CLASSIFY, folder=folder, **options)  # type: ignore[arg-type]


def test_what_it_changes_has_the_rank_that_was_asked_for() -> None:
    before, after_ = make_network(), run().network
    old, new = dict(before.backbone.named_parameters()), dict(after_.backbone.named_parameters())
    assert old.keys() == new.keys()
    moved = {name: (new[name] - old[name]).detach() for name in old if not torch.equal(old[name], new[name])}
    assert moved
    for change in moved.values():
        assert change.ndim >= 2
        values = torch.linalg.svdvals(change.flatten(1).double())
        assert values[0] > 1e-3
        assert (values[2:] < 1e-5 * values[0]).all()


def test_it_trains_few_parameters_and_says_how_many() -> None:
    result = run()
    network = outlined(make_network(), LORA.edits)
    expected = sum(p.numel() for name, p in network.named_parameters() if name.endswith((".0.A", ".0.B")))
    head = sum(p.numel() for p in network.head.parameters())
    assert result.trained == expected + head
    assert result.trained < sum(p.numel() for p in make_network().backbone.parameters()) / 2


def test_below_the_first_block_that_has_one_nothing_is_computed_twice() -> None:
    recipe = load_recipe("lora", rank=2, from_block=-1)
    phase, network = recipe.steps[-1], outlined(make_network(), recipe.edits)
    assert isinstance(phase, Phase)
    plan = phase_plan(phase, network, make_data())
    assert plan.cut > 0
    assert plan.cache.what == "activations"


def test_the_probe_before_it_reads_what_the_plain_probe_stored(tmp_path: Path) -> None:
    data = make_data(folder=tmp_path)
    run_recipe(load_recipe("probe"), make_network(), data, task=CLASSIFY)
    before = sum(1 for path in tmp_path.rglob("*") if path.is_file())
    only_head = LORA.model_copy(update={"steps": LORA.steps[:1]})
    run_recipe(only_head, make_network(), data, task=CLASSIFY)
    assert sum(1 for path in tmp_path.rglob("*") if path.is_file()) == before > 0


@pytest.mark.parametrize("batches", [2, 6])
def test_it_goes_on_bit_exactly_and_is_loaded_when_finished(batches: int, tmp_path: Path) -> None:
    whole, interrupt, told = run(tmp_path / "whole"), Interrupt(), Told()
    with pytest.raises(Interrupted):
        run(tmp_path / "cut", listener=after(batches, interrupt), interrupt=interrupt)
    resumed = run(tmp_path / "cut")
    assert identical(whole.network.state_dict(), resumed.network.state_dict())
    loaded = run(tmp_path / "cut", listener=told)
    assert not [event for event in told.events if isinstance(event, Finished)]
    assert identical(whole.network.state_dict(), loaded.network.state_dict())
    assert loaded.trained == whole.trained


def test_a_row_for_it_without_the_edit_is_refused() -> None:
    recipe = Recipe(name="x", steps=(Phase(rates=(("lora", 1e-3), ("*", None))),))
    with pytest.raises(RecipeError, match="'lora' of the rates table matches no parameter"):
        run(recipe=recipe)


def test_it_can_be_on_a_part_of_the_network() -> None:
    recipe = LORA.model_copy(update={"edits": Edits(lora=Lora(rank=2, on="block:-1"))})
    before, result = make_network(), run(recipe=recipe)
    old = dict(before.backbone.named_parameters())
    moved = {name for name, p in result.network.backbone.named_parameters() if not torch.equal(p, old[name])}
    assert moved
    assert moved <= set(before.facts.chain.blocks[-1].parameters)
