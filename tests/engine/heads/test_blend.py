from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.heads.support import digits, share, wide
from warmstart.engine.heads.base import FittedHead, Problem, closed_form
from warmstart.engine.heads.blend import fit


def spread(outputs: Tensor) -> Tensor:
    """Logits about their mean over the classes, scaled to unit spread: what the softmax sees, but for a temperature."""
    centred = (outputs - outputs.mean(1, keepdim=True)).double()
    return centred / centred.std(correction=0)


def members(fitted: FittedHead) -> list[str]:
    return list(fitted.choice["members"])


@pytest.mark.parametrize("n", [60, 300])
def test_it_is_one_linear_head_whose_logits_are_the_mean_of_its_members(n: int) -> None:
    features, labels, new, _ = digits()
    features, labels = features[:n], labels[:n]
    assert len(np.unique(labels)) == 10
    fitted = fit(Problem.of(features, labels, 10))
    assert fitted.linear() is not None
    alone = [closed_form[name](Problem.of(features, labels, 10)) for name in members(fitted)]
    scales = [(o := one.logits(features)).sub(o.mean(1, keepdim=True)).double().std(correction=0) for one in alone]
    mean = sum((one.logits(new).double() / scale for one, scale in zip(alone, scales, strict=True)), torch.zeros(()))
    torch.testing.assert_close(spread(fitted.logits(new)), spread(mean), rtol=1e-3, atol=1e-3)


def test_class_means_take_part_only_where_samples_are_few() -> None:
    features, labels, _, _ = digits()
    assert "class_means" in members(fit(Problem.of(features[:80], labels[:80], 10)))
    assert "class_means" not in members(fit(Problem.of(features[:300], labels[:300], 10)))


def test_a_class_without_samples_is_never_the_answer() -> None:
    features, labels = wide(40, 30, 4)
    fitted = fit(Problem.of(features, np.where(labels == 2, 1, labels), 4))
    assert not (fitted.logits(features).argmax(1) == 2).any()
    assert not (fitted.cv_outputs.argmax(1) == 2).any()


def test_few_labels_gain_over_the_logistic_head_alone() -> None:
    features, labels, new, truth = digits()
    gains = []
    for start in range(0, 600, 40):
        x, y = features[start : start + 40], labels[start : start + 40]
        if len(np.unique(y)) == 10:
            logits = [closed_form[name](Problem.of(x, y, 10)).logits(new) for name in ("blend", "logistic")]
            gains.append(share(logits[0], truth) - share(logits[1], truth))
    assert len(gains) > 3
    assert np.mean(gains) > 0
