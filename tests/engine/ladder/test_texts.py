"""Rungs on texts answer as their networks do, however far down they were tuned."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from tests.engine.ladder.helpers import make_context
from tests.engine.texts import text_data, text_network
from warmstart.engine.ladder.rungs import RecipeRung
from warmstart.evaluation.predict import predict_outputs
from warmstart.recipe.methods import load_recipe


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("probe", {}),
        ("finetune", {"epochs": 1}),
        ("lp_ft", {"epochs": 1}),
        ("gradual", {"epochs": 1, "stage_epochs": 1}),
        ("lora", {"epochs": 1, "rank": 2}),
        ("scratch", {"epochs": 1}),
    ],
)
def test_outputs_are_those_of_the_whole_network(name: str, options: dict[str, Any]) -> None:
    data = text_data(24, 18)
    split = dataclasses.replace(data.split, val=data.split.val[:9], test=data.split.val[9:])
    backbone = text_network().facts
    context = dataclasses.replace(make_context(dataclasses.replace(data, split=split)), backbone=backbone)
    recipe = load_recipe(name, **options)
    if name == "scratch":  # drawing anew is by the name of a supplier, which this backbone has none of
        recipe = recipe.model_copy(update={"edits": recipe.edits.model_copy(update={"reset": False})})
    rung = RecipeRung(name, "", recipe)
    context.prefetch(rung.cuts(context), np.concatenate([split.train, split.val]))
    contender = rung.climb(context, {})
    network = contender.members[0].network
    for indices in (split.val, split.test):
        expected = predict_outputs(network, data.store, indices)
        torch.testing.assert_close(contender.outputs(indices), expected, rtol=0, atol=1e-5)
