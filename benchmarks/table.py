"""The results as a Markdown table and as JSON: whatever came out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.contenders import CONTENDERS, REFERENCE
from benchmarks.sources import SOURCES
from benchmarks.trials import Trial

HEADER = ("contender", "accuracy", f"minus {REFERENCE} (95 %)", "seconds", f"x {REFERENCE}", "CPU s", "MB", "moved")


def summary(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """One row per data set and contender, in the order of the trials; means over the repeats that ended well."""
    rows = []
    for data in dict.fromkeys(trial.data for trial in trials):
        here = [trial for trial in trials if trial.data == data]
        reference = [trial for trial in here if trial.contender == REFERENCE and not trial.error]
        for name in dict.fromkeys(trial.contender for trial in here):
            mine = [trial for trial in here if trial.contender == name]
            rows.append(_row(data, name, mine, reference))
    return rows


def difference(mine: Sequence[Trial], reference: Sequence[Trial]) -> tuple[float, float] | None:
    """Accuracy minus the reference's on the same test images, and half the width of its 95 % interval.

    Over all repeats that both have, by the normal approximation to the paired difference. It covers the chance of the
    test images, not that of training.
    """
    partner = {trial.repeat: trial.correct for trial in reference}
    pairs = [(trial.correct, partner[trial.repeat]) for trial in mine if trial.repeat in partner and not trial.error]
    signs = [int(a) - int(b) for first, second in pairs for a, b in zip(first, second, strict=True)]
    if len(signs) < 2:
        return None
    return statistics.fmean(signs), 1.96 * statistics.stdev(signs) / math.sqrt(len(signs))


def markdown(rows: Iterable[dict[str, Any]], machine: dict[str, Any], skipped: dict[str, str]) -> str:
    """The tables, one per data set, with what is needed to read them."""
    lines: list[str] = []
    shown = None
    for row in rows:
        if row["data"] != shown:
            shown = row["data"]
            size = f"{row['train']} train, {row['test']} test, {row['repeats']} repeat(s)"
            lines += ["", f"### {SOURCES[shown].about}: {size}", "", _line(HEADER), _line(["---"] * len(HEADER))]
        lines.append(_line(_cells(row)))
    lines += ["", *(f"- skipped {name}: {why}" for name, why in skipped.items())]
    lines += [f"- {key}: {value}" for key, value in machine.items()]
    return "\n".join(lines).strip() + "\n"


def _row(data: str, name: str, trials: list[Trial], reference: list[Trial]) -> dict[str, Any]:
    good = [trial for trial in trials if not trial.error]
    row: dict[str, Any] = {
        "data": data,
        "contender": name,
        "about": CONTENDERS[name].about,
        "train": trials[0].train,
        "test": trials[0].test,
        "repeats": len(good),
        "errors": [trial.error for trial in trials if trial.error],
    }
    if not good:
        return row
    row |= {
        key: round(statistics.fmean(getattr(t, key) for t in good), 4) for key in ("accuracy", "seconds", "cpu_seconds")
    }
    accuracies = [trial.accuracy for trial in good if trial.accuracy is not None]
    row["accuracy_sd"] = round(statistics.stdev(accuracies), 4) if len(accuracies) > 1 else None
    row["peak_mb"] = max(trial.peak_mb for trial in good)
    row["load_before"] = max(trial.load_before for trial in good)
    row["chosen"] = [trial.facts["chosen"] for trial in good if "chosen" in trial.facts]
    row["frozen"] = good[0].facts.get("frozen")
    row["disagreements"] = [trial.facts["disagreement"] for trial in good if "disagreement" in trial.facts]
    row["versions"] = good[0].versions
    if reference:
        row["difference"] = None if name == REFERENCE else difference(good, reference)
        row["times_reference"] = row["seconds"] / statistics.fmean(trial.seconds for trial in reference)
    return row


def _cells(row: dict[str, Any]) -> list[str]:
    if "accuracy" not in row:
        return [row["contender"], f"failed: {row['errors'][0]}", *[""] * (len(HEADER) - 2)]
    spread = f" ± {row['accuracy_sd']:.3f}" if row["accuracy_sd"] is not None else ""
    gap = row.get("difference")
    moved = row["frozen"]
    return [
        row["contender"] + "".join(f" ({text})" for text in [*dict.fromkeys(row["chosen"]), *row["disagreements"]]),
        f"{row['accuracy']:.4f}{spread}" + (f" ({len(row['errors'])} failed)" if row["errors"] else ""),
        f"{gap[0]:+.4f} ± {gap[1]:.4f}" if gap else "",
        f"{row['seconds']:.0f}",
        f"{row['times_reference']:.2f}" if "times_reference" in row else "",
        f"{row['cpu_seconds']:.0f}",
        str(row["peak_mb"]),
        f"{moved['parameters_moved']} + {moved['buffers_moved']} of {moved['tensors']}" if moved else "",
    ]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
