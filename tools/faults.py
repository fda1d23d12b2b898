"""Writes docs/faults.md: each fault, what happens, and the tests that try it. `python tools/faults.py`."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs" / "faults.md"
NAMED = re.compile(r"test_(\d\d)(?:_and_(\d\d))?_(\w+)")
HEAD = """# What goes wrong, and what happens then

Faults and bad input that users of such tools report, each tried by the tests below, through the command line and
through Python. The rule behind all of them: a clear error or a reported decision, before time is spent; your data are
never changed; nothing finished is lost.

A run of three phases was killed with -9 at 50 random moments and gone on with: 50 times it ended in the same weights,
optimizer, curves and choice, bit for bit (`python -m benchmarks.killed`, on a CPU). What else comes out the same, and
what does not: [the same again](determinism.md).

| # | fault or bad input | what happens | tried by |
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


def page() -> str:
    """The page as text."""
    from tests.faults.rows import ROWS

    tried = tests()
    lines = [f"| {n} | {fault} | {does} | {'; '.join(tried.get(n, []))} |" for n, (fault, does) in ROWS.items()]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
