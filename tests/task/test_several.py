"""Several tasks at once: what a missing label changes, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from warmstart.data.several import SeveralTarget
from warmstart.data.targets import ClassTarget, NumberTarget
from warmstart.data.tasklabels import TaskLabels
from warmstart.engine.heads.of_task import fit_head
from warmstart.errors import TrainingError
from warmstart.task.base import task_of
from warmstart.task.classify import CLASSIFY
from warmstart.task.several import SEVERAL

TARGET = SeveralTarget(
    (("kind", ClassTarget(("a", "b", "c"))), ("kg", NumberTarget(("kg",), (4.0,), (2.0,)))),
)
TASK = SEVERAL.of(TARGET)


def drawn(n: int = 200, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Outputs, and targets of which a half lacks the number and a tenth the class, never both."""
    make = torch.Generator().manual_seed(seed)
    outputs = torch.randn(n, 4, generator=make)
    targets = torch.cat([torch.randint(0, 3, (n, 1), generator=make).float(), torch.randn(n, 1, generator=make)], 1)
    targets[::2, 1] = torch.nan
    targets[1::10, 0] = torch.nan
    return outputs, targets


def test_a_metric_of_a_task_is_that_of_the_samples_that_have_its_label() -> None:
    outputs, targets = drawn()
    known = ~targets[:, 0].isnan()
    alone = CLASSIFY.metrics(outputs[known, :3], targets[known, 0].long())
    found, values = TASK.metrics(outputs, targets), TASK.values(outputs, targets)
    for name, value in alone.items():
        assert found[f"kind/{name}"] == pytest.approx(value)
    assert found["mean_of_tasks"] == pytest.approx((found["kind/accuracy"] + found["kg/r2"]) / 2)
    assert all(len(each) == len(outputs) for each in values.values()), "a value for each sample, known or not"
    assert float(values["kind/accuracy"].mean()) == pytest.approx(alone["accuracy"])


def test_the_spread_of_a_metric_is_that_of_its_known_samples() -> None:
    """The standard error of a ratio: that of the known samples alone, as the unknown ones say nothing."""
    outputs, targets = drawn(400)
    known = ~targets[:, 0].isnan()
    mine = TASK.values(outputs, targets)["kind/accuracy"]
    alone = CLASSIFY.values(outputs[known, :3], targets[known, 0].long())["accuracy"]
    error, wanted = (x.std() / len(x) ** 0.5 for x in (mine, alone))
    assert float(error) == pytest.approx(float(wanted), rel=0.02)


def test_the_loss_is_the_sum_of_the_means_over_known_samples() -> None:
    outputs, targets = drawn()
    (kind, kg), known = TASK.parts, ~targets.isnan()
    one = CLASSIFY.loss(outputs[known[:, 0], :3], targets[known[:, 0], 0].long())
    other = (outputs[known[:, 1], 3] - targets[known[:, 1], 1]).square().mean()
    torch.testing.assert_close(TASK.loss(outputs, targets), one + other)
    assert TASK.weights(targets).tolist() == [float(kind.known(targets).sum()), float(kg.known(targets).sum())]


def test_a_task_without_a_label_in_what_is_measured_is_left_out() -> None:
    outputs, targets = drawn()
    targets[:, 1] = torch.nan
    found = TASK.metrics(outputs[~targets[:, 0].isnan()], targets[~targets[:, 0].isnan()])
    assert found["mean_of_tasks"] == found["kind/accuracy"]
    assert not any(name.startswith("kg/") for name in found)


def test_heads_in_closed_form_are_those_of_each_task_alone() -> None:
    make = torch.Generator().manual_seed(1)
    features, (_, targets) = torch.randn(60, 6, generator=make), drawn(60)
    together = fit_head(task_of(TARGET), features, targets, 4)
    known = ~targets[:, 0].isnan()
    alone = fit_head(CLASSIFY, features[known], targets[known, 0].long(), 3)
    torch.testing.assert_close(together.logits(features)[:, :3], alone.logits(features))
    assert together.trains_on
    targets[:, 1] = torch.nan
    with pytest.raises(TrainingError, match="task 'kg'"):
        fit_head(task_of(TARGET), features, targets, 4)


def test_strata_follow_the_classes_and_which_labels_there_are() -> None:
    labels = [TaskLabels(("kind", "kg"), ("ab"[i % 2], None if i % 4 < 2 else (float(i),))) for i in range(40)]
    found = TARGET.strata([*labels, TaskLabels(("kind", "kg"), (None, (1.0,)))])
    assert len(np.unique(found[:40])) == 4, "two classes, with a number or without"
    assert len({*zip(found[:40].tolist(), TARGET.known(labels)[:, 1].tolist(), strict=True)}) == 4
    assert found.min() >= 0


def test_a_target_survives_being_written() -> None:
    assert SeveralTarget.from_dict(TARGET.to_dict()) == TARGET
    with pytest.raises(ValueError, match="one of several"):
        SeveralTarget.from_dict({"parts": [{"name": "x", "task": "detect", "classes": ["a"]}]})
