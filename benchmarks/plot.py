"""The page docs/benchmarks.md and its pictures, from benchmarks/results/*.json and nothing else.

python benchmarks/plot.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

if not __package__:  # started as a file: imports begin at the repository, not at this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import figures, table
from benchmarks.micro.measure import Table
from benchmarks.process import REPOSITORY
from benchmarks.protocol import QUICK

RESULTS, DOCS = REPOSITORY / "benchmarks" / "results", REPOSITORY / "docs"
PARTS = {
    "linear-probe": "A linear probe",
    "fit-whole": "A whole fit",
    "images": "Five image sets",
    "few-labels": "Few labels",
    "texts": "Texts",
}
HEAD = """# Benchmarks

Written by `python benchmarks/plot.py` from `benchmarks/results/*.json`; `make bench` measures all of it anew. How each
contender works and what counts as its time is in [`benchmarks/README.md`](../benchmarks/README.md). Accuracies are
means over the repeats, seconds medians; `x` is a time as a multiple of the first contender's: below 1, the first lost.
"""


def main() -> None:
    files = [path for path in sorted(RESULTS.glob("*.json")) if path.stem != QUICK.name]
    found = {path.stem: json.loads(path.read_text()) for path in files if path.stem not in OTHERS}
    order = sorted(found, key=lambda name: ([*PARTS, name].index(name), "summary" not in found[name]))
    own = [name for name in OWN if (RESULTS / f"{name}.md").exists()]
    (DOCS / "benchmarks").mkdir(exist_ok=True)
    (DOCS / "benchmarks.md").write_text(
        "\n".join([HEAD, *(section(name, found[name]) for name in order), *map(told, own)])
    )


OWN = {
    "series": "MiniRocket and the ladder on six sets of the UCR archive",
    "series_archive": "MiniRocket on more sets of the UCR archive",
    "series_shipped": "What fit ships of series, before and now",
    "series_embedded": "The embedded backbone of series",
    "forecasts": "Forecasts",
}
"""Results of series, which write their own tables."""
OTHERS = (*OWN, "series_embedded_curve")


def told(name: str) -> str:
    """One of them under its title, with its headings below that."""
    text = (RESULTS / f"{name}.md").read_text()
    return f"## {OWN[name]}\n\n{text.replace('## ', '### ')}"


def section(name: str, facts: dict[str, Any]) -> str:
    """One result as Markdown; the picture of a comparison is drawn on the way."""
    if "summary" not in facts:
        return Table(**facts).markdown().replace("### ", "## ", 1)
    title = f"## {PARTS.get(name, name)}\n"
    figures.draw(facts).savefig(DOCS / "benchmarks" / f"{name}.png", dpi=120)
    picture = f"![Accuracy against seconds, by contender and data set](benchmarks/{name}.png)\n"
    return "\n".join([title, picture, table.markdown(facts)])


if __name__ == "__main__":
    main()
