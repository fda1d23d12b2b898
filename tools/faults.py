"""Writes docs/faults.md: each fault, what happens, and the tests that try it. `python tools/faults.py`."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
FUZZED = ROOT / "benchmarks" / "results" / "fuzzing.json"
PAGE = ROOT / "docs" / "faults.md"
NAMED = re.compile(r"test_(\d\d)(?:_and_(\d\d))?_(\w+)")
HEAD = """# What goes wrong, and what happens then

Faults and bad input that users of such tools report, each tried by the tests below, through the command line and
through Python. The rule behind all of them: a clear error or a reported decision, before time is spent; your data are
never changed; nothing finished is lost.

A run of three phases was killed with -9 at 50 random moments and gone on with: 50 times it ended in the same weights,
optimizer, curves and choice, bit for bit (`python -m benchmarks.killed`, on a CPU; one of the 50 had just finished).
What else comes out the same, and what does not: [the same again](determinism.md).

| # | fault or bad input | what happens | tried by |
|---|---|---|---|
"""
FUZZERS = """
## What the fuzzers found

`tests/fuzzing` feeds every reader with broken and made-up input: it reads it or raises an error of warmstart's own, in
bounded time and memory (a minute and 4 GB for each input). A short round of hypothesis is among the tests. Guided by
coverage (atheris), `python -m tests.fuzzing.rounds FOLDER --hours N` gave on {date}, on a shared machine:

| reader | minutes of the processor | inputs | faults |
|---|---|---|---|
"""


def tests() -> dict[int, list[str]]:
    """What the tests of each row say, as sentences, in the order of the files."""
    found: dict[int, list[str]] = {}
    for path in sorted((ROOT / "tests" / "faults").glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            named = NAMED.fullmatch(node.name) if isinstance(node, ast.FunctionDef) else None
            for row in (int(number) for number in (named.groups()[:2] if named else ()) if number):
                found.setdefault(row, []).append(f"{named.group(3).replace('_', ' ')} (`{path.name}`)" if named else "")
    return found


def fuzzed() -> str:
    """What the fuzzers did, from the totals that `tests.fuzzing.rounds` writes."""
    found = json.loads(FUZZED.read_text(encoding="utf-8"))
    rows = found["targets"]
    seconds, inputs = (sum(row[key] for row in rows.values()) for key in ("cpu_seconds", "executions"))
    lines = [
        f"| {name} | {row['cpu_seconds'] / 60:.1f} | {row['executions']} | {row['faults']} |"
        for name, row in rows.items()
    ]
    lines.append(f"| all | {seconds / 60:.1f} | {inputs} | {sum(row['faults'] for row in rows.values())} |")
    return (
        FUZZERS.format(date=found["date"]) + "\n".join([*lines, "", *(f"- {note}" for note in found["notes"])]) + "\n"
    )


def page() -> str:
    """The page as text."""
    from tests.faults.rows import ROWS

    tried = tests()
    lines = [f"| {n} | {fault} | {does} | {'; '.join(tried.get(n, []))} |" for n, (fault, does) in ROWS.items()]
    return HEAD + "\n".join(lines) + "\n" + fuzzed()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
