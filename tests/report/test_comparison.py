import dataclasses
from pathlib import Path

import pytest

from tests.report.comparisons import comparison, one_backbone, two_backbones
from tests.report.test_html import HOSTILE, Page
from warmstart.errors import RunError
from warmstart.evaluation.comparison import Comparison, Entry
from warmstart.evaluation.outcome import Outcome
from warmstart.report.comparison import comparison_html, write_comparison
from warmstart.report.numbers import THIN
from warmstart.report.results import read_results, write_results


def without_scratch() -> Comparison:
    rows = [dataclasses.replace(e, over_scratch=None) for e in one_backbone() if e.role != "no transfer"]
    return comparison(tuple(rows), folds=2, seeds=(0,), classes=tuple(f"species {i}" for i in range(40)))


def failed(entry: Entry) -> Entry:
    return dataclasses.replace(
        entry, metrics={}, ece=None, trials=(), drift=None, moved=None, curve=(), peak_memory=0, over_scratch=None,
        over_frozen=None, failed="out of memory at 224 px",
    )  # fmt: skip


def with_a_failure() -> Comparison:
    rows = one_backbone()
    return comparison((*rows[:2], failed(rows[2]), *rows[3:]))


def of_nothing() -> Comparison:
    bare = comparison(tuple(failed(entry) for entry in one_backbone()), best="")
    return dataclasses.replace(
        bare, picked=None, audit={}, confusion=(), per_class=(), reliability_before=None, reliability_after=None,
        mistakes=(), decisions=(), environment={},
    )  # fmt: skip


VARIANTS = {
    "one backbone": comparison,
    "two backbones": two_backbones,
    "no scratch, two folds, 40 classes": without_scratch,
    "a failure": with_a_failure,
    "nothing finished": of_nothing,
}


def text_of(shown: Comparison) -> str:
    return " ".join(Page(comparison_html(shown)).text.replace(THIN, " ").split())


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_a_well_formed_page_that_loads_nothing_and_holds_no_raw_missing_value(name: str) -> None:
    shown = VARIANTS[name]()
    html = comparison_html(shown)
    page = Page(html)
    assert (page.unclosed, page.wrong) == ([], [])
    assert "script" not in page.tags
    assert all(v.startswith(("data:image/", "#")) for n, v in page.attributes if n in ("src", "href"))
    words = set(page.text.replace(",", " ").split())
    assert not {"None", "nan", "NaN", "inf"} & words
    assert "nan" not in html.lower().replace("finance", "")
    assert html == comparison_html(shown)
    assert all(part in page.text for part in (shown.verdict, shown.command, *(e.name for e in shown.entries)))


def test_the_headline_comes_first_and_every_fact_is_there() -> None:
    shown = comparison()
    text = text_of(shown)
    headline = "88.3 % accuracy with lp_ft the best of 5, on 2 000 images that it had not learned from"
    assert text.index(headline) < text.index(shown.verdict) < text.index("Side by side")
    for part in (
        "The 400 images of your test part stayed closed",
        "reaches 87.9 %",
        "lp_ft 12 of 15 times, gradual 2 of 15 times, probe 1 of 15 times",
        "lp_ft is better than probe: +2.2 points (95 % interval +1.1 to +3.3).",
        "gradual is as good as probe in practice",
        "about 6 200 images would be needed to show it; there are 2 000",
        "858 MiB",
        "12 810",
        "12.0 % 10.0–14.0",
        "computed once for all contenders, 1 min 1 s",
        "licence of lite0",
        "Nadeau & Bengio 2003",
        *shown.decisions,
        *(mistake.id for mistake in shown.mistakes),
    ):
        assert part in text, part


def test_every_trial_is_a_dot_that_says_which_it_is() -> None:
    html = comparison_html(comparison())
    assert html.count("<title>seed ") == 5 * 5 * 3
    assert "seed 2, fold 5: " in html


def test_transfer_that_hurts_is_said_at_the_top() -> None:
    text = text_of(two_backbones())
    said = "Transfer hurts with probe on timm:resnet50.a1_in1k."
    assert text.index(said) < text.index("Side by side")
    assert "probe on timm:resnet50.a1_in1k is worse than scratch on lite0: −6.1 points" in text


def test_a_contender_that_failed_says_why_and_takes_no_part_in_the_charts() -> None:
    html = comparison_html(with_a_failure())
    assert "finetune failed." in Page(html).text
    assert "no result: out of memory at 224 px" in Page(html).text
    assert html.count('class="fluid strip"') == 4


def test_what_was_not_asked_or_not_measured_is_said_in_words() -> None:
    text = text_of(without_scratch())
    assert "no contender was trained without pretrained weights" in text
    assert "With 40 classes a full table would not be readable" in text
    probe = dataclasses.replace(one_backbone()[1], ece=None, peak_memory=0, trials=one_backbone()[1].trials[:9])
    text = text_of(comparison((probe,), best="probe"))
    assert text.count("not measured") == 2
    assert "9 of 15 trials" in text
    assert "There is no second contender with a result to compare with the frozen network." in text


def test_with_one_fold_the_chances_are_left_out() -> None:
    rows = one_backbone()
    gain = rows[1].over_scratch
    assert gain is not None
    bare = dataclasses.replace(gain, p=None, better=None, equal=None, worse=None)
    html = comparison_html(comparison((rows[0], dataclasses.replace(rows[1], over_scratch=bare)), best="probe"))
    assert "probe is better than scratch" in html
    assert 'class="chances"' not in html


def test_names_are_never_markup() -> None:
    rows = one_backbone()
    gain = rows[4].over_frozen
    assert gain is not None
    worst = dataclasses.replace(
        rows[4], name=HOSTILE, about=HOSTILE, over_frozen=dataclasses.replace(gain, than=HOSTILE), failed=HOSTILE
    )
    shown = comparison((*rows[:4], worst), best=HOSTILE, classes=(HOSTILE, "b", "c"), backbones=(HOSTILE,))
    page = Page(comparison_html(dataclasses.replace(shown, data=HOSTILE, verdict=HOSTILE, how=HOSTILE)))
    assert "script" not in page.tags
    assert (page.unclosed, page.wrong) == ([], [])
    assert "<script>alert(1)</script>" in page.text
    assert "&49" not in page.text


def test_it_is_written_as_a_whole(tmp_path: Path) -> None:
    path = write_comparison(comparison(), tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", VARIANTS)
def test_results_survive_the_round_trip_exactly(name: str, tmp_path: Path) -> None:
    shown = VARIANTS[name]()
    again = read_results(write_results(shown, tmp_path / "results.json"), Comparison)
    assert again == shown


def test_results_of_a_fit_are_not_taken_for_those_of_a_compare(tmp_path: Path) -> None:
    path = write_results(comparison(), tmp_path / "results.json")
    with pytest.raises(RunError, match="warmstart-comparison/1"):
        read_results(path, Outcome)
