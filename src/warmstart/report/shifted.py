"""The section on whether what was measured on is of the same kind as what was learned from."""

from __future__ import annotations

from typing import Any

from warmstart.evaluation.outcome import Outcome
from warmstart.report.numbers import count
from warmstart.report.similarity import measure_row
from warmstart.report.words import noun, part


def shifted(outcome: Outcome) -> dict[str, Any] | None:
    """The answer in words and the measures; `None` where it was not measured, or the samples support no measure."""
    found = outcome.shift
    rows = [measure_row(m) for m in found.measures if m.interval is not None] if found is not None else []
    if found is None or not rows:
        return None
    what, where = noun(outcome), part(outcome)
    if found.strength == "none shown":
        words = f"Nothing shows that the {where} {what} are of another kind than those that were learned from."
    else:
        words = (
            f"The {where} {what} are of another kind than those that were learned from: a {found.strength} shift. "
            "The score is what the model does across it. Parts drawn at random from one set do not differ so: where "
            "they were made by hand, by group or by time, it may be what was wanted; else look at how they were made."
        )
    return {"words": words, "rows": rows, "a": count(found.samples[0]), "b": count(found.samples[1])}
