"""What an experienced eye sees in a learning curve, said when it is seen, with the remedy; nothing is changed by it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from torch import Tensor

from warmstart.engine.events import Decided, Listener
from warmstart.evaluation.outcome import CurveRow

STILL = 0.02
"""A loss that fell by less than this share stands still."""
PATIENCE = 3
"""Epochs before a loss is said to stand still."""
RISE = 1.5
"""A loss that is so many times the lowest before it has risen."""


class Concerns:
    """Looks at each epoch of one phase, and tells each concern once.

    `losses`: whether its losses say anything. They do not where a term comes in on the way, or where one module plays
    against another.
    """

    def __init__(self, phase: str, listener: Listener, *, losses: bool = True) -> None:
        self._phase, self._losses = phase, losses
        self._listener = listener
        self._told: set[str] = set()

    def look(self, rows: Sequence[CurveRow], outputs: Tensor | None, targets: Tensor) -> None:
        """At the rows so far, the newest last, and the newest outputs on validation (n, ...), if there are any."""
        for kind, text in [*(of_curve(rows) if self._losses else ()), *of_outputs(outputs, targets)]:
            if kind not in self._told:
                self._told.add(kind)
                self._listener(Decided(f"{self._phase}, epoch {rows[-1].epoch}: {text}", {"concern": kind}))


def of_curve(rows: Sequence[CurveRow]) -> Iterator[tuple[str, str]]:
    """Kind and words of what the losses show.

    >>> rows = [CurveRow("tune", i + 1, i, {"train_loss": loss}) for i, loss in enumerate((0.7, 0.5, 2.0))]
    >>> [kind for kind, _ in of_curve(rows)]
    ['exploding rate']
    """
    train = [row.values["train_loss"] for row in rows]
    val = [row.values["val_loss"] for row in rows if "val_loss" in row.values]
    if len(train) > 1 and train[-1] > _risen(min(train[:-1])) + STILL:
        yield (
            "exploding rate",
            f"the training loss rose from {min(train[:-1]):.3g} to {train[-1]:.3g}: the learning rate is too high; a "
            "third of it, or a longer warmup, would help",
        )
    if len(train) > PATIENCE and max(train[-PATIENCE - 1 :]) - min(train) <= STILL * abs(train[0]):
        yield (
            "standing still",
            f"the training loss stands at {train[-1]:.3g} since epoch {rows[-PATIENCE - 1].epoch}: the learning rate "
            "is too low, too much is frozen, or the labels say nothing of these inputs (`warmstart check` shows some)",
        )
    apart = len(val) == len(train) > 1 and val[-1] > max(_risen(min(val)), train[-1])
    if apart and train[-1] < train[val.index(min(val))]:
        best = rows[val.index(min(val))].epoch
        yield (
            "gap",
            f"the validation loss rose from {min(val):.3g} (epoch {best}) to {val[-1]:.3g} while the training loss "
            f"fell to {train[-1]:.3g}: it learns by heart; fewer epochs, augmentation, or more frozen blocks would "
            "help. The best epoch is kept",
        )


def of_outputs(outputs: Tensor | None, targets: Tensor) -> Iterator[tuple[str, str]]:
    """Kind and words of what the outputs on validation show; only those of one row of numbers per sample say it.

    >>> import torch
    >>> [kind for kind, _ in of_outputs(torch.tensor([[2.0, 0.1], [3.0, 0.2], [2.5, 0.0]]), torch.tensor([0, 1, 0]))]
    ['one class']
    """
    if outputs is None or outputs.dim() != 2 or len(outputs) < 3 or not outputs.isfinite().all():
        return
    spread = float(outputs.float().std(0).max())
    if spread <= 1e-6 * max(1.0, float(outputs.abs().max())) and not math.isnan(spread):
        yield (
            "dead head",
            f"all {len(outputs)} validation samples get the same outputs: the head or what is below it is dead; a "
            "lower learning rate, or features that are not constant, would help",
        )
    elif _classes(targets) > 1 and len(set(outputs.argmax(1).tolist())) == 1:
        yield (
            "one class",
            f"all {len(outputs)} validation samples are answered alike: it has not learned to tell them apart yet; if "
            "it stays so, look at how many there are of each class, and take class weights",
        )


def _risen(lowest: float) -> float:
    """From where on a loss has risen; it may lie below zero."""
    return lowest + (RISE - 1) * abs(lowest)


def _classes(targets: Tensor) -> int:
    """How many classes there are among the targets; none where a target is no index of a class."""
    return len(set(targets.tolist())) if targets.dim() == 1 and not targets.is_floating_point() else 0
