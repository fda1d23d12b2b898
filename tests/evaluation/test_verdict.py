from __future__ import annotations

import dataclasses

import pytest

from warmstart.evaluation.compare import NO_DIFFERENCE
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import Difference, Rung
from warmstart.evaluation.verdict import verdict

FINAL = Interval(0.863, 0.841, 0.884)
SPANS = {
    "better": Interval(0.05, 0.01, 0.09),
    "worse": Interval(-0.05, -0.09, -0.01),
    NO_DIFFERENCE: Interval(0.01, -0.02, 0.04),
}


def rung(name: str, *, baseline: bool = False, skipped: bool = False) -> Rung:
    return Rung(name, "", "baseline" if baseline else "candidate", {}, 1.0, not baseline, "", skipped=skipped)


def said(chosen: str = "lp_ft", *, on: str = "test", rungs: tuple[Rung, ...] = (), **against: str) -> str:
    """The verdict where "final" compares with each rung as given."""
    baselines = [rung(name, baseline=True) for name in against if name != "probe"]
    pairs = [Difference("final", name, SPANS[word], word) for name, word in against.items()]
    return verdict(FINAL, f"1000 {on} images", chosen, rungs or (*baselines, rung("probe"), rung("lp_ft")), pairs)


@pytest.mark.parametrize("on", ["test", "validation"])
def test_it_begins_with_how_good_the_model_is_and_on_what(on: str) -> None:
    assert said(on=on).startswith(f"86.3 % of 1000 {on} images are right (95 % interval 84.1 % to 88.4 %).")


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("better", "Transfer helped: +5.0 points (95 % interval +1.0 to +9.0) against training from scratch."),
        ("worse", "Transfer hurt here: -5.0 points (95 % interval -9.0 to -1.0) against training from scratch; "),
        (NO_DIFFERENCE, "This data cannot show that transfer helped: +1.0 points"),
    ],
)
def test_it_says_whether_transfer_helped(word: str, sentence: str) -> None:
    assert sentence in said(scratch=word)


def test_the_baseline_is_named_in_words() -> None:
    assert "against learning from raw pixels." in said(pixels="better")


def test_of_several_baselines_the_best_on_validation_is_told_of() -> None:
    scored = [
        dataclasses.replace(rung(name, baseline=True), val={"accuracy": value})
        for name, value in (("minirocket", 0.8), ("multirocket_hydra", 0.9), ("scratch", 0.9))
    ]
    against = dict.fromkeys(("minirocket", "multirocket_hydra", "scratch"), "worse")
    assert "against MultiRocket-Hydra and ridge regression;" in said(rungs=(*scored, rung("probe")), **against)


def test_a_baseline_that_was_as_good_is_said_to_be() -> None:
    level = Difference("final", "minirocket", Interval(-0.01, -0.04, 0.02), NO_DIFFERENCE)
    told = verdict(FINAL, "150 test series", "probe", (rung("minirocket", baseline=True), rung("probe")), [level])
    assert "against MiniRocket and ridge regression, which did no worse here." in told


def test_without_a_baseline_nothing_is_claimed_about_transfer() -> None:
    assert "ransfer" not in said(probe="better")


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("better", "Tuning paid: +5.0 points"),
        ("worse", "Here the frozen probe was better than what you get: -5.0 points"),
        (NO_DIFFERENCE, "The frozen probe was as good as far as this data can show: +1.0 points"),
    ],
)
def test_it_says_whether_tuning_paid(word: str, sentence: str) -> None:
    assert sentence in said(probe=word)


def test_where_the_probe_is_chosen_it_says_that_nothing_beat_it() -> None:
    text = said("probe", probe=NO_DIFFERENCE, scratch="better")
    assert text.endswith("Nothing that was tried beat the frozen probe on validation, so the probe is what you get.")
    assert "Tuning" not in text


def test_where_nothing_else_was_tried_the_probe_has_beaten_nothing() -> None:
    rungs = (rung("probe"), rung("lp_ft", skipped=True), rung("final"))
    assert "Nothing that was tried" not in said("probe", rungs=rungs, probe=NO_DIFFERENCE)


def test_without_a_probe_nothing_is_claimed_about_tuning() -> None:
    assert "probe" not in said(rungs=(rung("scratch", baseline=True), rung("mine")), scratch="better")


def shipped(low: float, high: float, verdict_: str, than: str = "lp_ft", backbone: str = "series") -> str:
    """What is said where MiniRocket is what is shipped, against one transfer."""
    rungs = [
        Rung("minirocket", "", "baseline", {"accuracy": 0.9}, 1.0, True, ""),
        Rung("probe", "", "candidate", {"accuracy": 0.7}, 1.0, True, ""),
        Rung("lp_ft", "", "candidate", {"accuracy": 0.8}, 1.0, True, ""),
    ]
    pair = Difference("final", than, Interval((low + high) / 2, low, high), verdict_)
    return verdict(Interval(0.9, 0.8, 0.95), "90 test series", "minirocket", rungs, [pair], backbone=backbone)


def test_where_what_needs_no_transfer_is_shipped_transfer_is_what_it_is_held_against() -> None:
    said = shipped(0.02, 0.1, "better")
    assert "Transfer did not help here: MiniRocket and ridge regression, which needs none, was better" in said
    assert said.endswith("+6.0 points (95 % interval +2.0 to +10.0) against lp_ft of series.")
    assert "the frozen probe of series" in shipped(0.02, 0.1, "better", "probe")
    assert "cannot show that transfer helps" in shipped(-0.02, 0.04, "no difference that this data can show")
    assert "here transfer would have been: -6.0 points" in shipped(-0.1, -0.02, "worse")
    assert shipped(0.02, 0.1, "better", "pixels").endswith("MiniRocket and ridge regression, which needs no transfer.")
