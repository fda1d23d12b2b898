"""The test set is opened once, by `measure`, with everything decided."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from torch import Tensor

from tests.engine.ladder.helpers import divided, make_context
from warmstart.api.finishing.finish import FINAL, differences, measure, rows
from warmstart.api.running.rungs import default_rungs, recipe_rungs
from warmstart.data.pixels import PixelStore
from warmstart.data.schema import IntArray
from warmstart.engine.data import RunData
from warmstart.engine.ladder.climb import climb, refit
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import Rung
from warmstart.preprocess.bands import Bands
from warmstart.preprocess.kinds import of_images
from warmstart.preprocess.reader import Decoded
from warmstart.recipe.methods import load_recipe


class Watched(PixelStore):
    """Remembers every sample whose pixels were asked for."""

    seen: set[int]

    def get(self, i: int, crop: bool = True) -> Tensor:
        self.seen.add(i)
        return super().get(i, crop)

    def put(self, i: int, image: Decoded | Bands) -> Tensor:
        self.seen.add(i)
        return super().put(i, image)


@dataclasses.dataclass
class WatchedData(RunData):
    """Remembers every sample whose label was asked for."""

    asked: set[int] = dataclasses.field(default_factory=set)

    def targets(self, indices: IntArray, size: int | None = None) -> Tensor:
        self.asked.update(int(i) for i in indices)
        return super().targets(indices, size)


def watched(test: int = 9) -> tuple[LadderContext, WatchedData, Watched]:
    data = divided(24, 12, test)
    store = Watched(data.dataset, of_images(data.spec))
    store.seen = set()
    given = WatchedData(data.dataset, data.split, store, data.spec, data.cache)
    return make_context(given), given, store


def ladder(kind: str, context: LadderContext) -> list[Rung]:
    if kind == "ladder":
        return default_rungs(context, "simple", 0.0)
    return recipe_rungs(load_recipe("progressive_resize", epochs=1), "scratch", context, 0.0)


@pytest.mark.parametrize("kind", ["ladder", "recipe"])
def test_no_pixel_and_no_label_of_the_test_set_is_used_before_everything_is_decided(kind: str) -> None:
    context, data, store = watched()
    rungs, test = ladder(kind, context), set(data.split.test.tolist())
    climbed = climb(rungs, context, reserve=0, choose=None if kind == "ladder" else rungs[-1].name)
    again = refit(climbed, rungs, context, reserve=0)
    assert climbed.chosen in again
    assert store.seen.isdisjoint(test)
    assert data.asked.isdisjoint(test)
    assert store.seen == set(range(36))  # the watch works: all others were used

    measured = measure(climbed, again, context)
    assert test <= store.seen
    assert test <= data.asked
    assert measured.indices.tolist() == data.split.test.tolist()
    assert {FINAL, "probe"} <= set(measured.outputs) <= {FINAL, "probe", "pixels", "scratch"}
    assert all(outputs.shape == (9, 3) for outputs in measured.outputs.values())


def test_the_temperature_comes_from_validation() -> None:
    context, data, _ = watched()
    rungs = recipe_rungs(load_recipe("probe"), "none", context, 0.0)
    climbed = climb(rungs, context, reserve=0, choose="probe")
    before = measure(climbed, {}, context).temperature
    shuffled = np.roll(data.split.test, 1)
    context.data = dataclasses.replace(data, split=dataclasses.replace(data.split, test=shuffled[:4]))
    assert measure(climbed, {}, context).temperature == before


def test_without_a_test_set_the_numbers_are_those_of_validation_before_the_last_fit() -> None:
    context, data, _ = watched(test=0)
    rungs = recipe_rungs(load_recipe("probe"), "simple", context, 0.0)
    climbed = climb(rungs, context, reserve=0, choose="probe")
    again = refit(climbed, rungs, context, reserve=0)
    measured = measure(climbed, again, context)
    assert measured.on == "val"
    assert measured.indices.tolist() == data.split.val.tolist()
    assert measured.outputs[FINAL] is climbed.contenders["probe"].val_outputs
    table = {row.name: row for row in rows(climbed, measured, again["probe"], 1.0, context)}
    probe, last = table["probe"], table[FINAL]
    assert probe.test is not None
    assert probe.test.value == pytest.approx(probe.val["accuracy"])
    assert last.test is None, "nothing that was fitted on validation is measured on it"


def test_a_baseline_and_the_probe_are_what_the_final_model_is_compared_with() -> None:
    context, _, _ = watched()
    rungs = recipe_rungs(load_recipe("bias_only", epochs=1), "simple", context, 0.0)
    climbed = climb(rungs, context, reserve=0, choose=rungs[-1].name)
    measured = measure(climbed, {}, context)
    pairs = [(d.better, d.than) for d in differences(climbed, measured, context)]
    assert pairs == [(FINAL, "pixels"), (FINAL, "probe")]
    last = rows(climbed, measured, None, 0.0, context)[-1]
    assert last.name == "bias_only?epochs=1"
    assert last.test is not None, "what is shipped as it is has the score of the final model"
