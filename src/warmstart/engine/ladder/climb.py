"""Climb the ladder: try each rung that fits the time, keep it if validation says so, fit the winner on everything.

The test set plays no part here. Whoever calls opens it once, afterwards, with all that was decided.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Sequence

import numpy as np
from torch import Tensor

from warmstart.engine.data import RunData
from warmstart.engine.events import Advanced, Decided, Finished, Started
from warmstart.engine.ladder.alone import SINGLE
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.gate import Verdict, gate, has_benefit_of_the_doubt
from warmstart.engine.ladder.mismatch import told_of_labels
from warmstart.engine.ladder.rungs import Rung
from warmstart.engine.ladder.settle import as_settled, settle
from warmstart.engine.ladder.simple import SIMPLE
from warmstart.errors import TrainingError
from warmstart.evaluation.intervals import paired
from warmstart.evaluation.outcome import Rung as Tried
from warmstart.evaluation.scoring import calibrated, of_known, scores
from warmstart.evaluation.units import number

REFERENCES = ("probe", *SIMPLE)
"""Rungs that the final model is compared with, and that are fitted in seconds."""


@dataclasses.dataclass(frozen=True)
class Climbed:
    """The rungs in order, what each left behind, and which was chosen.

    `transfer` is the best candidate: what is chosen, unless a baseline is that can be shipped.
    """

    tried: tuple[Tried, ...]
    contenders: dict[str, Contender]
    chosen: str
    transfer: str


def climb(rungs: Sequence[Rung], context: LadderContext, *, reserve: float, choose: str | None = None) -> Climbed:
    """Try the rungs in order.

    Args:
        rungs: the first candidate among them is always tried, so that there is a result whatever the budget, and so is
            a simple baseline, which takes seconds.
        context: the run.
        reserve: seconds of the budget that must be left for what comes after.
        choose: name of the rung to choose whatever validation says (the user asked for that recipe).
    """
    context.listener(Started("rungs", len(rungs)))
    tried: list[Tried] = []
    contenders: dict[str, Contender] = {}
    chosen, ahead = "", {rung.name for rung in rungs if getattr(rung, "favoured", False)}
    for rung in rungs:
        context.stop_if_asked(f"rung {rung.name}")
        if lacking := [name for name in rung.after if name not in contenders]:
            tried.append(_skipped(rung, f"skipped: it needs {', '.join(lacking)}, which was not tried", context))
            continue
        expected = rung.seconds(context)
        left = context.deadline.left() - reserve
        simple = rung.name in SIMPLE and not any(row.role == "baseline" for row in tried)
        needed = simple or (rung.role == "candidate" and (not chosen or rung.name == choose))
        if expected > left and not needed:
            why = f"skipped: it needs about {expected:.0f} s and {max(left, 0.0):.0f} s of the budget are left"
            tried.append(_skipped(rung, why, context))
            continue
        try:
            row, contender = _try(rung, context, contenders, chosen, choose, ahead)
        except TrainingError as error:
            if rung.name == choose:
                raise
            tried.append(_skipped(rung, f"failed: {error.found}", context))
            continue
        contenders[rung.name] = contender
        chosen = rung.name if row.kept else chosen
        tried.append(row)
    context.listener(Finished("rungs"))
    if not chosen:
        raise TrainingError("no rung gave a finite result", do="look at the decisions above, and at the data")
    final, why = (chosen, "") if choose is not None else settle(chosen, tried, contenders, context)
    if why:
        context.listener(Decided(f"{final} is shipped: {why}"))
    _tell_baselines(final, tried, contenders, context)
    return Climbed(as_settled(tried, final, chosen, why), contenders, final, chosen)


def _tell_baselines(
    chosen: str, tried: Sequence[Tried], contenders: dict[str, Contender], context: LadderContext
) -> None:
    """Say whether what was chosen is better on validation than the other baselines."""
    targets = context.data.targets(context.data.split.val)
    units = of_known(context.task, targets, context.data.units(context.data.split.val)) if len(targets) else None
    baselines = [row.name for row in tried if row.role == "baseline" and row.name in contenders and row.name != chosen]
    for name in baselines if len(targets) else ():
        mine, other = (scores(context.task, contenders[one].val_outputs, targets) for one in (chosen, name))
        gain = paired(mine, other, context.seed, units)
        how = "is better than" if gain.low > 0 else "is worse than" if gain.high < 0 else "is not told apart from"
        span = f"{100 * gain.value:+.1f} points, interval {100 * gain.low:+.1f} to {100 * gain.high:+.1f}"
        context.listener(Decided(f"{chosen} {how} the baseline {name} on validation ({span})"))


def _skipped(rung: Rung, why: str, context: LadderContext) -> Tried:
    context.listener(Advanced("rungs"))
    context.listener(Decided(f"{rung.name} {why}"))
    return Tried(rung.name, rung.about, rung.role, {}, 0.0, False, why, skipped=True)


def _try(
    rung: Rung,
    context: LadderContext,
    contenders: dict[str, Contender],
    best: str,
    choose: str | None,
    ahead: Collection[str],
) -> tuple[Tried, Contender]:
    """Climb a rung and judge it; what is `ahead` gives way to no benefit of the doubt."""
    start = time.monotonic()
    context.listener(Started(f"rung {rung.name}"))
    contender = rung.climb(context, contenders)
    targets, units = context.data.targets(context.data.split.val), context.data.units(context.data.split.val)
    outputs = contender.val_outputs
    val = context.task.metrics(calibrated(context.task, outputs, targets), targets) if len(targets) else {}
    if rung.role == "baseline":
        said = Verdict(False, "a baseline, to compare with")
    elif choose is not None:
        said = Verdict(rung.name == choose, "asked for" if rung.name == choose else "to compare with")
    elif not best:
        said = Verdict(True, "the first candidate")
    else:
        favoured = getattr(rung, "favoured", False)
        doubt = (
            has_benefit_of_the_doubt(contender, number(units, len(targets)), favoured=favoured) and best not in ahead
        )
        rival = contender.made_of[0] if doubt and contender.made_of else best
        said = gate(
            context.task,
            rung.name,
            contender.val_outputs,
            rival,
            contenders[rival].val_outputs,
            targets,
            context.seed,
            units=units,
            mixture=bool(contender.made_of),
            doubt=doubt,
        )
    seconds = max(time.monotonic() - start, contender.seconds)  # loading is quicker, and says nothing of the rung
    context.listener(Finished(f"rung {rung.name}", seconds, _shown(context, val, outputs, targets)))
    if not best and rung.role == "candidate":
        told_of_labels(contender, context)
    context.listener(Decided(f"{rung.name} {'kept' if said.kept else 'not kept'}: {said.why}"))
    row = Tried(
        rung.name,
        f"{rung.about} ({contender.note})" if contender.note else rung.about,
        rung.role,
        val,
        seconds,
        said.kept,
        said.why,
        trained_parameters=contender.trained_parameters,
        curve=contender.curve,
        terms=contender.terms,
    )
    context.listener(Advanced("rungs"))
    return row, contender


def _shown(context: LadderContext, val: dict[str, float], outputs: Tensor, targets: Tensor) -> dict[str, float]:
    """What is told at the end of a rung: of the state that it leaves behind, as the table of all rungs has it."""
    if not val:
        return {}
    metric, task = context.task.primary_metric, context.task
    loss = float(task.loss(calibrated(task, outputs, targets), targets))
    return {"val_loss": loss, f"val_{metric}": val[metric]} if metric in val else {"val_loss": loss}


def everything(data: RunData) -> RunData:
    """The same data with the validation samples among the training samples."""
    split = data.split
    train = np.sort(np.concatenate([split.train, split.val]))
    merged = dataclasses.replace(
        split, train=train, val=split.val[:0], how=f"{split.how}; train and validation together"
    )
    return dataclasses.replace(data, split=merged)


def refit(
    climbed: Climbed,
    rungs: Sequence[Rung],
    context: LadderContext,
    *,
    reserve: float,
    references: Collection[str] = REFERENCES,
) -> dict[str, Contender]:
    """The chosen rung again, on training and validation samples together, every choice fixed; empty without the time.

    More labels are nearly always worth more than the ability to measure once more: what is fitted here cannot be
    compared on validation any longer, and is measured on the test set alone. What it will be compared with there, and
    costs next to nothing (`references`), is fitted again as well, so that all have seen the same labels.
    """
    by_name = {rung.name: rung for rung in rungs}
    names = needs(climbed.chosen, climbed.contenders)
    names += [name for name in references if name in climbed.contenders and name not in names]
    names += [name for name in _of_sharing(climbed) if name not in names]
    share = 1 + len(context.data.split.val) / max(1, len(context.data.split.train))
    cost = {row.name: row.seconds for row in climbed.tried}
    left = context.deadline.left() - reserve
    also = [*names, *(name for name in needs(climbed.transfer, climbed.contenders) if name not in names)]
    if share * sum(cost.get(name, 0.0) for name in also) <= left:  # what a baseline that is shipped is compared with
        names = also
    expected = share * sum(cost.get(name, 0.0) for name in names)
    if expected > left:
        context.listener(
            Decided(
                f"not fitted again on train and validation together: about {expected:.0f} s, which the budget lacks"
            )
        )
        return {}
    try:
        done, cut = _fit_again(climbed, [by_name[name] for name in names], context)
    except TrainingError as error:
        done, cut = {}, error.found
    if cut:
        context.listener(Decided(f"fitting again on train and validation together is given up: {cut}"))
        return {}
    return done


def _of_sharing(climbed: Climbed) -> list[str]:
    """What says whether tasks gain by sharing: each trained alone, and what does the same to all of them."""
    if SINGLE not in climbed.contenders:
        return []
    twin = str(climbed.contenders[SINGLE].settings["twin"])
    return [*(needs(twin, climbed.contenders) if twin in climbed.contenders else []), SINGLE]


def _fit_again(climbed: Climbed, rungs: Sequence[Rung], context: LadderContext) -> tuple[dict[str, Contender], str]:
    """The rungs on all labels, one after the other, and why what is there is of no use (empty: it is whole)."""
    inner = context.within(everything(context.data), "refit")
    done: dict[str, Contender] = {}
    for rung in rungs:
        what = f"rung {rung.name} on all labels"
        context.stop_if_asked(what)
        context.listener(Started(what))
        began = time.monotonic()
        done[rung.name] = rung.again(inner, climbed.contenders[rung.name], done)
        context.listener(Finished(what, time.monotonic() - began))
        if done[rung.name].stopped:
            return done, f"the deadline cut {rung.name} short, and what was chosen before is whole"
    return done, ""


def needs(name: str, contenders: dict[str, Contender]) -> list[str]:
    """`name` after the rungs it is made of, in the order in which they must be done."""
    before = (*contenders[name].made_of, *contenders[name].started_from)
    order = [inner for part in before for inner in needs(part, contenders)]
    return list(dict.fromkeys([*order, name]))
