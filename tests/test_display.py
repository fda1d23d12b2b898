"""What notebooks show: of every kind of result, with names that would be markup if they were not escaped."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import warmstart
from tests.report.conftest import outcome as outcome
from tests.shipping.conftest import write as write
from tests.shipping.helpers import CLASSES, Write
from warmstart.api.fit import FitResult
from warmstart.api.pull import PullResult
from warmstart.api.push import PushResult
from warmstart.data.sources import load
from warmstart.display import Rows, Table, piece
from warmstart.evaluation.outcome import Outcome
from warmstart.recipe.methods import load_recipe

HOSTILE = "<img src=x onerror=alert(1)>&\"'"


class _Checked(HTMLParser):
    """Whether tags are closed as they were opened, and which there are."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.tags, self.styles = list[str](), set[str](), list[str]()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.styles += [value or "" for _, value in attributes]
        assert all(name == "style" for name, _ in attributes)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def sound(text: str) -> str:
    """The HTML, which stands alone, closes what it opens, and sets no colour that a dark page would swallow."""
    checked = _Checked()
    checked.feed(text)
    assert checked.open == []
    assert checked.tags <= {"div", "table", "thead", "tbody", "tr", "th", "td", "pre"}
    for style in checked.styles:
        assert not re.search(r"(?<!-)color:|background:(?!none)", style)
    return text


def shown(thing: Any) -> str:
    return sound(thing._repr_html_())


def test_a_piece_escapes_whatever_it_is_given() -> None:
    table = Table([HOSTILE], [[HOSTILE]])
    text = sound(piece(HOSTILE, lead=HOSTILE, facts={HOSTILE: HOSTILE}, text=HOSTILE, tables=[table]))
    assert "<img" not in text
    assert text.count("&lt;img") == 7


def test_long_tables_are_cut_and_say_so() -> None:
    text = sound(piece("t", tables=[Table(("n",), [(i,) for i in range(50)])]))
    assert "and 30 more" in text
    assert text.count("<tr>") == 21


def test_rows_are_the_list_that_they_are() -> None:
    rows = Rows([{"input": HOSTILE, "probability": 0.123456, "probabilities": {"a": 1.0}}])
    assert json.loads(json.dumps(rows)) == list(rows)
    text = shown(rows)
    assert "0.1235" in text
    assert "probabilities" not in text
    assert "<img" not in text
    assert "0 rows" in shown(Rows[int]())


def test_what_fit_returns_says_what_came_of_it(outcome: Outcome) -> None:
    hostile = dataclasses.replace(outcome, rungs=tuple(dataclasses.replace(r, why=HOSTILE) for r in outcome.rungs))
    place = Path("runs/x")
    text = shown(FitResult(hostile, place, place / "report.html", place / "bundle"))
    assert "Transfer paid off" in text
    assert "81.7–84.9" in text
    assert "lp_ft" in text
    assert "<img" not in text


def test_public_things_show_themselves(digits_folder: Path, write: Write) -> None:
    folder = write()
    (digits_folder / "0").rename(digits_folder / "<b>zero")
    data = load(digits_folder)
    assert "&lt;b&gt;zero" in shown(data)
    assert "20" in shown(data)
    assert "&lt;b&gt;zero" in shown(warmstart.check(digits_folder))
    assert "lp_ft" in shown(warmstart.recipes())
    assert "minilm" in shown(warmstart.backbones(modality="text"))
    assert "steps:" in shown(load_recipe("lp_ft"))
    planned = warmstart.plan(digits_folder, recipe="finetune?epochs=1", backbone="toy", size=32)
    assert "finetune" in shown(planned)
    assert "toy" in shown(warmstart.Bundle.load(folder))
    image = next((digits_folder / "1").iterdir())
    answers = warmstart.predict(folder, [image])
    assert image.name in shown(answers)
    assert json.loads(json.dumps(answers)) == answers
    measured = warmstart.evaluate(folder, ([image] * 4, [*CLASSES[:2]] * 2))
    assert "Measured on 4 samples, all of the data" in shown(measured)
    assert "accuracy" in shown(measured)
    assert CLASSES[0] in shown(measured)
    assert isinstance(measured, dict)


@pytest.mark.parametrize("commit", ["", "c0ffee"])
def test_what_was_sent_and_fetched_is_shown(commit: str) -> None:
    sent = PushResult("a/b", {"README.md": 1234}, True, (HOSTILE,), commit, "https://hub" if commit else "")
    assert ("Nothing was sent" in shown(sent)) is (not commit)
    assert "1,234" in shown(PullResult(Path("b"), "a/b", "c0ffee", {"README.md": 1234}, HOSTILE))
    assert "<img" not in shown(sent)
