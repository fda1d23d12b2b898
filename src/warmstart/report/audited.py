"""The data audit as the report shows it: counts per class, sizes, and what was found to be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warmstart.report.charts.bars import stacked_bar
from warmstart.report.numbers import count
from warmstart.report.words import Facts, noun

Row = dict[str, Any]
CLASSES = 40
LINES = 12

LISTS = {
    "corrupt": ("Unreadable files", "They were left out. Their path and what is wrong with them:"),
    "leaks": ("In train and again in validation or test", "The same picture, pixel for pixel; such scores flatter."),
    "near_leaks": ("Look-alikes across the parts", "Nearly the same picture in train and in validation or test."),
    "feature_leaks": (
        "Learned from, and very much alike in what was measured on",
        "The network sees nearly the same: copies, also cropped, mirrored or photographed again. Look at them.",
    ),
    "conflicting": ("One picture, several labels", "The same pixels under different classes; one of them is wrong."),
    "duplicates": ("Copies", "The same picture more than once."),
}
"""Findings that are lists of ids, with what they mean."""
TEXT_LISTS = LISTS | {
    "leaks": ("In train and again in validation or test", "The same words in the same order; such scores flatter."),
    "near_leaks": ("Look-alikes across the parts", "Nearly the same text in train and in validation or test."),
    "feature_leaks": (
        "Learned from, and very much alike in what was measured on",
        "The network reads nearly the same: copies, also shortened or reworded. Look at them.",
    ),
    "conflicting": ("One text, several labels", "The same text under different classes; one of them is wrong."),
    "duplicates": ("Copies", "The same text more than once."),
}
"""What they mean where they are found among texts."""
SERIES_LISTS = LISTS | {
    "leaks": ("In train and again in validation or test", "The same values; such scores flatter."),
    "near_leaks": (
        "Look-alikes across the parts",
        "The same course in another unit, or stretches that overlap, in train and in validation or test.",
    ),
    "feature_leaks": (
        "Learned from, and very much alike in what was measured on",
        "The network sees nearly the same: copies, also shifted or recorded again. Look at them.",
    ),
    "conflicting": ("One series, several labels", "The same values under different classes; one of them is wrong."),
    "duplicates": ("Copies", "The same values more than once."),
}
"""What they mean where they are found among series."""
_LISTS = {"texts": TEXT_LISTS, "series": SERIES_LISTS}


def class_bars(facts: Facts) -> list[Row]:
    """A bar per class with its number of samples, the largest 40 classes at most, in class order."""
    counts: Mapping[str, int] = facts.audit.get("counts", {})
    largest = set(sorted(counts, key=lambda name: -counts[name])[:CLASSES])
    longest = max(counts.values(), default=0)
    return [
        {"name": name, "count": count(n), "bar": stacked_bar(f"{name}: {n} {noun(facts)}", [("all", n)], longest)}
        for name, n in counts.items()
        if name in largest
    ]


def problems(facts: Facts) -> list[str]:
    """What was found to be wrong, in words; empty without an audit."""
    return list(facts.audit.get("problems", ()))


def listings(facts: Facts) -> list[Row]:
    """The ids behind each finding, a dozen at most."""
    rows: list[Row] = []
    for key, (title, about) in _LISTS.get(noun(facts), LISTS).items():
        found = facts.audit.get(key, ())
        joint = ": " if key == "corrupt" else "  =  "
        if found:
            lines = [joint.join(map(str, entry)) for entry in found[:LINES]]
            rows.append({"title": title, "about": about, "lines": lines, "more": max(0, len(found) - LINES)})
    return rows


def sizes(facts: Facts) -> str:
    """The sizes of the samples as a sentence, and what had to be converted; empty if unknown."""
    found = facts.audit.get("sizes") or {}
    if not found:
        return ""
    if noun(facts) == "texts":
        small, middle, large = (count(found[key][0]) for key in ("smallest", "median", "largest"))
        return f"From {small} to {large} characters, typically {middle} ({count(found['median'][1])} words)."
    if noun(facts) in ("series", "windows"):
        (short, channels), (middle, _), (long, _) = (found[key] for key in ("smallest", "median", "largest"))
        of = f"of {count(channels)} channel{'s' * (channels != 1)}"
        same = f"All are {count(short)} steps {of}."
        return same if short == long else f"From {count(short)} to {count(long)} steps {of}, typically {count(middle)}."
    small, middle, large = (f"{w} × {h}" for w, h in (found["smallest"], found["median"], found["largest"]))
    text = f"All are {small} pixels." if small == large else f"From {small} to {large} pixels, typically {middle}."
    odd = ", ".join(f"{what} ({count(n)})" for what, n in (facts.audit.get("unusual") or {}).items())
    if facts.audit.get("bands"):
        ways = ", ".join(f"{how} ({count(n)})" for how, n in facts.audit["modes"].items())
        return f"{text} Stored as {ways}." + (f" Of these: {odd}." if odd else "")
    return f"{text} Converted to plain RGB: {odd}." if odd else text
