"""What a Markdown linter would find fault with, as far as a model card can have it: rules of markdownlint by number."""

from __future__ import annotations

import itertools
import re

import yaml

SECTIONS = ("How to use it", "Data and method", "How good it is", "Limits", "Licence", "Where it comes from")
_HTML = re.compile(r"<[A-Za-z/!]")


def faults(card: str) -> list[str]:
    """One line for each fault; an empty list for a clean card with all its sections."""
    _, head, body = card.split("---\n", 2)
    found = [] if isinstance(yaml.safe_load(head), dict) else ["the front matter is no mapping"]
    lines = body.strip("\n").split("\n")
    found += [] if body.endswith("\n") and not body.endswith("\n\n") else ["MD047 one newline at the end"]
    code, level, titles = False, 0, []
    for before, line in itertools.pairwise(["-", *lines]):
        if line.startswith("```"):
            if not code and before:
                found.append(f"MD031 fences stand apart: {line}")
            if not code and line == "```":
                found.append("MD040 fences name their language")
            code = not code
            continue
        if code:
            continue
        found += _of_line(before, line)
        if mark := re.match("(#+) (.+)", line):
            if len(mark[1]) > level + 1:
                found.append(f"MD001 levels of headings are not skipped: {line}")
            level = len(mark[1])
            titles.append(line)
    found += ["a fence stays open"] if code else []
    found += [f"MD022 headings stand apart: {a!r}, {b!r}" for a, b in itertools.pairwise(lines) if _crowded(a, b)]
    found += [] if sum(title.startswith("# ") for title in titles) == 1 else ["MD025 one title"]
    found += ["MD024 headings differ"] if len(set(titles)) < len(titles) else []
    return found + [f"no section {name}" for name in SECTIONS if f"## {name}" not in titles] + _tables(lines)


def _of_line(before: str, line: str) -> list[str]:
    found = ["MD009 spaces at the end of a line"] if line != line.rstrip() else []
    plain = re.sub(r"`[^`]*`", "", line)
    found += [f"MD033 HTML: {line}"] if _HTML.search(plain) else []
    found += [f"MD032 lists stand apart: {line}"] if line.startswith("- ") and before[:2] not in ("", "-", "- ") else []
    return found + ([f"MD012 several empty lines before: {line}"] if (before, line) == ("", "") else [])


def _crowded(line: str, after: str) -> bool:
    return (line.startswith("#") and after != "") or (after.startswith("#") and line != "")


def _tables(lines: list[str]) -> list[str]:
    rows = [line for line in lines if line.startswith("|")]
    columns = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    return [f"MD056 rows have {sorted(columns)} bars"] if len(columns) > 1 else []
