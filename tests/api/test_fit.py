"""`fit` from the outside: what lies in the folder, and that all places say the same."""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.api.helpers import quick, tuning
from warmstart.api.fit import FitResult
from warmstart.engine.events import Decided, Event, Finished, Started
from warmstart.evaluation.outcome import Outcome
from warmstart.report.results import read_results
from warmstart.shipping.bundle import Bundle

LADDER = ["pixels", "probe", "lp_ft", "average", "bias_only", "ensemble"]


def test_the_run_folder_holds_everything_of_the_run(fitted: FitResult) -> None:
    names = {path.name for path in fitted.folder.iterdir()}
    assert names >= {
        "run.json",
        "ladder.json",
        "runtime.json",
        "log.jsonl",
        "results.json",
        "report.html",
        "bundle",
        "rungs",
    }
    assert fitted.report == fitted.folder / "report.html"
    assert fitted.bundle == fitted.folder / "bundle"
    lines = [json.loads(line) for line in (fitted.folder / "log.jsonl").read_text().splitlines()]
    assert {line["event"] for line in lines} >= {"Started", "Finished", "Measured", "Decided"}
    assert list(fitted.folder.glob("tensorboard/**/events.*"))


def test_results_are_read_back_exactly(fitted: FitResult) -> None:
    assert read_results(fitted.folder / "results.json", Outcome) == fitted.outcome


def test_the_report_says_the_verdict_and_shows_every_rung(fitted: FitResult) -> None:
    report = html.unescape(fitted.report.read_text()).replace("\u202f", " ")
    number, words = fitted.outcome.verdict.split(" of ", 1)[0], fitted.outcome.verdict.split("). ", 1)[1]
    assert number in report
    assert words in report
    assert all(rung.name in report for rung in fitted.outcome.rungs)


def test_every_rung_is_in_the_outcome_and_the_chosen_one_is_as_good_as_the_probe(fitted: FitResult) -> None:
    rungs = {rung.name: rung for rung in fitted.outcome.rungs}
    assert list(rungs)[: len(LADDER)] == LADDER
    assert rungs[fitted.outcome.chosen].role == "candidate"
    assert rungs[fitted.outcome.chosen].val["accuracy"] >= rungs["probe"].val["accuracy"]
    assert all(rung.why for rung in fitted.outcome.rungs)
    measured = {rung.name for rung in fitted.outcome.rungs if rung.test is not None}
    assert measured == {"pixels", "probe", "final"}, "the test set is for what is compared there"
    assert rungs["final"].about.startswith(fitted.outcome.chosen)


def test_the_outcome_says_what_it_was_measured_on_and_the_counts_agree(fitted: FitResult) -> None:
    outcome = fitted.outcome
    assert outcome.evaluated_on == "test"
    assert {name: outcome.split[name] for name in ("train", "val", "test")} == {"train": 36, "val": 12, "test": 12}
    assert sum(map(sum, outcome.confusion)) == 12
    right = sum(row[i] for i, row in enumerate(outcome.confusion))
    assert outcome.test["accuracy"].value == pytest.approx(right / 12)
    assert len(outcome.mistakes) == 12 - right
    assert {(c.row, c.column): c.count for c in outcome.cells} == {
        (i, j): n for i, row in enumerate(outcome.confusion) for j, n in enumerate(row) if n
    }
    assert all(one.thumbnail for cell in outcome.cells for one in cell.samples)
    assert outcome.test["accuracy"].value > 0.6
    assert outcome.temperature > 0
    assert outcome.backbone["name"] == "toy?taps=1"


def test_samples_lie_in_the_plane_with_what_was_answered_where_it_was_measured(fitted: FitResult) -> None:
    found, outcome = fitted.outcome.projection, fitted.outcome
    assert found is not None
    assert [point.part for point in found.points] == ["train"] * 36 + ["test"] * 12
    wrong = {point.id for point in found.points if point.predicted not in (None, point.true)}
    assert wrong == {mistake.id for mistake in outcome.mistakes}
    assert all(outcome.classes[point.true] == point.id.split("/")[-2] for point in found.points)


def test_each_comparison_is_between_the_final_model_and_what_it_says(fitted: FitResult) -> None:
    tests = {rung.name: rung.test for rung in fitted.outcome.rungs if rung.test is not None}
    pairs = {(d.better, d.than): d for d in fitted.outcome.differences}
    expected = {("final", "pixels"), ("final", "probe")}
    assert set(pairs) == {(a, b) for a, b in expected if b != fitted.outcome.chosen}
    for (a, b), pair in pairs.items():
        assert pair.difference.value == pytest.approx(tests[a].value - tests[b].value)


def test_decisions_taken_for_the_user_are_recorded_once_each_and_told(fitted: FitResult, events: list[Event]) -> None:
    decisions = fitted.outcome.decisions
    assert len(set(decisions)) == len(decisions)
    assert set(decisions) == {event.text for event in events if isinstance(event, Decided)}
    text = "\n".join(decisions)
    for expected in ("stratified by class, seed 0: 36 train, 12 validation, 12 test", "GFLOP/s", "probe kept"):
        assert expected in text


def test_the_listener_hears_of_the_stages_from_decoding_to_the_end(fitted: FitResult, events: list[Event]) -> None:
    started = [event.what for event in events if isinstance(event, Started)]
    stages = ["decode", f"run {fitted.folder}", "rungs", "rung probe", "test"]
    assert [what for what in dict.fromkeys(started) if what in stages] == stages
    assert events[-1] == Finished(f"run {fitted.folder}")
    assert sorted(started) == sorted(event.what for event in events if isinstance(event, Finished))


def test_the_result_predicts_with_the_bundle_that_was_written(fitted: FitResult, digits_folder: Path) -> None:
    files = [digits_folder / name / sorted(p.name for p in (digits_folder / name).iterdir())[0] for name in "012"]
    rows = fitted.predict(files)
    assert [row["input"] for row in rows] == [file.as_posix() for file in files]
    assert [row["label"] for row in rows] == ["0", "1", "2"]
    for row in rows:
        assert sum(row["probabilities"].values()) == pytest.approx(1)
        assert row["probability"] == max(row["probabilities"].values())
    assert rows == Bundle.load(fitted.bundle).predict(files)


def test_the_bundle_answers_on_the_test_images_as_the_outcome_says(fitted: FitResult, digits_folder: Path) -> None:
    mistakes = fitted.outcome.mistakes
    rows = fitted.predict([digits_folder / mistake.id for mistake in mistakes]) if mistakes else []
    assert [row["label"] for row in rows] == [mistake.predicted for mistake in mistakes]
    for row, mistake in zip(rows, mistakes, strict=True):
        assert row["probability"] == pytest.approx(mistake.probability, abs=1e-4)
    facts = Bundle.load(fitted.bundle).manifest
    assert facts.metrics["accuracy"]["value"] == fitted.outcome.test["accuracy"].value
    assert facts.temperature == fitted.outcome.temperature


def test_classes_are_ordered_by_name_with_ten_after_two(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, level in (("10", 200), ("2", 120), ("1", 20)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(6):
            pixels = (level + rng.integers(0, 40, (32, 32, 3))).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{i}.png")
    done = quick(tmp_path / "data", tmp_path / "run")
    assert done.outcome.classes == ("1", "2", "10")
    assert Bundle.load(done.bundle).classes == ("1", "2", "10")


def test_without_a_test_part_validation_has_to_do_and_every_place_says_so(digits_folder: Path, tmp_path: Path) -> None:
    done = quick(digits_folder, tmp_path / "run", test=0)
    outcome = done.outcome
    assert outcome.evaluated_on == "val"
    assert outcome.split["test"] == 0
    assert "of 12 validation images" in outcome.verdict
    assert read_results(done.folder / "results.json", Outcome) == outcome
    assert "validation" in done.report.read_text()
    probe = next(rung for rung in outcome.rungs if rung.name == "probe")
    assert outcome.test["accuracy"].value == pytest.approx(probe.val["accuracy"])


def test_the_recipe_asked_for_is_chosen_and_compared_with_the_probe(digits_folder: Path, tmp_path: Path) -> None:
    done = quick(digits_folder, tmp_path / "run", recipe=tuning(epochs=1), baseline="simple")
    assert done.outcome.chosen == "mine"
    assert [rung.name for rung in done.outcome.rungs] == ["pixels", "probe", "mine", "final"]
    assert {(d.better, d.than) for d in done.outcome.differences} == {("final", "pixels"), ("final", "probe")}
    assert "name: mine" in (done.bundle / "recipe.yaml").read_text()


def test_training_from_scratch_can_be_the_baseline(digits_folder: Path, tmp_path: Path) -> None:
    done = quick(digits_folder, tmp_path / "run", baseline="scratch")
    assert [(rung.name, rung.role) for rung in done.outcome.rungs[:2]] == [
        ("scratch", "baseline"),
        ("probe", "candidate"),
    ]
    assert "against training from scratch" in done.outcome.verdict


def test_the_least_budget_still_gives_a_model_and_says_what_was_left_out(digits_folder: Path, tmp_path: Path) -> None:
    done = quick(digits_folder, tmp_path / "run", recipe=None, baseline="simple", budget="1s")
    rungs = {rung.name: rung for rung in done.outcome.rungs}
    assert done.outcome.chosen == "probe"
    assert [name for name, rung in rungs.items() if rung.skipped] == LADDER[2:]
    assert all("skipped: it needs" in rung.why for rung in rungs.values() if rung.skipped)
    assert any("not fitted again" in decision for decision in done.outcome.decisions)
    assert len(done.predict([next((digits_folder / "0").iterdir())])) == 1


def test_the_same_seed_gives_the_same_model(digits_folder: Path, tmp_path: Path) -> None:
    first, second, other = (
        quick(digits_folder, tmp_path / str(i), recipe=tuning(epochs=1), seed=seed) for i, seed in enumerate((1, 1, 2))
    )
    answers = [
        run.predict([next((digits_folder / "0").iterdir())])[0]["probabilities"] for run in (first, second, other)
    ]
    assert answers[0] == answers[1]
    assert answers[0] != answers[2]
    assert first.outcome.test == second.outcome.test


def test_the_time_is_accounted_for(fitted: FitResult) -> None:
    times = fitted.outcome.times
    assert {"reading and decoding", "frozen part of the network", "heads and validation", "everything else"} <= set(
        times
    )
    assert sum(times.values()) == pytest.approx(fitted.outcome.seconds, rel=1e-6)
    assert all(seconds >= 0 for seconds in times.values())


def test_training_and_test_are_compared_by_features(fitted: FitResult) -> None:
    shift, split = fitted.outcome.shift, fitted.outcome.split
    assert shift is not None
    assert shift.samples == (min(400, split["train"]), min(400, split["test"]))
    assert {m.name for m in shift.measures} == {"proxy_a", "mmd", "frechet", "cosine"}
    assert shift.measure("cosine").interval is not None
    assert "25 samples of each set are needed, not 12" in shift.measure("proxy_a").refused
