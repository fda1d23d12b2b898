"""The results as a Markdown table and as JSON: whatever came out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.contenders import CONTENDERS
from benchmarks.sources import SOURCES
from benchmarks.trials import Trial

HEADER = ("contender", "accuracy", "minus {} (95 %)", "seconds", "x {}", "CPU s", "MB", "moved")


def summary(trials: Sequence[Trial], reference: str) -> list[dict[str, Any]]:
    """One row per data set, its size, and contender, in order, over the repeats that ended well.

    Accuracies are means, times are medians; both are relative to those of the contender `reference`.
    """
    rows = []
    for data, train in sorted({(trial.data, trial.train) for trial in trials}, key=_in_order(trials)):
        here = [trial for trial in trials if (trial.data, trial.train) == (data, train)]
        base = [trial for trial in here if trial.contender == reference and not trial.error]
        for name in dict.fromkeys(trial.contender for trial in here):
            rows.append(_row(data, name, [trial for trial in here if trial.contender == name], base))
    return rows


def _in_order(trials: Sequence[Trial]) -> Callable[[tuple[str, int]], tuple[int, int]]:
    """The sets as they come, the sizes of each from small to large."""
    sets = list(dict.fromkeys(trial.data for trial in trials))
    return lambda key: (sets.index(key[0]), key[1])


def difference(mine: Sequence[Trial], reference: Sequence[Trial]) -> tuple[float, float] | None:
    """Accuracy minus the reference's on the same test samples, and half the width of its 95 % interval.

    Over all repeats that both have, by the normal approximation to the paired difference. It covers the chance of the
    test samples, not that of training.
    """
    partner = {trial.repeat: trial.correct for trial in reference}
    pairs = [(trial.correct, partner[trial.repeat]) for trial in mine if trial.repeat in partner and not trial.error]
    signs = [int(a) - int(b) for first, second in pairs for a, b in zip(first, second, strict=True)]
    if len(signs) < 2:
        return None
    return statistics.fmean(signs), 1.96 * statistics.stdev(signs) / math.sqrt(len(signs))


def ratios(mine: Sequence[Trial], reference: Sequence[Trial]) -> list[float]:
    """Seconds as multiples of the reference's on the same draw, which ran next to it; below 1 is faster."""
    partner = {trial.repeat: trial.seconds for trial in reference}
    return [t.seconds / partner[t.repeat] for t in mine if t.repeat in partner and not t.error]


def markdown(facts: dict[str, Any]) -> str:
    """The tables, one per data set and size, with what is needed to read them.

    Args:
        facts: what `run.py` writes as JSON.
    """
    lines: list[str] = []
    shown = None
    header = tuple(name.format(facts["protocol"]["contenders"][0]) for name in HEADER)
    for row in facts["summary"]:
        if (row["data"], row["train"]) != shown:
            shown = (row["data"], row["train"])
            size = f"{row['train']} train, {row['test']} test, {row['repeats']} repeat(s)"
            lines += ["", f"### {SOURCES[shown[0]].about}: {size}", "", _line(header), _line(["---"] * len(header))]
        lines.append(_line(_cells(row)))
    lines += ["", *(f"- skipped {name}: {why}" for name, why in facts["skipped"].items())]
    lines += [f"- {key}: {value}" for key, value in facts["machine"].items()]
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
    row["accuracy"] = round(statistics.fmean(t.accuracy for t in good if t.accuracy is not None), 4)
    row |= {key: round(statistics.median(getattr(t, key) for t in good), 4) for key in ("seconds", "cpu_seconds")}
    accuracies = [trial.accuracy for trial in good if trial.accuracy is not None]
    row["accuracy_sd"] = round(statistics.stdev(accuracies), 4) if len(accuracies) > 1 else None
    row["peak_mb"] = max(trial.peak_mb for trial in good)
    row["load_before"] = max(trial.load_before for trial in good)
    row["chosen"] = [trial.facts["chosen"] for trial in good if "chosen" in trial.facts]
    row["frozen"] = good[0].facts.get("frozen")
    row["disagreements"] = [trial.facts["disagreement"] for trial in good if "disagreement" in trial.facts]
    row["versions"] = good[0].versions
    row["difference"] = None if good == reference else difference(good, reference)
    row["ratios"] = [round(ratio, 4) for ratio in ratios(good, reference)]
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
        _spread(row["ratios"]),
        f"{row['cpu_seconds']:.0f}",
        str(row["peak_mb"]),
        f"{moved['parameters_moved']} + {moved['buffers_moved']} of {moved['tensors']}" if moved else "",
    ]


def _spread(values: Sequence[float]) -> str:
    """The median, and the range where there are several."""
    if not values:
        return ""
    span = f" ({min(values):.2f} to {max(values):.2f})" if min(values) < max(values) else ""
    return f"{statistics.median(values):.2f}{span}"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
