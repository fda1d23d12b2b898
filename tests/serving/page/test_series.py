"""Series on the page: tables whose rows or columns they are, numbers that are typed, and the line that is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.page.conftest import Open, served, waves
from tests.serving.page.doing import answered, as_sent, choose, csv_rows
from warmstart.shipping.bundle import Bundle


@pytest.fixture(scope="module")
def url(waves_bundle: Path, chromium: str) -> Iterator[str]:
    with served(waves_bundle) as url:
        yield url


def test_rows_of_a_table_are_series(open_page: Open, url: str, waves_bundle: Path) -> None:
    series, names = waves(3, seed=1)
    lines = [f"{i},{','.join(map(str, one))},{name}" for i, (one, name) in enumerate(zip(series, names, strict=True))]
    page = open_page(url)
    choose(page, as_sent("w.csv", "\n".join([f"id,{','.join(f't{i}' for i in range(64))},label", *lines]).encode()))
    page.get_by_text("64 columns of numbers are sent, 2 left out.").wait_for()
    assert page.locator(".preview svg").count() == 1
    page.get_by_role("button", name="Answer 6 series").click()
    answered(page, "6 answered")
    expected = [row["label"] for row in Bundle.load(waves_bundle).predict(list(series))]
    assert page.locator(".card h3 bdi").all_inner_texts() == expected
    rows = csv_rows(page)
    assert [row["label"] for row in rows] == names
    assert [row["answered label"] for row in rows] == expected
    page.get_by_role("button", name="Why?").first.click()
    page.locator(".why .strip rect").first.wait_for()
    assert "64 steps" in page.locator(".why svg").first.get_attribute("aria-label")


def test_columns_of_a_table_are_channels_of_one_series(open_page: Open, url: str) -> None:
    values = waves(1)[0][0]
    page = open_page(url)
    choose(page, as_sent("w.csv", "\n".join(["time;x", *(f"{i};{v}" for i, v in enumerate(values))]).encode()))
    page.get_by_text("1 column of numbers is sent, 1 left out.").wait_for()
    page.get_by_role("button", name="Answer 1 series").click()
    answered(page, "1 answered")
    assert page.locator(".card .input").inner_text() == "w.csv"


def test_numbers_are_typed(open_page: Open, url: str) -> None:
    page = open_page(url)
    field = page.get_by_label("Series, one a line")
    field.fill("1, 2, three")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Line 1 has something that is no number, at place 3.").wait_for()
    assert field.get_attribute("aria-invalid") == "true"
    field.fill(" ".join(f"{value:.3f}" for value in waves(1)[0][0]))
    page.keyboard.press("Control+Enter")
    answered(page, "1 answered")
    assert field.get_attribute("aria-invalid") is None
