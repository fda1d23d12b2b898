"""Images on the page: dropped, pasted, chosen; what it says of them; and what it leaves alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.serving.page.conftest import HOSTILE, TOKEN, Open
from tests.serving.page.doing import answered, as_sent, card, choose, copy, csv_rows, drop, json_rows
from warmstart.shipping.bundle import Bundle


def test_images_get_the_answers_of_the_bundle(
    open_page: Open, digits_url: str, digits_bundle: Path, images: list[Path]
) -> None:
    page = open_page(digits_url)
    choose(page, *images)
    answered(page, "3 answered")
    for path, row in zip(images, Bundle.load(digits_bundle).predict(images), strict=True):
        told = card(page, path.name)
        assert told.locator("h3 bdi").inner_text() == row["label"]
        shares = sorted(row["probabilities"].values(), reverse=True)
        assert told.locator(".bars li > bdi").count() == 3
        first = told.locator(".bars .share").first.inner_text()
        assert first.replace("\u202f", " ") == (f"{100 * shares[0]:.1f} %" if shares[0] < 0.999 else "> 99.9 %")
        assert told.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 32


def test_an_image_is_dropped_or_pasted(open_page: Open, digits_url: str, images: list[Path]) -> None:
    page = open_page(digits_url)
    drop(page, [("dropped.png", "image/png", images[0].read_bytes())])
    answered(page, "1 answered")
    assert card(page, "dropped.png").locator("h3 bdi").inner_text() == "0"
    copy(page, "image/png", images[1].read_bytes())
    page.keyboard.press("Control+V")
    answered(page, "2 answered")
    assert page.locator(".card").last.locator("h3 bdi").inner_text() == "1"


def test_an_address_is_not_fetched(open_page: Open, digits_url: str) -> None:
    page = open_page(digits_url)
    page.locator("#zone").evaluate(
        """zone => {
          const carried = new DataTransfer();
          carried.setData("text/uri-list", "http://example.org/cat.png");
          zone.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
        }"""
    )
    page.get_by_text("this page fetches none").wait_for()
    assert page.locator(".card").count() == 0


def test_a_broken_image_is_told_and_the_others_are_answered(
    open_page: Open, digits_url: str, images: list[Path]
) -> None:
    from playwright.sync_api import expect  # not at the top: without it these tests are skipped

    page = open_page(digits_url)
    broken = as_sent("broken.png", images[0].read_bytes()[:60])
    choose(page, images[0], broken)
    answered(page, "1 answered", "1 could not be")
    expect(card(page, "broken.png").locator("h3")).to_have_text("No answer")  # drawn a moment after it is counted
    assert card(page, "broken.png").locator(".notice").inner_text() != ""
    page.get_by_label("Show", exact=True).select_option("failed")
    assert page.locator(".card .input").all_inner_texts() == ["broken.png"]
    choose(page, broken)  # alone, so that the whole request is refused
    answered(page, "1 answered", "2 could not be")
    assert [row["error"] != "" for row in csv_rows(page)] == [False, True, True]


def test_names_that_are_html_are_text(open_page: Open, digits_url: str, images: list[Path]) -> None:
    page = open_page(digits_url)
    name = "<b onclick=alert(1)>&lt;\u202egnp.png"
    choose(page, as_sent(name, images[2].read_bytes()))
    answered(page, "1 answered")
    assert page.locator(".card h3 bdi").inner_text() == HOSTILE
    assert page.locator(".card .input").inner_text() == name.replace("\u202e", "\ufffd")
    page.get_by_role("button", name="Table", exact=True).click()
    assert page.locator("tbody bdi").all_inner_texts() == [name.replace("\u202e", "\ufffd"), HOSTILE]
    page.get_by_text("About this model").click()
    assert HOSTILE in page.locator("#about-text").inner_text()
    assert page.locator("[onclick], [onerror], img[src='x']").count() == 0
    assert page.title() == "digits \u2013 warmstart"


def test_downloads_hold_what_was_answered(
    open_page: Open, digits_url: str, digits_bundle: Path, images: list[Path]
) -> None:
    page = open_page(digits_url)
    formula = as_sent("=cmd|' calc'!A1.png", images[0].read_bytes())
    choose(page, formula, *images[1:])
    answered(page, "3 answered")
    expected = Bundle.load(digits_bundle).predict(images)
    rows = csv_rows(page)
    assert [row["input"] for row in rows] == [f"'{formula['name']}", images[1].name, images[2].name]
    assert [row["label"] for row in rows] == [row["label"] for row in expected]
    for told, row in zip(rows, expected, strict=True):
        assert float(told["probability"]) == pytest.approx(row["probability"], abs=1e-5)
        assert float(told[f"p({HOSTILE})"]) == pytest.approx(row["probabilities"][HOSTILE], abs=1e-5)
        assert told["error"] == ""
    assert [row["label"] for row in json_rows(page)] == [row["label"] for row in expected]


def test_it_says_why(open_page: Open, digits_url: str, images: list[Path]) -> None:
    page = open_page(digits_url)
    choose(page, images[0])
    answered(page, "1 answered")
    why = page.get_by_role("button", name="Why?")
    why.click()
    page.locator(".why h4").wait_for()
    assert why.get_attribute("aria-expanded") == "true"
    assert "0" in page.locator(".why h4 q").inner_text()
    map_ = page.locator(".why canvas")
    assert map_.evaluate("c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v)")
    page.get_by_label("Strength of the map").fill("20")
    assert float(map_.evaluate("c => getComputedStyle(c).opacity")) == pytest.approx(0.2)
    page.get_by_label("Why, or why not").select_option("1")
    page.locator(".why h4 q", has_text="1").wait_for()
    why.click()
    assert not page.locator(".why").is_visible()


def test_all_is_done_by_keyboard(open_page: Open, digits_url: str, images: list[Path]) -> None:
    page = open_page(digits_url)
    page.on("filechooser", lambda _: None)  # heard of from now on: what is set up at the key itself may come too late

    def tab_to(name: str) -> Any:
        for _ in range(40):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            if focused.evaluate("e => e.tagName") == "BUTTON" and name in focused.inner_text():
                assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"  # it is seen
                return focused
        raise AssertionError(f"no way to {name}")

    tab_to("Choose images")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(images)
    answered(page, "3 answered")
    tab_to("Table")
    page.keyboard.press("Enter")
    tab_to(images[0].name)
    page.keyboard.press("Enter")
    page.locator("dialog .card h3 bdi", has_text="0").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    assert images[0].name in page.locator(":focus").inner_text()
    while page.locator(":focus").inner_text() != "Cards":
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    tab_to("Why?")
    page.keyboard.press("Enter")
    page.locator(".why h4").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(
    open_page: Open, digits_url: str, images: list[Path], scheme: str
) -> None:
    page = open_page(digits_url, width=360, scheme=scheme, is_mobile=True, has_touch=True)
    page.get_by_text("About this model").wait_for()
    widths = [page.locator("html").evaluate("e => e.scrollWidth")]
    name = f"{'long' * 40}.png"
    choose(page, *images, as_sent(name, images[2].read_bytes()), as_sent(name, b"no image"))
    answered(page, "4 answered", "1 could not be")
    widths.append(page.locator("html").evaluate("e => e.scrollWidth"))
    page.get_by_role("button", name="Table", exact=True).tap()
    widths.append(page.locator("html").evaluate("e => e.scrollWidth"))
    assert widths == [360] * 3
    ink, paper = (lightness(page, of) for of in ("color", "background-color"))
    assert ink < 60 and paper > 240 if scheme == "light" else ink > 220 and paper < 40


def lightness(page: Any, of: str) -> float:
    """Mean of red, green and blue of the whole page."""
    colour = page.locator("body").evaluate(f"e => getComputedStyle(e).getPropertyValue('{of}')")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def test_the_page_stands_before_the_service_answers(open_page: Open, digits_url: str, images: list[Path]) -> None:
    page = open_page(digits_url, ready=False, away="**/v1/model")
    page.get_by_text("The service cannot be reached.").wait_for()
    assert page.locator("h1").inner_text() == "A model"
    page.unroute("**/v1/model")
    page.get_by_role("button", name="Try again").click()
    page.locator("h1", has_text="digits").wait_for()
    page.route("**/v1/predict", lambda route: route.abort())
    choose(page, images[0])
    answered(page, "0 answered", "1 could not be")
    page.unroute("**/v1/predict")
    page.get_by_role("button", name="Ask again").click()
    answered(page, "1 answered")


def test_many_are_sent_in_parts_and_can_be_stopped(open_page: Open, strict_url: str, digits_folder: Path) -> None:
    many = sorted(digits_folder.rglob("*.png"))[:10]
    page = open_page(strict_url, ready=False)
    allow(page, TOKEN)
    parts: list[Any] = []
    page.on("response", lambda response: parts.append(response))
    choose(page, *many)
    answered(page, "10 answered")
    assert sorted(len(part.json()["rows"]) for part in parts if part.url.endswith("predict")) == [2, 4, 4]
    page.get_by_role("button", name="Clear").click()
    assert page.locator(".card").count() == 0
    page.route("**/v1/predict", lambda route: None)  # no answer comes
    choose(page, *many)
    page.get_by_role("button", name="Stop").click()
    page.locator("#status", has_text="The rest was stopped.").wait_for(state="attached")
    page.unroute("**/v1/predict")
    page.get_by_role("button", name="Ask again").click()
    answered(page, "10 answered")


def test_a_token_is_asked_for_once(open_page: Open, strict_url: str, images: list[Path]) -> None:
    page = open_page(strict_url, ready=False)
    page.get_by_label("Token", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_text("That was not the token.").wait_for()
    allow(page, TOKEN)
    page.reload()
    page.locator("body[data-ready]").wait_for()
    choose(page, images[0])
    answered(page, "1 answered")
    assert page.locator("dialog").count() == 0
    assert page.locator("body").evaluate("() => localStorage.length + document.cookie.length") == 0


def allow(page: Any, token: str) -> None:
    """Type a token and wait until it is taken."""
    page.get_by_label("Token", exact=True).fill(token)
    page.keyboard.press("Enter")
    page.locator("body[data-ready]").wait_for()
