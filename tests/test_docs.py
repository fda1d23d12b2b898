"""The pages under docs/ are run as they stand, with sockets blocked like everything else; their commands are parsed."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
SLOW = {
    "several-processes",
    "distillation",
    "series-transfer",
    "several-tasks",
    "concepts",
    "anomalies",
    "explaining",
    "export",
    "updating",
    "texts",
    "other-questions",
    "scenes",
    "weights-from-anywhere",
    "coming-from/trainer",
    "fields/detection",
    "fields/medical",
    "fields/satellite",
    "first-five-minutes",
    "snippets/by-name-and-index",
    "snippets/feature-extraction",
    "snippets/from-a-layer",
    "snippets/gradual-unfreezing",
    "snippets/progressive-resizing",
    "snippets/rates-by-part",
    "snippets/two-phase",
}
"""They tune a real network, for as long as a reader would."""
OUTPUT = {"text", "yaml", "python", "pycon", "json"}
"""Languages of fences in which nothing is a command."""
MARKED = (pytest.mark.slow,)


def name(page: Path) -> str:
    return page.relative_to(DOCS).with_suffix("").as_posix() if page.is_relative_to(DOCS) else page.stem


def fences(page: Path) -> Iterator[tuple[str, str, str]]:
    """Language and text of each fence, and what stands outside of all up to the next."""
    parts = re.split(r"^```(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for i in range(0, len(parts), 4):
        language, code = (parts[i + 1], parts[i + 2]) if i + 2 < len(parts) else ("", "")
        yield language.strip(), code, parts[i]


def runs(page: Path) -> bool:
    return ">>> " in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=MARKED if name(page) in SLOW else ()) for page in PAGES if runs(page)],
    ids=name,
)
def test_the_page_says_what_happens(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0


def test_what_is_slow_is_a_page() -> None:
    assert {name(page) for page in PAGES if runs(page)} >= SLOW


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_session_is_in_a_fence(page: Path) -> None:
    outside = "\n".join(text for _, _, text in fences(page))
    assert [line for line in outside.splitlines() if line.startswith(">>> ")] == []


def commands(page: Path) -> list[str]:
    """Lines of fences that are commands, and commands with an option in the text."""
    found = []
    for language, code, text in fences(page):
        if language not in OUTPUT:
            found += [line for line in code.splitlines() if line.startswith("warmstart ")]
        found += re.findall(r"`(warmstart [a-z-]+ [^`]*--[^`]*)`", text)
    return [line for line in found if " ..." not in line and " --help" not in line]


@pytest.mark.parametrize("page", [page for page in [ROOT / "README.md", *PAGES] if commands(page)], ids=name)
def test_every_command_that_a_page_names_would_be_understood(page: Path) -> None:
    import typer

    from warmstart.cli.main import app

    group: Any = typer.main.get_command(app)
    for line in commands(page):
        _, command, *words = shlex.split(line, comments=True)
        if "--config" in words or "--schema" in words or ">" in words:
            words = []  # a file that a reader writes; what may stand in it is tested where it is read
        assert command in group.commands, line
        if not words:
            continue
        try:
            context = group.commands[command].make_context(command, words)
        except Exception as error:
            pytest.fail(f"{line}\n{getattr(error, 'message', error)}")
        named_recipe(context.params.get("recipe"), line, searched=command == "tune")


def named_recipe(recipe: str | None, line: str, *, searched: bool) -> None:
    from warmstart import WarmstartError, load_recipe
    from warmstart.recipe.search import space_of

    if recipe is None or recipe.endswith(".yaml") or recipe.isupper():
        return
    try:
        space_of(recipe) if searched else load_recipe(recipe)
    except WarmstartError as error:
        pytest.fail(f"{line}\n{error}")


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=name)
def test_links_lead_to_what_is_there(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    made = ("reference/", "results/")  # pages of the site that are made from the code
    missing = [link for link in links if link and not (page.parent / link).exists()]
    assert [link for link in missing if not link.lstrip("./").startswith(made)] == []
