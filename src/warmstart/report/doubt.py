"""The section on answers that may be wrong: sets of classes, and inputs that are like nothing seen."""

from __future__ import annotations

from typing import Any

from warmstart.evaluation.conformal import COVERAGES, smallest
from warmstart.evaluation.outcome import Coverage, Outcome
from warmstart.evaluation.unknowns import FALSE_ALARMS, NEIGHBOUR
from warmstart.report.numbers import THIN, count, percent, span
from warmstart.report.words import noun, part


def doubt(outcome: Outcome) -> dict[str, Any] | None:
    """What was measured of both, in words; `None` where neither was."""
    if not outcome.coverages and outcome.unknowns is None:
        return None
    return {"sets": [_row(found) for found in outcome.coverages], "lacking": _lacking(outcome), "far": _far(outcome)}


def _row(found: Coverage) -> dict[str, str]:
    return {
        "asked": percent(found.asked, 0),
        "reached": percent(found.reached.value),
        "span": span("accuracy", found.reached),
        "size": f"{found.size:.2f}",
        "single": percent(found.single, 0),
    }


def _lacking(outcome: Outcome) -> str:
    """Which of the usual coverages the validation samples cannot support."""
    measured = {found.asked for found in outcome.coverages}
    missing = [coverage for coverage in COVERAGES if coverage not in measured]
    if not outcome.coverages or not missing:
        return ""
    needs = " and ".join(f"{percent(c, 0)} takes {smallest(c)}" for c in missing)
    return f"There are {count(outcome.split['val'])} validation {noun(outcome)}: {needs} of them at least."


def _far(outcome: Outcome) -> str:
    found = outcome.unknowns
    if found is None:
        return ""
    what, known = noun(outcome), outcome.split["val"]
    share = percent(1 - FALSE_ALARMS, 0) if known >= smallest(1 - FALSE_ALARMS) else f"all {known}"
    how = (
        f"What lies further from {count(found.bank)} of the training {what} than {share} of the validation {what} "
        f"do is called unknown (features at length one, distance to the {NEIGHBOUR}th nearest, beyond "
        f"{found.threshold:.3f})."
    )
    if found.flagged is None:
        return how
    alarms = f"{percent(found.flagged.value)} (95{THIN}% interval {span('accuracy', found.flagged)})"
    known_all = ", all of known classes," if outcome.task == "classify" else ""
    looked = f"Of {count(found.measured)} {part(outcome)} {what}{known_all}"
    return f"{how} {looked} {alarms} were called so: false alarms."
