"""The site is built without a warning and without a network, says all that the code has, and fetches nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

import warmstart
from warmstart.cli.main import app
from warmstart.recipe.episodic import MetaMethod
from warmstart.recipe.methods import recipes
from warmstart.recipe.phase import BalanceName

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MOST_LINES = 12
FETCHED = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//""")


def headings(page: Path) -> set[str]:
    return set(re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", list(recipes))
def test_every_recipe_has_its_page(name: str) -> None:
    text = (DOCS / "methods" / f"{name}.md").read_text(encoding="utf-8")
    for heading in ("When it wins", "When it does not", "What it costs", "The recipe"):
        assert f"\n## {heading}\n" in text
    assert "<!-- generated: recipe -->" in text  # options and YAML are the code's
    assert re.search(r"\*\*Papers?\.\*\*.*(19|20)\d\d.*https://", text, re.DOTALL)


def test_every_page_of_a_method_has_its_recipe() -> None:
    others = {"index", "balancing", "episodes", "averaging"}
    assert {page.stem for page in (DOCS / "methods").glob("*.md")} == set(recipes) | others


def test_balances_and_ways_to_meta_learn_are_explained() -> None:
    assert headings(DOCS / "methods" / "balancing.md") == set(get_args(BalanceName))
    assert headings(DOCS / "methods" / "episodes.md") == set(get_args(MetaMethod))


def entries(nav: list[Any]) -> Iterator[str]:
    for entry in nav:
        for below in entry.values() if isinstance(entry, dict) else [entry]:
            yield from entries(below) if isinstance(below, list) else [below]


def test_every_page_is_in_the_navigation_once() -> None:
    listed = list(entries(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert sorted(set(listed)) == sorted(listed)
    assert pages - set(listed) == set()
    assert set(listed) - pages == {"reference/recipe.md", "reference/errors.md"}


SNIPPETS = [page for page in sorted((DOCS / "snippets").glob("*.md")) if page.stem != "index"]


@pytest.mark.parametrize("page", SNIPPETS, ids=lambda page: page.stem)
def test_a_classic_snippet_takes_few_lines_and_tells_its_result(page: Path) -> None:
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith((">>> ", "... "))]
    assert 0 < len(lines) <= MOST_LINES
    assert "outcome.verdict" in lines[-1]


def test_there_are_seven_of_them() -> None:
    assert len(SNIPPETS) == 7


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, by a process that cannot reach any network through a proxy or directly."""
    folder = tmp_path_factory.mktemp("site") / "built"
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}
    given = {**os.environ, **nowhere, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_site_is_built_strictly_and_is_whole(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS).with_suffix(".html")).is_file(), page
    for name in warmstart.__all__:
        assert f'id="warmstart.{warmstart._PLACES[name]}.{name}"' in _read(site / "reference" / "api" / f"{name}.html")
    assert "<!-- generated" not in "".join(_read(page) for page in site.rglob("*.html"))


@pytest.mark.slow
def test_every_command_has_a_page_with_its_options(site: Path) -> None:
    import typer

    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        text = _read(site / "reference" / "cli" / f"{name}.html")
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.opts[0] in text, (name, parameter.opts)


@pytest.mark.slow
def test_recipes_are_printed_from_the_code(site: Path) -> None:
    text = re.sub(r"<[^>]+>", "", _read(site / "methods" / "gradual.html"))
    assert "per_block" in text
    assert "slanted_triangular" in text
    fields = re.findall(r"<tr>(.*?)</tr>", _read(site / "reference" / "recipe.html"), re.DOTALL)
    assert any("early_stopping" in row for row in fields)
    assert [row for row in fields if re.search(r"<td>\s*</td>\s*$", row)] == []  # every field is explained
    assert "TrainingError" in _read(site / "reference" / "errors.html")


@pytest.mark.slow
def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    found = {page.name: FETCHED.findall(_read(page)) for page in site.rglob("*.html")}
    assert {name: hits for name, hits in found.items() if hits} == {}
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", _read(sheet)), sheet


@pytest.mark.slow
def test_search_needs_no_server(site: Path) -> None:
    written = _read(site / "search" / "search_index.js")
    index = json.loads(written.partition("=")[2])
    assert any(entry["location"].startswith("methods/lp_ft.html") for entry in index["docs"])
    assert "iframe-worker.js" in _read(site / "index.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_search_finds_a_method_in_a_page_that_is_opened_as_a_file(site: Path, browser: Any, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked = _requests(page)
    page.goto((site / "index.html").as_uri())
    page.click("label.md-header__button[for=__search]" if width < 1000 else ".md-search__input")
    page.wait_for_function("!document.querySelector('.md-search-result__meta').innerText.startsWith('Init')")
    page.type(".md-search__input", "gradual unfreezing", delay=20)
    first = page.wait_for_selector(".md-search-result__item a", timeout=30_000)
    assert first is not None
    assert "gradual" in str(first.get_attribute("href"))
    assert _from_elsewhere(asked) == []


@pytest.mark.slow
def test_every_page_fits_a_phone_and_shows_its_pictures(site: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 900})
    asked = _requests(page)
    for written in sorted(site.rglob("*.html")):
        page.goto(written.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, written
        assert page.evaluate("[...document.images].filter(one => one.complete && !one.naturalWidth).length") == 0, (
            written
        )
    assert _from_elsewhere(asked) == []


def _from_elsewhere(asked: list[str]) -> list[str]:
    return [url for url in asked if not url.startswith(("file:", "blob:", "data:"))]


def _requests(page: Any) -> list[str]:
    """Addresses, as the page asks for them."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
