"""Texts on the page: pasted, a text per line, files, and tables of which a person names the column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.newsroom import news
from tests.serving.page.conftest import Open, served
from tests.serving.page.doing import answered, as_sent, card, choose, copy, csv_rows
from warmstart.shipping.bundle import Bundle


@pytest.fixture(scope="module")
def url(news_bundle: Path, chromium: str) -> Iterator[str]:
    with served(news_bundle) as url:
        yield url


def table(rows: list[list[str]], encoding: str = "utf-8") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


def test_a_text_is_pasted_and_answered(open_page: Open, url: str, news_bundle: Path) -> None:
    text = news(1)[0][0]
    (row,) = Bundle.load(news_bundle).predict([text])
    page = open_page(url)
    copy(page, "text/plain", text.encode())
    page.keyboard.press("Control+V")  # wherever the focus is
    assert page.get_by_label("Text", exact=True).input_value() == text
    page.keyboard.press("Control+Enter")
    answered(page, "1 answered")
    assert page.locator(".card h3 bdi").inner_text() == row["label"]
    assert page.locator(".card blockquote").inner_text() == text


def test_each_line_is_a_text(open_page: Open, url: str) -> None:
    page = open_page(url)
    page.get_by_role("button", name="Answer").click()
    page.get_by_text("There is no text yet.").wait_for()
    page.get_by_label("Text", exact=True).fill("One.\n\n<b>Three</b>.\n")
    page.get_by_label("Each line is a text").check()
    page.get_by_role("button", name="Answer").click()
    answered(page, "2 answered")
    assert page.locator(".card .input").all_inner_texts() == ["line 1", "line 3"]
    assert page.locator(".card blockquote").all_inner_texts() == ["One.", "<b>Three</b>."]


def test_a_table_is_shown_first_and_comes_back_with_its_columns(open_page: Open, url: str, news_bundle: Path) -> None:
    texts = [text for text, _ in news(20)][:40]
    given = [[f"00{i}", "=1+1", text] for i, text in enumerate(texts)]
    rows = [["id", "label", "was sagt er; \u00e4"], *given, ["x", "y", ""]]
    page = open_page(url)
    choose(page, as_sent("news \u00e4.csv", table(rows, "windows-1252")))
    assert page.locator(".preview th").all_inner_texts() == rows[0]
    column = page.get_by_label("The texts are in")
    assert column.locator("option:checked").inner_text() == rows[0][2]
    column.select_option("0")
    assert page.locator(".preview th.chosen").inner_text() == "id"
    column.select_option("2")
    page.get_by_role("button", name="Answer 41 texts").click()
    answered(page, "40 answered", "1 could not be")
    found = csv_rows(page)
    expected = Bundle.load(news_bundle).predict(texts)
    assert [row["id"] for row in found] == [row[0] for row in rows[1:]]  # 001 stays what it was
    assert [row["label"] for row in found] == ["'=1+1"] * 40 + ["y"]
    assert [row["answered label"] for row in found[:40]] == [row["label"] for row in expected]
    assert found[40]["error"] != ""


def test_a_text_file_is_read_and_a_picture_is_refused(open_page: Open, url: str) -> None:
    page = open_page(url)
    choose(page, as_sent("a.txt", "Wie schön.".encode("utf-16")), as_sent("b.png", b"..."))
    answered(page, "1 answered", "1 could not be")
    assert card(page, "a.txt").locator("blockquote").inner_text() == "Wie schön."
    assert "is no text" in card(page, "b.png").locator(".notice").inner_text()


def test_words_say_why(open_page: Open, url: str) -> None:
    page = open_page(url)
    page.get_by_label("Text", exact=True).fill(news(1)[0][0])
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Why?").click()
    page.locator(".why .weights li").first.wait_for()
    marked = page.locator(".why .passage .for, .why .passage .against")
    assert marked.count() > 0
    assert page.locator(".why .passage").inner_text() == news(1)[0][0]
    for kind, line in (("for", "solid"), ("against", "dashed")):  # the sign is not told by colour alone
        for one in page.locator(f".why .passage .{kind}").all():
            assert one.evaluate("e => getComputedStyle(e).borderBottomStyle") == line
    assert page.locator(".why .weights .share").first.inner_text()[0] in "+\u2212"


def test_thousands_are_a_table(open_page: Open, url: str) -> None:
    page = open_page(url)
    rows = [["text"], *([f"Text number {i}."] for i in range(230))]
    choose(page, as_sent("many.csv", table(rows)))
    page.get_by_role("button", name="Answer 230 texts").click()
    answered(page, "230 answered")
    assert page.locator("tbody tr").count() == 200
    page.get_by_role("button", name="Show 30 more of 30").click()
    assert page.locator("tbody tr").count() == 230
    assert len(csv_rows(page)) == 230
