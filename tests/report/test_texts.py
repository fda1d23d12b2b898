"""A report and a model card about texts."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from tests.report.conftest import READ
from warmstart.data.schema import ClassTarget, Dataset, Sample, Text
from warmstart.data.tokens import TokenStore
from warmstart.evaluation.outcome import CellSamples, Example, Mistake, Outcome
from warmstart.preprocess.text import TextSpec
from warmstart.report.card import model_card
from warmstart.report.html import report_html
from warmstart.report.images import illustrate, illustrate_cells
from warmstart.report.texts import MOST, excerpt

OF_IMAGES = re.compile(r"\b(image|photo|picture|pixel|px|camera)s?\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def html(texts_outcome: Outcome) -> str:
    return report_html(texts_outcome)


def block(html: str, outcome: Outcome) -> str:
    cell = outcome.cells[0]
    return html.split(f'id="cell-{cell.row}-{cell.column}"')[1].split("</section>")[0]


def test_nothing_on_the_page_or_the_card_speaks_of_images(html: str, texts_outcome: Outcome) -> None:
    audit = {**texts_outcome.audit, "problems": [], "corrupt": [], "duplicates": [], "leaks": []}  # as others word them
    plain = dataclasses.replace(texts_outcome, audit=audit, decisions=(), plan="", mistakes=(), cells=(), command="")
    shown = re.sub(r"<(style|svg)\b.*?</\1>|<[^>]*>", " ", report_html(plain), flags=re.DOTALL)
    assert not OF_IMAGES.findall(shown)
    assert not OF_IMAGES.findall(model_card(plain))
    assert "2 000 test texts" in shown.replace("\u202f", " ")


def test_mistakes_show_the_beginning_of_the_text_whatever_its_script(html: str, texts_outcome: Outcome) -> None:
    assert "<img" not in html
    for mistake in texts_outcome.mistakes:
        for part in mistake.text:
            assert f'<p class="text" dir="auto">{escape(part)}</p>' in html


def test_text_stays_text(html: str) -> None:
    assert "<script>" not in html
    assert "onerror=alert(2)>" not in html
    assert "\x1b" not in html
    assert "{{ 7*7 }}" in html


def test_the_samples_of_a_cell_are_read_too_and_those_without_a_text_are_named(
    html: str, texts_outcome: Outcome
) -> None:
    cell, shown = texts_outcome.cells[0], block(html, texts_outcome)
    assert shown.count('class="text"') == sum(len(one.text) for one in cell.samples)
    assert all(one.id in shown for one in cell.samples)


def test_the_terms_of_each_class_are_listed_as_text(html: str, outcome: Outcome, texts_outcome: Outcome) -> None:
    section = html.split('id="telling"')[1].split("</section>")[0]
    assert section.count("<bdi>") == sum(len(terms) for terms in texts_outcome.rungs[0].terms)
    assert f"<bdi>{escape(texts_outcome.rungs[0].terms[0][1])}</bdi>" in section
    assert texts_outcome.classes[-1] not in section, "nothing is known of it"
    assert 'id="telling"' not in report_html(outcome)


def test_a_pair_shows_both_parts(html: str) -> None:
    first, second = excerpt(Text((READ[0], READ[1])))
    assert f'<p class="text" dir="auto">{first}</p><p class="text" dir="auto">{second}</p>' in html


def test_what_the_network_reads_of_a_text_is_said(html: str) -> None:
    assert "up to 256 tokens, mean of all tokens" in html
    assert "From 12 to 25\u202f000 characters, typically 2\u202f260 (384 words)." in html


def test_the_card_says_how_to_ask_for_a_text(texts_outcome: Outcome) -> None:
    card = model_card(texts_outcome)
    assert yaml.safe_load(card.split("---")[1])["pipeline_tag"] == "text-classification"
    assert 'model.predict(["A text.", "Another one."])' in card
    assert "one.jpg" not in card


def test_the_card_says_how_a_text_is_read(texts_outcome: Outcome) -> None:
    card = model_card(texts_outcome)
    assert "of a longer one the first 256 are read. Its features are mean of all tokens." in card
    assert yaml.safe_load(card.split("---")[1])["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"


def test_texts_are_found_by_the_sample_and_pass_through_json() -> None:
    samples = tuple(Sample(f"row-{i}", Text((f"text {i}", "its pair")), "a") for i in range(3))
    store = TokenStore(Dataset(samples, ClassTarget(("a",))), TextSpec())
    (shown,) = illustrate([Mistake("row-2", "a", "b", 0.9)], store)
    assert (shown.text, shown.thumbnail) == (("text 2", "its pair"), "")
    assert json.loads(json.dumps(dataclasses.asdict(shown)))["text"] == ["text 2", "its pair"]
    many = [CellSamples(0, 1, 8, (Example("row-1", 0.5),) * 8)] * 40
    assert all(one.text == ("text 1", "its pair") for cell in illustrate_cells(many, store) for one in cell.samples)


@given(st.lists(st.text(), min_size=1, max_size=2))
def test_an_excerpt_is_short_on_one_line_and_without_control_characters(parts: list[str]) -> None:
    found = excerpt(Text(tuple(part * 30 for part in parts)))
    assert len(found) == len(parts)
    assert sum(map(len, found)) <= MOST + 2 * len(parts)
    assert all(len(part.splitlines()) < 2 and "\x1b" not in part for part in found)


def test_an_excerpt_is_cut_between_words_where_there_are_any() -> None:
    (cut,) = excerpt(Text((READ[0],)))
    assert READ[0].startswith(cut.removesuffix(" …") + " ")
    (chinese,) = excerpt(Text((READ[2],)))
    assert len(chinese) == MOST + 1
