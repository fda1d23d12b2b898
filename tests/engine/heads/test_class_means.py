from __future__ import annotations

import torch

from tests.engine.heads.support import wide
from warmstart.engine.heads.base import Problem
from warmstart.engine.heads.class_means import fit, nearest_mean


def test_logits_order_classes_by_distance_to_their_mean() -> None:
    features, labels = wide()
    weight, bias = nearest_mean(features, labels, 4)
    means = torch.stack([features[torch.from_numpy(labels == c)].mean(0) for c in range(4)])
    nearness = -0.5 * torch.cdist(features, means).square() + 0.5 * features.square().sum(1, keepdim=True)
    assert torch.allclose(features @ weight.T + bias, nearness, rtol=1e-9)


def test_the_scaling_that_helps_is_chosen() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 2
    useful = labels[:, None] + 0.3 * torch.randn(60, 4, generator=generator)
    loud = 50 * torch.randn(60, 2, generator=generator)
    fitted = fit(Problem.of(torch.cat([useful, loud], 1), labels, 2))
    assert fitted.choice["scaling"] == "standardised"
    quiet = 0.3 * torch.randn(60, 40, generator=generator) / 50
    fitted = fit(Problem.of(torch.cat([useful, quiet], 1), labels, 2))
    assert fitted.choice["scaling"] == "centred"


def test_a_fold_without_a_class_does_not_answer_it() -> None:
    features, labels = wide(9, 10, 2)
    labels[-1] = 2
    assert fit(Problem.of(features, labels, 3)).cv_outputs[-1].argmax() != 2
