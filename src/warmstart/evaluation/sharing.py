"""Whether tasks gain by sharing a trunk: each beside itself trained alone, on the same samples."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.evaluation.intervals import bootstrap, paired
from warmstart.evaluation.outcome import Shared
from warmstart.task.base import Task
from warmstart.task.several import Several

Verdict = Literal["helped", "harmed", "no difference that this data can show"]


def gains_of_sharing(
    task: Task, together: Tensor, alone: Tensor, targets: Tensor, seed: int = 0, units: IntArray | None = None
) -> tuple[Shared, ...]:
    """Of each task that has a label here, the paired difference of its main metric (95 % bootstrap interval).

    `together` are outputs (n, outputs) of one network for all tasks, `alone` those of one for each, side by side;
    `units` (n,) number samples that belong together.

    >>> import torch
    >>> from warmstart.data.several import SeveralTarget
    >>> from warmstart.data.targets import ClassTarget
    >>> from warmstart.task.several import SEVERAL
    >>> two = SEVERAL.of(SeveralTarget((("a", ClassTarget(("x", "y"))), ("b", ClassTarget(("x", "y"))))))
    >>> truth, right = torch.zeros(50, 2), torch.tensor([[1.0, 0.0]]).expand(50, 2)
    >>> gains = gains_of_sharing(two, torch.cat([right, 1 - right], 1), torch.cat([right, right], 1), truth)
    >>> [one.verdict for one in gains]
    ['no difference that this data can show', 'harmed']
    """
    assert isinstance(task, Several), "asked of several tasks alone"
    found = []
    for part in task.parts:
        if not bool(part.known(targets).any()):
            continue
        metric = part.task.primary_metric
        own = (part.task.values(*part.own(outputs, targets))[metric].numpy() for outputs in (together, alone))
        shared, single = own
        whole = None if units is None else units[part.known(targets).numpy()]
        gap = paired(shared, single, seed, whole)
        verdict: Verdict = "no difference that this data can show"
        if gap.low > 0 or gap.high < 0:
            verdict = "helped" if gap.low > 0 else "harmed"
        before, now = (bootstrap(each, seed=seed, units=whole) for each in (single, shared))
        found.append(Shared(part.name, metric, before, now, gap, verdict))
    return tuple(found)
