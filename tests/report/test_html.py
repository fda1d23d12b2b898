import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from warmstart.evaluation.compare import NO_DIFFERENCE
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import CurveRow, Difference, Mistake, Outcome
from warmstart.report.figures import rung_bars
from warmstart.report.html import report_html, write_report
from warmstart.report.numbers import THIN
from warmstart.report.words import comparison, verdict

HOSTILE = "<script>alert(1)</script>\"'&{{ 7*7 }}"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Tags, attributes and text; `unclosed` is empty for a well-formed page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text, self.unclosed, self.wrong = "", list[str](), list[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.unclosed or self.unclosed.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def html(outcome: Outcome, sheet: Image.Image) -> str:
    return report_html(outcome, contact_sheet=sheet)


def test_the_page_is_one_file_that_loads_nothing_and_runs_nothing(html: str) -> None:
    page = Page(html)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    sources = [value for name, value in page.attributes if name in ("src", "href", "srcset", "data")]
    assert sources
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html


def test_every_tag_is_closed(html: str) -> None:
    page = Page(html)
    assert (page.unclosed, page.wrong) == ([], [])


def test_it_opens_with_the_key_number_its_interval_and_the_verdict(html: str, outcome: Outcome) -> None:
    text = " ".join(Page(html).text.replace("\u202f", " ").split())
    accuracy = outcome.test["accuracy"]
    shown = f"{100 * accuracy.value:.1f} % accuracy on 2 000 test images, 95 % interval"
    assert f"{shown} {100 * accuracy.low:.1f}–{100 * accuracy.high:.1f}" in text
    assert outcome.verdict in text
    assert text.index(shown) < text.index("What transfer gave")


def test_it_shows_every_part_of_the_outcome(html: str, outcome: Outcome) -> None:
    text = Page(html).text
    for part in (
        *(rung.name for rung in outcome.rungs),
        *outcome.classes,
        *outcome.decisions,
        *(mistake.id for mistake in outcome.mistakes),
        outcome.command,
        outcome.backbone["weights_sha256"],
        outcome.backbone["licence"],
        outcome.plan,
        "no difference that this data can show",
        "out of time",
        "3 image(s) cannot be read",
        "train/Coat/0113.jpg: truncated",
        "From 28 × 28 to 4032 × 3024 pixels, typically 640 × 480.",
    ):
        assert part in text, part
    assert html.count("<img") == len(outcome.mistakes) + 4 + 1  # four in a cell, and the contact sheet


def test_text_from_data_is_never_markup(outcome: Outcome) -> None:
    def poison(value: object) -> object:
        if isinstance(value, str):
            return HOSTILE
        if isinstance(value, tuple | list):
            return type(value)(poison(v) for v in value)
        if isinstance(value, dict):
            return {k: v if k == "kind" else poison(v) for k, v in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fixed = ("role", "verdict", "thumbnail", "evaluated_on", "metric", "chosen", "task")
            return dataclasses.replace(
                value,
                **{
                    f.name: poison(getattr(value, f.name))
                    for f in dataclasses.fields(value)
                    if f.name not in fixed or (f.name == "verdict" and isinstance(value, Outcome))
                },
            )
        return value

    whole = poison(dataclasses.replace(outcome, audit={}))
    assert isinstance(whole, Outcome)
    poisoned = dataclasses.replace(
        whole, audit={**outcome.audit, "counts": {HOSTILE: 3}, "corrupt": [[HOSTILE, HOSTILE]]}
    )
    html = report_html(poisoned)
    page = Page(html)
    assert "script" not in page.tags
    assert (page.unclosed, page.wrong) == ([], [])
    assert "<script>alert(1)</script>" in page.text
    assert "49" not in re.findall(r"&\{\{ 7\*7 \}\}|&49", page.text)
    assert not any(name.startswith("on") for name, _ in page.attributes)


def test_a_thumbnail_that_is_not_a_picture_inside_the_page_is_left_out(outcome: Outcome) -> None:
    spy = Mistake("a.png", "x", "y", 0.9, thumbnail="https://example.org/track.png")
    html = report_html(dataclasses.replace(outcome, mistakes=(spy,)))
    assert "example.org" not in html


def test_without_a_test_set_it_says_so(outcome: Outcome) -> None:
    rungs = tuple(dataclasses.replace(rung, test=None) for rung in outcome.rungs)
    split = {**outcome.split, "test": 0}
    html = report_html(dataclasses.replace(outcome, rungs=rungs, split=split, evaluated_on="val"))
    assert "There is no test set" in html
    assert "on 200 validation images" in html
    assert 'class="whisker"' not in html


def test_an_outcome_with_next_to_nothing_in_it_still_makes_a_page(outcome: Outcome) -> None:
    bare = dataclasses.replace(
        outcome, audit={}, environment={}, rungs=(), differences=(), test={}, confusion=(), per_class=(), mistakes=(),
        cells=(), projection=None,
        reliability_before=None, reliability_after=None, decisions=(), plan="",
    )  # fmt: skip
    page = Page(report_html(bare))
    assert (page.unclosed, page.wrong) == ([], [])
    assert outcome.verdict in page.text


def test_with_many_classes_the_mistakes_are_listed_instead_of_a_table(outcome: Outcome) -> None:
    n = 101
    counts = tuple(tuple(50 if i == j else 3 if j == i + 1 else 0 for j in range(n)) for i in range(n))
    names = tuple(f"species {i}" for i in range(n))
    html = report_html(dataclasses.replace(outcome, classes=names, confusion=counts, cells=(), projection=None))
    assert 'class="confusion' not in html.replace('class="confusions"', "")
    assert "101 classes" in html
    assert html.count("taken for") == 30


def test_a_curve_that_diverged_is_drawn_as_far_as_it_goes(outcome: Outcome) -> None:
    rung = next(r for r in outcome.rungs if r.name == "scratch")
    rows = tuple(dataclasses.replace(row, values={**row.values, "train_loss": float("nan")}) for row in rung.curve[3:])
    broken = dataclasses.replace(rung, curve=rung.curve[:3] + rows)
    html = report_html(dataclasses.replace(outcome, rungs=(broken,)))
    assert "nan" not in re.findall(r'points="[^"]*"', html)[0]


def test_it_is_written_as_a_whole_and_leaves_nothing_beside_it(outcome: Outcome, tmp_path: Path) -> None:
    path = write_report(outcome, tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert list(path.parent.iterdir()) == [path]


def test_a_perfect_score_is_shown_with_its_interval(outcome: Outcome) -> None:
    html = report_html(dataclasses.replace(outcome, test={"accuracy": Interval(1.0, 0.884, 1.0)}))
    assert "88.4–100.0" in html


def test_the_model_handed_over_has_a_bar_of_its_own_where_it_is_none_of_the_rungs(outcome: Outcome) -> None:
    refitted = dataclasses.replace(outcome, test={**outcome.test, "accuracy": Interval(0.9, 0.88, 0.92)})
    bars = [row["rung"].name for row in rung_bars(refitted) if row["tone"] == "chosen"]
    assert bars == ["final"]
    assert [row["rung"].name for row in rung_bars(outcome) if row["tone"] == "chosen"] == ["average"]


def test_the_verdict_does_not_repeat_the_key_number(outcome: Outcome) -> None:
    first = f"{100 * outcome.test['accuracy'].value:.1f} % of 2000 test images are right."
    shown = verdict(dataclasses.replace(outcome, verdict=f"{first} Transfer helped."))
    assert shown == "Transfer helped."
    assert verdict(outcome) == outcome.verdict
    assert verdict(dataclasses.replace(outcome, verdict=first)) == first


def test_comparisons_ask_for_a_number_of_samples_only_where_it_is_within_reach(outcome: Outcome) -> None:
    near = Difference("tuned", "probe", Interval(0.02, -0.003, 0.043), NO_DIFFERENCE)
    far = Difference("final", "probe", Interval(0.001, -0.02, 0.022), NO_DIFFERENCE)
    assert "more test images would be needed to show it" in comparison(near, outcome)
    assert comparison(far, outcome).startswith("The final model against probe: no difference")
    assert "Even 10 times as many" in comparison(far, outcome)


def test_a_final_row_that_was_fitted_on_all_labels_is_the_one_highlighted_and_needs_no_validation(
    outcome: Outcome,
) -> None:
    chosen = next(r for r in outcome.rungs if r.name == "lp_ft")
    rows = tuple(CurveRow(r.phase, r.epoch, r.step, {"train_loss": r.values["train_loss"]}) for r in chosen.curve)
    final = dataclasses.replace(chosen, name="final", val={}, curve=rows, why="every choice was made before")
    both = dataclasses.replace(outcome, rungs=(*outcome.rungs, final))
    assert [row["rung"].name for row in rung_bars(both) if row["tone"] == "chosen"] == ["final"]
    html = report_html(both)
    assert "handed over" in html
    assert html.count("validation accuracy</figcaption>") == html.count("<figcaption>loss</figcaption>") - 1


def test_the_page_says_where_the_time_went(html: str) -> None:
    assert "frozen part of the network 31 s, training 52 s" in Page(html).text.replace(THIN, " ")
