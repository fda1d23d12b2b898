"""What holds of every registered task."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.task.drawn_boxes import scene
from warmstart.data.futures import ForecastTarget
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.several import SeveralTarget
from warmstart.data.targets import (
    AnomalyTarget,
    ClassTarget,
    LabelsTarget,
    NumberTarget,
    TagTarget,
    Target,
    TextTarget,
)
from warmstart.errors import DataError
from warmstart.task.base import task_of, tasks

TARGETS: dict[str, Target] = {
    "classify": ClassTarget(("a", "b", "c")),
    "multilabel": LabelsTarget(("a", "b", "c")),
    "regress": NumberTarget(("age", "height", "weight"), (1.0, 2.0, 3.0), (2.0, 2.0, 2.0)),
    "tag": TagTarget(("O", "B-X", "I-X")),
    "generate": TextTarget(),
    "anomaly": AnomalyTarget(("good", "anomaly")),
    "forecast": ForecastTarget(1, 4, quantiles=(0.1, 0.5, 0.9)),
    "detect": BoxTarget(("a", "b", "c")),
    "segment": MaskTarget(("a", "b", "c")),
    "several": SeveralTarget(
        (
            ("kind", ClassTarget(("a", "b"))),
            ("kg", NumberTarget(("kg",), (1.0,), (2.0,))),
            ("tags", LabelsTarget(("x", "y"))),
        )
    ),
}
N, LENGTH = 12, 4


def drawn(name: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Outputs and targets of a task, the last two samples not known."""
    make = torch.Generator().manual_seed(seed)
    outputs = torch.randn(N, 3, generator=make)
    if name in ("tag", "generate"):
        outputs = torch.randn(N, LENGTH, 3, generator=make)
        targets = torch.randint(0, 3, (N, LENGTH), generator=make)
        targets[::3, 2:] = -1  # shorter texts
    elif name == "anomaly":
        p = torch.rand(N, generator=make)
        outputs = torch.stack([1 / p, p, (p < 0.2).float()], 1)
        targets = torch.arange(N) % 2
    elif name == "classify":
        targets = torch.randint(0, 3, (N,), generator=make)
    elif name == "segment":
        outputs = torch.randn(N, 3, 8, 8, generator=make)
        targets = torch.randint(0, 3, (N, 8, 8), generator=make).to(torch.uint8)
        targets[::3, :2] = targets[-2:] = 255
        return outputs, targets
    elif name == "forecast":  # one step, its base, then scale, unit, reference, origin
        targets = torch.rand(N, 6, generator=make) + 0.5
    elif name == "several":
        outputs = torch.randn(N, 5, generator=make)
        kinds, marks = torch.randint(0, 2, (N, 1), generator=make), torch.randn(N, 2, generator=make) > 0
        targets = torch.cat([kinds.float(), torch.randn(N, 1, generator=make), marks.float()], 1)
    elif name == "detect":
        outputs, targets = scene(seed, images=N)
    else:
        targets = torch.randn(N, 3, generator=make)
        targets = (targets > 0).float() if name == "multilabel" else targets
    targets[-2:] = float("nan") if targets.is_floating_point() else -1
    return outputs, targets


def test_every_task_is_tried() -> None:
    assert set(tasks) == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_metrics_are_the_means_of_values_and_the_primary_one_is_among_them(name: str) -> None:
    task, (outputs, targets) = task_of(TARGETS[name]), drawn(name)
    metrics, values = task.metrics(outputs, targets), task.values(outputs, targets)
    assert task.primary_metric in values
    assert task.surprise in values
    for metric, each in values.items():
        assert each.shape == (N - 2,), "samples whose label is unknown are left out"
        assert metrics[metric] == pytest.approx(float(each.mean()), rel=1e-6)
    assert task.known(targets).tolist() == [True] * (N - 2) + [False] * 2, "those that values has a row of"


@pytest.mark.parametrize("name", TARGETS)
def test_parts_of_a_batch_add_up_to_the_whole(name: str) -> None:
    task, (outputs, targets) = task_of(TARGETS[name]), drawn(name)
    whole, parts = task.weight(targets), [slice(0, 3), slice(3, 7), slice(7, N)]
    losses = [task.loss(outputs[part], targets[part]) * (task.weight(targets[part]) / whole) for part in parts]
    if name == "classify":  # which counts samples whose label is unknown: training has none
        outputs, targets, parts = outputs[:-2], targets[:-2], [slice(0, 3), slice(3, N)]
        losses = [task.loss(outputs[p], targets[p]) * (task.weight(targets[p]) / (N - 2)) for p in parts]
    torch.testing.assert_close(sum(losses, torch.zeros(())), task.loss(outputs, targets))


@pytest.mark.parametrize("name", TARGETS)
def test_a_batch_without_any_label_moves_nothing_and_cannot_be_measured(name: str) -> None:
    task, (outputs, targets) = task_of(TARGETS[name]), drawn(name)
    outputs = outputs[-2:].requires_grad_(True)
    loss = task.loss(outputs, targets[-2:])
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 0.0
    assert outputs.grad is not None
    assert not outputs.grad.any()
    with pytest.raises(DataError, match="no sample with a known label"):
        task.metrics(outputs.detach(), targets[-2:])


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_kept_of_outputs_says_as_much_as_they_do(name: str) -> None:
    task, (outputs, targets) = task_of(TARGETS[name]), drawn(name)
    kept = task.answered(outputs, targets)
    assert task.metrics(kept, targets) == pytest.approx(task.metrics(outputs, targets), rel=1e-5)
    torch.testing.assert_close(task.loss(kept, targets), task.loss(outputs, targets))


@pytest.mark.parametrize("name", TARGETS)
def test_several_that_say_the_same_say_it_together(name: str) -> None:
    task, (outputs, targets) = task_of(TARGETS[name]), drawn(name)
    kept = task.answered(outputs, targets)
    together = task.metrics(task.combine([kept, kept, kept]), targets)
    assert together == pytest.approx(task.metrics(kept, targets), rel=1e-5)


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "generate"])  # texts are written otherwise
def test_answers_have_the_fields_that_are_promised(name: str) -> None:
    task, (outputs, _) = task_of(TARGETS[name]), drawn(name)
    rows: Any = task.decode(outputs[:2], TARGETS[name])
    assert all(set(row) <= {*task.fields} for row in rows)
    assert all(task.fields[0] in row for row in rows)
