"""Whether a rung is kept: by validation alone, and never for being merely newer.

A contender replaces the best so far if it gets more validation samples right, or as many at a lower log-loss after each
has had its own temperature (an uncalibrated network would lose on confidence, which costs nothing to repair). A mixture
of earlier rungs must gain more than chance explains (the paired interval leaves out zero): the best of several shares
is chosen on the same validation samples, which flatters it, and an ensemble is dearer to run. With few
validation samples (`FEW`), which can show no gain that is worth having, an ensemble is kept unless it gets fewer right
than its first member, the probe: the best so far is then mostly the luckiest.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.ladder.contender import Contender
from warmstart.evaluation.intervals import paired
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.scoring import Merit, of_known, scores
from warmstart.evaluation.units import number
from warmstart.task.base import Task

FEW = 40
"""Validation samples below which an ensemble has the benefit of the doubt. With 100 labels and EfficientNet-Lite0 the
ensemble of probe and LP-FT was better than the probe in 10 of 11 draws (by 0.6 points on Fashion-MNIST, 1.4 on
CIFAR-10, 2.3 on MNIST), LP-FT alone in 7; with 300 labels LP-FT alone was the better one."""


TELLING = 0.01
"""Share of the loss by which it has to be lower to settle equal metrics; less is no reason for a dearer model."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """`kept`, and one line that says why or why not."""

    kept: bool
    why: str


def gate(
    task: Task,
    name: str,
    outputs: Tensor,
    best_name: str,
    best: Tensor,
    targets: Tensor,
    seed: int,
    *,
    units: IntArray | None = None,
    mixture: bool = False,
    doubt: bool = False,
) -> Verdict:
    """Compare validation outputs (n, classes) of a contender with those of the best so far.

    `units` (n,) number validation samples that belong together. `mixture`: it is made of earlier rungs; `doubt`: it has
    the benefit of it.
    """
    new, old = Merit.of(task, outputs, targets), Merit.of(task, best, targets)
    gain, loss_gain = new.metric - old.metric, new.gain - old.gain
    interval = paired(scores(task, outputs, targets), scores(task, best, targets), seed, of_known(task, targets, units))
    metric = metric_name(task.primary_metric)
    alone = units is not None and len(np.unique(units)) == 1  # the interval is then all that there can be
    spread = f"interval {100 * interval.low:+.1f} to {100 * interval.high:+.1f}"
    spread = "one independent unit tells no interval" if alone else spread
    gained, equal = f"{100 * gain:+.1f} points of {metric}", f"equal {metric}"
    tied, lower = bool(np.isclose(gain, 0)), loss_gain > TELLING * abs(old.gain)
    if doubt and (gain > 0 or tied):
        who = "an ensemble" if mixture else name
        few = f"{len(targets)} validation samples"
        few = few if units is None else f"{number(units, 0)} independent units of validation"
        what = f"{who} that is no worse than {best_name} on only {few}"
        return Verdict(True, f"{what} is the better choice ({spread})")
    wins = interval.low > 0 if mixture else gain > 0 and not tied
    if wins or (tied and lower and not mixture):
        what = f"{equal}, loss lower by {loss_gain:.2g}" if tied else gained
        return Verdict(True, f"{what} on validation against {best_name} ({spread})")
    bar = "too little for a mixture" if mixture else "loss no lower"
    what = f"{equal}, {bar}" if tied else gained
    what = f"{what}, {bar}" if gain > 0 and not tied else what
    return Verdict(False, f"{name} brought {what} on validation against {best_name} ({spread})")


def has_benefit_of_the_doubt(contender: Contender, samples: int, *, favoured: bool = False) -> bool:
    """Whether validation has few samples (or units of them), and it is favoured, or an ensemble of which nothing was
    chosen on them.
    """
    return samples < FEW and (favoured or (bool(contender.made_of) and not contender.settings))
