"""Rungs share what is frozen: one pass over the images serves them all."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from tests.engine.ladder.helpers import divided, make_context
from warmstart.cache import wanted as wanted_module
from warmstart.data.batches import ImageBatches, PixelStore
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import RecipeRung
from warmstart.planning.plan import CacheLimits
from warmstart.recipe.methods import load_recipe

RUNGS = [
    RecipeRung("probe", "", load_recipe("probe")),
    RecipeRung("lp_ft", "", load_recipe("lp_ft", from_block=3, epochs=1)),
    RecipeRung("finetune", "", load_recipe("finetune", from_block=2, epochs=1)),
]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of images in each pass."""
    passes = list[int]()

    def batches(_: torch.device, store: PixelStore, indices: list[int], **options: Any) -> ImageBatches:
        passes.append(len(indices))
        return ImageBatches(store, indices, **options)

    monkeypatch.setattr(wanted_module, "batches_on", batches)
    return passes


def climb_all(context: LadderContext) -> None:
    for rung in RUNGS:
        rung.climb(context, {})


def test_one_pass_serves_every_rung(computed: list[int]) -> None:
    context = make_context()
    split = context.data.split
    cuts = {cut for rung in RUNGS for cut in rung.cuts(context)}
    assert len(cuts) == 3
    context.prefetch(cuts, np.concatenate([split.train, split.val]))
    climb_all(context)
    assert computed == [len(split.train) + len(split.val)]


def test_it_changes_no_result(computed: list[int]) -> None:
    first, second = make_context(), make_context()
    first.prefetch({cut for rung in RUNGS for cut in rung.cuts(first)}, first.data.split.train)
    one, other = (RUNGS[1].climb(context, {}) for context in (first, second))
    assert one.val_outputs.equal(other.val_outputs)
    assert len(computed) > 2


def test_what_does_not_fit_is_not_computed_ahead(computed: list[int]) -> None:
    context = make_context(dataclasses.replace(divided(), limits=CacheLimits(total=1000)))
    context.prefetch({1, 5}, context.data.split.train)
    assert computed == []


def test_a_rung_that_was_finished_before_asks_for_nothing(tmp_path: Any) -> None:
    context = make_context(folder=tmp_path)
    RUNGS[0].climb(context, {})
    assert RUNGS[0].cuts(context) == set()
    assert RUNGS[1].cuts(context)
