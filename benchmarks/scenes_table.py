"""The results of `benchmarks.scenes` as Markdown."""

from __future__ import annotations

import statistics
from typing import Any

NAMES = {"miou": "mean IoU", "boundary_iou": "boundary IoU", "map": "AP", "map_50": "AP50"}
WORDS = {"no difference that this data can show": "not shown"}


def table(results: dict[str, Any]) -> str:
    """A row for each cell and metric, and below it how each was measured.

    >>> table({}).splitlines()[0].startswith("| data | network | metric |")
    True
    """
    head = ("data", "network", "metric", "pretrained", "from scratch", "difference (95 %)", "by seed", "finding")
    lines = [_line(head), "|---|---|---|---:|---:|---:|---:|---|"]
    for name, cell in results.items():
        for metric, found in cell["metrics"].items():
            lines.append(_line((name, f"`{cell['head']}`", NAMES[metric], *_cells(found))))
    lines += [
        "",
        "In points of 100. The interval is of the difference on the same held-out images, paired by image, means over "
        "the seeds; `finding` is that of `warmstart compare`, for which the corrected t-test over folds has to agree.",
        "",
    ]
    lines += [_how(name, cell) for name, cell in results.items()]
    return "\n".join(lines) + "\n"


def _cells(found: dict[str, Any]) -> tuple[str, ...]:
    gap = found["difference"]
    pairs = zip(found["transfer"]["seeds"], found["scratch"]["seeds"], strict=True)
    p = "" if gap["p"] is None else f", p {gap['p']:.2g}"
    return (
        f"{100 * found['transfer']['value']:.1f}",
        f"{100 * found['scratch']['value']:.1f}",
        f"{100 * gap['value']:+.1f} ({100 * gap['low']:+.1f} to {100 * gap['high']:+.1f})",
        ", ".join(f"{100 * (a - b):+.1f}" for a, b in pairs),
        WORDS.get(gap["finding"], gap["finding"]) + p,
    )


def _how(name: str, cell: dict[str, Any]) -> str:
    tile = f" cut into tiles of {cell['tile']} px" if cell["tile"] else ""
    units = next(iter(cell["metrics"].values()))["units"]
    many = f"{cell['samples']} samples of {units} images" if units < cell["samples"] else f"{cell['samples']} images"
    seconds = {who: statistics.median(values) for who, values in cell["seconds"].items()}
    head, whole = cell["epochs"]
    return (
        f"- **{name}**: {cell['about']}{tile}, seen at {cell['size']} px: {many}; {cell['how'].split(';')[0]}. Trained "
        f"on {_span(cell['train'])} samples in batches of {cell['batch']}, augmentation `{cell['augment']}`, "
        f"{_span(cell['steps'])} steps each: pretrained {head} epochs of the head and {whole} of everything, from "
        f"scratch {head + whole}. A trial took {seconds['transfer']:.0f} and {seconds['scratch']:.0f} s (medians; load "
        f"of the machine {cell['load']:.1f} at the start). {cell['machine']}."
    )


def _span(values: list[int]) -> str:
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
