"""Mixing, class weights and the objective on a batch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.engine.memory import parts
from warmstart.engine.mix import mix
from warmstart.engine.objective import Objective
from warmstart.recipe.phase import Phase
from warmstart.task.classify import CLASSIFY


def batch(n: int = 6, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 3, 8, 8, generator=generator), torch.arange(n) % 3


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31 - 1), mixup=st.sampled_from([0.0, 0.2, 1.0]), cutmix=st.sampled_from([0.0, 1.0]))
def test_mixed_targets_are_probabilities_and_pixels_stay_in_their_range(seed: int, mixup: float, cutmix: float) -> None:
    inputs, targets = batch()
    mixed, soft = mix(inputs, targets, 3, mixup=mixup, cutmix=cutmix, seed=seed)
    assert mixed.shape == inputs.shape
    assert float(mixed.min()) >= 0
    assert float(mixed.max()) <= 1
    if mixup or cutmix:
        torch.testing.assert_close(soft.sum(1), torch.ones(6))
    again = mix(inputs, targets, 3, mixup=mixup, cutmix=cutmix, seed=seed)
    assert torch.equal(mixed, again[0])
    assert torch.equal(soft, again[1])


def test_the_share_of_a_label_is_the_share_of_its_pixels() -> None:
    inputs = torch.arange(4.0)[:, None, None, None].expand(4, 1, 16, 16).clone()
    for seed in range(20):
        mixed, soft = mix(inputs, torch.arange(4), 4, mixup=0.0, cutmix=1.0, seed=seed)
        for image, label in zip(mixed, soft, strict=True):
            for c in range(4):
                assert float(label[c]) == pytest.approx(float((image == c).float().mean()), abs=1e-6)


def test_without_mixing_nothing_is_changed_or_drawn() -> None:
    inputs, targets = batch()
    same, labels = mix(inputs, targets, 3, mixup=0.0, cutmix=0.0, seed=0)
    assert same is inputs
    assert labels is targets


def test_balanced_weights_give_every_class_the_same_total() -> None:
    targets = torch.tensor([0, 0, 0, 0, 1, 2, 2])
    weights = CLASSIFY.balanced(targets, 4)
    totals = [float(weights[targets[targets == c]].sum()) for c in range(3)]
    assert totals == pytest.approx([7 / 3] * 3)
    assert float(weights[3]) == 1.0


@pytest.mark.parametrize("weights", ["none", "balanced"])
@pytest.mark.parametrize("soft", [False, True])
def test_losses_of_parts_add_up_to_the_loss_of_the_batch(weights: str, soft: bool) -> None:
    phase = Phase.model_validate({"class_weights": weights, "label_smoothing": 0.1})
    targets = torch.tensor([0, 0, 0, 0, 1, 2, 2])
    objective = Objective.of(phase, CLASSIFY, lambda: targets, 3, torch.device("cpu"))
    outputs = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    if soft:
        targets = torch.randn(7, 3, generator=torch.Generator().manual_seed(1)).softmax(1)
    whole = objective.weight(targets)
    total = sum(
        float(objective.loss(outputs[p], targets[p])) * objective.weight(targets[p]) / whole for p in parts(7, 2)
    )
    assert total == pytest.approx(float(objective.loss(outputs, targets)), rel=1e-5)
