"""Which of two models is better, answered only as far as the data can show it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import norm
from torch import Tensor
from torch.nn import functional

from warmstart.data.schema import IntArray
from warmstart.evaluation.anomalies import intervals_of_anomalies
from warmstart.evaluation.interval import LEVEL, Interval
from warmstart.evaluation.intervals import (
    balanced_accuracy,
    bootstrap,
    bootstrap_confusion,
    macro_f1,
    paired,
    samples_needed,
)
from warmstart.evaluation.measures import is_share
from warmstart.evaluation.metrics import Labels, correct, known_labels
from warmstart.evaluation.outcome import Difference
from warmstart.evaluation.scoring import bounded, of_known
from warmstart.task.base import Task
from warmstart.task.classify import SHOWN

NO_DIFFERENCE = "no difference that this data can show"
ROPE = 0.01
"""Half the width of the region of practical equivalence: a point of accuracy either way is as good."""


def difference(
    name_a: str,
    correct_a: npt.ArrayLike,
    name_b: str,
    correct_b: npt.ArrayLike,
    seed: int = 0,
    units: IntArray | None = None,
) -> Difference:
    """`a` against `b` on the same samples in the same order; values are right (1) or wrong (0), shape (n,).

    `units` (n,) number samples that belong together.

    The verdict is about `a`: "better" or "worse" where the 95 % interval of the paired difference leaves out zero.

    >>> difference("tuned", [1] * 90 + [0] * 10, "probe", [1] * 60 + [0] * 40).verdict
    'better'
    """
    interval = paired(correct_a, correct_b, seed, units)
    verdict = "better" if interval.low > 0 else "worse" if interval.high < 0 else NO_DIFFERENCE
    return Difference(name_a, name_b, interval, verdict)


def more_samples(pair: Difference, n: int, power: float = 0.8) -> int | None:
    """How many samples (or units) beyond the `n` at hand would probably settle a difference of the size observed.

    The spread is read off the interval. `None` if it is settled, if no difference at all was seen, or if the samples at
    hand should have been enough (the observed difference is then as likely chance as not).
    """
    if pair.verdict != NO_DIFFERENCE:
        return None
    width = pair.difference.high - pair.difference.low
    sd = width / (2 * float(norm.ppf((1 + LEVEL) / 2))) * float(np.sqrt(n))
    needed = samples_needed(pair.difference.value, sd, power)
    return needed - n if needed is not None and needed > n else None


def metric_intervals(
    task: Task, outputs: Tensor, targets: Tensor, *, seed: int = 0, units: IntArray | None = None
) -> dict[str, Interval]:
    """Every metric of outputs (n, ...) with its interval; the names are those of the task.

    `units` (n,) number samples that belong together, as `warmstart.evaluation.units.units_of` has them.
    """
    if task.name == "anomaly":
        return intervals_of_anomalies(task, outputs, targets, seed=seed, units=units)
    whole = of_known(task, targets, units)
    if task.name == "classify":
        return _of_classes(outputs, targets, seed, whole)
    values = {name: value.numpy() for name, value in task.values(outputs, targets).items()}
    found = {
        name: bootstrap(each, seed=seed, bounds=(min(0.0, float(each.min())), max(1.0, float(each.max()))), units=whole)
        for name, each in values.items()
    }
    return {name: bounded(task, one) if is_share(name) else one for name, one in found.items()}


def _of_classes(outputs: Tensor, labels: Labels, seed: int, units: IntArray | None) -> dict[str, Interval]:
    """Those that need the whole confusion matrix too."""
    known, targets = known_labels(outputs, labels)
    said, classes = known.argmax(1).numpy(), outputs.shape[1]
    truth = torch.from_numpy(targets)
    losses = functional.cross_entropy(known.double(), truth, reduction="none").numpy()
    intervals = {
        "accuracy": bootstrap(correct(outputs, labels), seed=seed, units=units),
        "balanced_accuracy": bootstrap_confusion(targets, said, classes, balanced_accuracy, seed=seed, units=units),
        "macro_f1": bootstrap_confusion(targets, said, classes, macro_f1, seed=seed, units=units),
        "log_loss": bootstrap(losses, seed=seed, bounds=(0.0, float(losses.max())), units=units),
    }
    if outputs.shape[1] > SHOWN:
        top = (known.topk(SHOWN, 1).indices == truth[:, None]).any(1).numpy()
        intervals["top5_accuracy"] = bootstrap(top, seed=seed, units=units)
    return intervals
