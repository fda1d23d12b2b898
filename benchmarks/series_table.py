"""Results of `benchmarks.series` as a table, and what they come to."""

from __future__ import annotations

from typing import Any

import numpy as np

PUBLISHED = {
    "ACSF1": 0.920,
    "ArrowHead": 0.863,
    "GunPoint": 0.993,
    "ItalyPowerDemand": 0.969,
    "OSULeaf": 0.959,
    "Trace": 1.0,
}
"""MiniRocket's accuracy on the default split."""
NEAR = 0.01
Rows = list[dict[str, Any]]


def table(rows: Rows, beside: dict[str, dict[str, float]]) -> str:
    """One line for each set.

    Args:
        rows: the results, as they are written.
        beside: published accuracies of other classifiers, by set and name.
    """
    names = sorted({row["set"] for row in rows})
    others = sorted({name for known in beside.values() for name in known})
    head = ["set", "train", "classes", "steps", "published", *others, "aeon MiniRocket", "minirocket", "time"]
    head += ["multirocket_hydra", "fit", "chosen", "against its baseline on test"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for name in names:
        mine = [row for row in rows if row["set"] == name]
        known = [_number(beside.get(name, {}).get(other)) for other in others]
        first, fit = mine[0], next((row for row in mine if row["what"] == "fit"), None)
        found = [
            name,
            *(str(first[key]) for key in ("train", "classes", "steps")),
            _number(PUBLISHED.get(name)),
            *known,
        ]
        found += [_spread(mine, "aeon"), _spread(mine, "minirocket"), _ratio(mine), _spread(mine, "multirocket_hydra")]
        lines.append(f"| {' | '.join([*found, *_fit(fit)])} |")
    return "\n".join([*lines, "", *summary(rows), ""])


def summary(rows: Rows) -> list[str]:
    """What all sets come to, a sentence each."""
    said = []
    ours, theirs = _means(rows, "minirocket"), _means(rows, "aeon")
    near = [name for name in ours if name in PUBLISHED and abs(ours[name] - PUBLISHED[name]) <= NEAR + 1e-9]
    known = [name for name in ours if name in PUBLISHED]
    if known:
        said.append(
            f"minirocket is within {100 * NEAR:.0f} point of the published number on {len(near)} of {len(known)}."
        )
    both = sorted(set(ours) & set(theirs))
    if both:
        multiple = "its processor time as a multiple of aeon's"
        gaps = np.array([ours[name] - theirs[name] for name in both])
        ratios = [value for name in both if (value := _seconds(rows, name)) is not None]
        said.append(
            f"minirocket minus aeon's on {len(both)} sets: {100 * gaps.mean():+.2f} points, from"
            f" {100 * gaps.min():+.1f} to {100 * gaps.max():+.1f}; {multiple}: median {np.median(ratios):.2f}, from"
            f" {min(ratios):.2f} to {max(ratios):.2f}."
        )
    fits = [row for row in rows if row["what"] == "fit"]
    if fits:
        others = [row for row in fits if row["gain"]]
        counts = {word: sum(row["verdict"].startswith(word) for row in others) for word in ("better", "worse", "no")}
        gain = 100 * np.mean([row["gain"]["value"] if row["gain"] else 0.0 for row in fits])
        said.append(
            f"fit against its better baseline on {len(fits)} sets: ships it on {len(fits) - len(others)}, better on"
            f" {counts['better']}, worse on {counts['worse']}, not told apart on {counts['no']};"
            f" mean {gain:+.1f} points."
        )
    heads = [row for row in rows if row["what"] == "heads"]
    for key in sorted({key for row in heads for key in row if key.startswith("head_")} - {"head_ridge"}):
        gaps = np.array([row[key] - row["head_ridge"] for row in heads])
        error = gaps.std(ddof=1) / len(gaps) ** 0.5 if len(gaps) > 1 else np.nan
        said.append(
            f"Head {key.removeprefix('head_')} minus ridge on MiniRocket's features, {len(gaps)} results:"
            f" {100 * gaps.mean():+.1f} points (standard error {100 * error:.1f})."
        )
    return said


def shipped(rows: Rows, before: Rows) -> str:
    """What `fit` ships and how good that is, beside what another version has shipped, one line for each set."""
    then, now = ({row["set"]: row for row in each if row["what"] == "fit"} for each in (before, rows))
    both = sorted(then.keys() & now.keys())
    lines = ["| set | train | before | accuracy | now | accuracy |", "|" + " --- |" * 6]
    for name in both:
        told = (f"{one[name]['chosen']} | {one[name]['accuracy']:.3f}" for one in (then, now))
        lines.append(f"| {name} | {now[name]['train']} | {' | '.join(told)} |")
    gaps = 100 * np.array([now[name]["accuracy"] - then[name]["accuracy"] for name in both])
    means = (100 * np.mean([one[name]["accuracy"] for name in both]) for one in (then, now))
    first, second = means
    return "\n".join(
        [
            *lines,
            "",
            f"Mean over {len(both)} sets: {first:.1f} before, {second:.1f} now, {gaps.mean():+.1f} points; better on"
            f" {(gaps > 0).sum()}, equal on {(gaps == 0).sum()}, worse on {(gaps < 0).sum()}.",
            "",
        ]
    )


def _of(rows: Rows, what: str, key: str = "accuracy") -> list[float]:
    return [row[key] for row in rows if row["what"] == what]


def _means(rows: Rows, what: str) -> dict[str, float]:
    names = {row["set"] for row in rows if row["what"] == what}
    return {name: float(np.mean(_of([row for row in rows if row["set"] == name], what))) for name in names}


def _spread(rows: Rows, what: str) -> str:
    """Mean over the seeds, with the lowest and the highest."""
    found = _of(rows, what)
    if not found:
        return "-"
    span = f" ({min(found):.3f} to {max(found):.3f})" if len(found) > 1 else ""
    return f"{np.mean(found):.3f}{span}"


def _seconds(rows: Rows, name: str) -> float | None:
    """Median over the seeds of minirocket's processor time as a multiple of aeon's; but for the first seed, at which
    everything is read and compiled.
    """
    mine = {
        (row["what"], row["seed"]): row["cpu_seconds"] for row in rows if row["set"] == name and "cpu_seconds" in row
    }
    seeds = sorted(seed for what, seed in mine if what == "aeon" and ("minirocket", seed) in mine)
    later = seeds[1:] or seeds
    return float(np.median([mine["minirocket", s] / mine["aeon", s] for s in later])) if later else None


def _ratio(rows: Rows) -> str:
    found = _seconds(rows, rows[0]["set"])
    return "-" if found is None else f"{found:.2f}"


def _fit(row: dict[str, Any] | None) -> list[str]:
    if row is None:
        return ["-", "-", "-"]
    gain, chosen = row["gain"], f"{row['chosen']} on {row['backbone']}"
    if not gain:  # nothing to be held against
        return [f"{row['accuracy']:.3f}", chosen, "-"]
    points = f"{100 * gain['value']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
    return [f"{row['accuracy']:.3f}", chosen, f"{points} against {row['baseline']}"]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
