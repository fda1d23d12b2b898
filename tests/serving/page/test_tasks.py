"""Every kind of answer that a bundle can give has its place on the page."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.exporting.bundles import MAKERS
from tests.serving.page.conftest import Open, served
from tests.serving.page.doing import answered, as_sent, choose, csv_rows
from warmstart.data.futures import Window
from warmstart.data.schema import Sample

SEEN = {
    "classify": ".bars li",
    "multilabel": ".bars li",
    "regress": "dl.told dd",
    "anomaly": "dl.told dd",
    "detect": ".boxes .box",
    "segment": ".boxes canvas",
    "tag": ".passage",
    "forecast": ".plot .band",
    "generate": "blockquote",
}
"""By task, what a card has beside the answer."""


@pytest.mark.slow
@pytest.mark.parametrize("task", MAKERS)
def test_an_answer_of_each_task_is_shown(open_page: Open, chromium: str, tmp_path: Path, task: str) -> None:
    bundle, inputs = MAKERS[task](tmp_path / "bundle")
    (row,) = bundle.predict(inputs[:1])
    with served(bundle.folder) as url:
        page = open_page(url)
        give(page, inputs[0])
        answered(page, "1 answered")
        card = page.locator(".card")
        assert card.locator("h3").inner_text() != "no answer"
        assert (card.locator(SEEN[task]).count() > 0) == (task != "detect" or len(row["boxes"]) > 0)
        explained(page, task)
        rows = csv_rows(page)
        assert [one["error"] for one in rows] == [""] * len(rows)


def explained(page: Any, task: str) -> None:
    """Why it is answered so, and why a part of it is; of a text that nobody wrote that there is nothing to explain."""
    page.get_by_role("button", name="Why?").first.click()
    page.locator(".why h4, .why > .notice").first.wait_for()
    part = page.get_by_label("Why", exact=True)
    assert part.count() == (task in ("tag", "forecast")) or task == "detect"
    if task == "tag":
        part.select_option("2")
        page.locator(".why h4", has_text="cat: ").wait_for()
    if task == "forecast":
        part.select_option("+3")
        page.locator(".why h4", has_text="+3").wait_for()


def give(page: Any, one: Any) -> None:
    """Give an input as a person has it: an image as a file, a text or numbers by typing."""
    if isinstance(one, str):
        page.get_by_label("Text", exact=True).fill(one)
        page.keyboard.press("Control+Enter")
    elif isinstance(one, Sample) and isinstance(one.source, Window):
        page.get_by_label("Series, one a line").fill(", ".join(map(str, one.source.past)))
        page.keyboard.press("Control+Enter")
    else:
        file = io.BytesIO()
        Image.fromarray(one).save(file, "PNG")
        choose(page, as_sent("a.png", file.getvalue()))
