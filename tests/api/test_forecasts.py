"""Forecasting through the commands that every task has."""

from __future__ import annotations

import html
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from aeon.datasets import load_airline
from typer.testing import CliRunner

from tests.api.conftest import SPEED
from warmstart.api.check import check
from warmstart.api.compare import compare
from warmstart.api.evaluate import evaluate
from warmstart.api.fit import FitResult, fit
from warmstart.api.plan import plan
from warmstart.api.predict import predict
from warmstart.api.recommend import recommend
from warmstart.cli.main import app
from warmstart.engine.events import Decided, Event
from warmstart.errors import DataError
from warmstart.evaluation.outcome import Outcome
from warmstart.report.results import read_results
from warmstart.shipping.bundle import Bundle

QUICK: dict[str, Any] = {"horizon": 6, "backbone": "toy_series", "recipe": "probe", "budget": "5m"}


def table(months: int = 144) -> pd.DataFrame:
    """Two series of months: passengers, and a wave that begins later."""
    stamps = pd.date_range("1949-01-01", periods=months, freq="MS").strftime("%Y-%m-%d")
    wave = 10 * np.sin(np.arange(months - 12) * np.pi / 6) + np.random.default_rng(0).normal(size=months - 12)
    first = pd.DataFrame({"series": "air", "month": stamps, "value": np.asarray(load_airline())[:months]})
    return pd.concat([first, pd.DataFrame({"series": "wave", "month": stamps[12:], "value": wave})], ignore_index=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("forecasts") / "months.csv"
    table().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def fitted(data: Path) -> FitResult:
    return fit(data, out=data.parent / "run", cache=data.parent / "cache", **QUICK)


def test_the_baselines_are_tried_and_what_is_shipped_is_compared_with_the_best_of_them(fitted: FitResult) -> None:
    outcome = fitted.outcome
    names = ["seasonal_naive", "naive", "theta", "linear"]
    assert [rung.name for rung in outcome.rungs][:5] == [*names, "probe"]
    assert all(rung.role == "baseline" and not rung.skipped for rung in outcome.rungs[:4])
    assert list(outcome.measured)[-1] == "final"
    assert set(outcome.measured) >= {*names, "probe"}
    assert outcome.measured["final"]["skill"] == pytest.approx(outcome.test["skill"].value)
    assert outcome.measured["seasonal_naive"]["skill"] == pytest.approx(0, abs=1e-5)
    assert outcome.test["mase"].value < outcome.measured["naive"]["mase"]
    assert {d.than for d in outcome.differences} >= set(names)


def test_the_answer_goes_on_where_the_series_end(fitted: FitResult, data: Path, tmp_path: Path) -> None:
    rows = predict(fitted.bundle, str(data))
    predict(fitted.bundle, str(data), out=tmp_path / "out.csv")
    assert [row["input"] for row in rows] == ["air", "wave"]
    assert all(row["error"] is None and row["times"][0] == "1961-01-01" and len(row["times"]) == 6 for row in rows)
    air = rows[0]
    assert 400 < air["forecast"][0] < 520, "about what the last January was, and more"
    levels = list(air["quantiles"].values())
    assert all(low <= high for low, high in zip(levels[0], levels[-1], strict=True))
    written = pd.read_csv(tmp_path / "out.csv")
    assert list(written.columns) == ["input", "time", "forecast", *(f"q0.{k}" for k in range(1, 10)), "error"]
    assert len(written) == 12
    assert written["forecast"].iloc[:6].tolist() == pytest.approx(air["forecast"])


def test_the_bundle_answers_for_arrays_and_says_which_series_it_cannot_read(fitted: FitResult) -> None:
    bundle = Bundle.load(fitted.bundle)
    values = np.asarray(load_airline(), dtype=np.float64)
    (whole,) = bundle.predict(values)
    (factor,) = bundle.predict(1000 * values)
    np.testing.assert_allclose(factor["forecast"], 1000 * np.array(whole["forecast"]), rtol=1e-4)
    (named,) = bundle.predict(pd.DataFrame({"y": values}))
    assert named["forecast"] == pytest.approx(whole["forecast"])
    short, empty = bundle.predict([values[-5:], np.array([np.nan, np.nan])])
    assert short["error"] is None
    assert empty["forecast"] is None
    assert "no known value" in empty["error"]


def test_what_is_past_the_context_may_be_anything(fitted: FitResult) -> None:
    bundle, values = Bundle.load(fitted.bundle), np.asarray(load_airline(), dtype=np.float64)
    context = bundle.spec.size
    other = np.concatenate([-values[: len(values) - context], values[len(values) - context :]])
    assert bundle.predict(other)[0]["forecast"] == pytest.approx(bundle.predict(values)[0]["forecast"])


def test_it_is_evaluated_on_series_it_has_not_seen(fitted: FitResult) -> None:
    wave = 3 * np.sin(np.arange(200) * np.pi / 6) + np.random.default_rng(1).normal(size=200)
    found = evaluate(fitted.bundle, wave)
    assert found["n"] > 20
    assert found["metrics"]["mase"].value < 1.5
    assert 0.4 < found["metrics"]["coverage_80"].value <= 1


def test_the_report_draws_forecasts_and_holds_the_table(fitted: FitResult) -> None:
    page = html.unescape(fitted.report.read_text())
    assert page.count('class="band"') >= 4 * len(fitted.outcome.forecasts)
    assert "What it forecasts" in page
    assert "Windows per class" not in page
    assert {one.id.split("@")[0] for one in fitted.outcome.forecasts if one.worst} == {"air", "wave"}
    assert read_results(fitted.folder / "results.json", Outcome) == fitted.outcome
    card = (fitted.bundle / "README.md").read_text()
    assert "time-series-forecasting" in card
    assert "6 steps ahead" in card


def test_methods_are_compared_forward_in_time(data: Path, tmp_path: Path) -> None:
    options = {key: QUICK[key] for key in ("horizon", "budget")}
    methods = "seasonal_naive,theta,linear,probe"
    found = compare(data, methods=methods, backbones="toy_series", folds=2, season=12, out=tmp_path / "c", **options)
    entries = {entry.name: entry for entry in found.comparison.entries}
    assert {name: entry.role for name, entry in entries.items()} == {
        "seasonal_naive": "no transfer",
        "theta": "no transfer",
        "linear": "no transfer",
        "probe": "frozen",
    }
    assert entries["seasonal_naive"].metrics["skill"].value == pytest.approx(0, abs=1e-5)
    assert "forward in time" in found.comparison.how
    assert found.comparison.forecasts
    assert "What it forecasts" in found.report.read_text()


def test_it_is_checked_and_what_was_found_is_said(data: Path) -> None:
    found = check(data, horizon=6)
    assert found.facts["series"] == 2
    assert found.facts["season"] == 12
    assert any("season: 12" in note for note in found.notes)


def test_what_a_recipe_will_do_is_planned_for_the_windows_that_fit_trains_on(data: Path, fitted: FitResult) -> None:
    found = plan(data, recipe="probe", horizon=6, backbone="toy_series")
    assert (found.data.train, found.data.val) == (fitted.outcome.split["train"], fitted.outcome.split["val"])
    said = CliRunner().invoke(app, ["plan", str(data), "--recipe=probe", "--horizon=6", "--backbone=toy_series"])
    assert f"{found.data.train} training and {found.data.val} validation windows, 54 numbers, 32 steps" in said.output
    with pytest.raises(DataError, match="horizon of 90"):
        plan(data, recipe="probe", horizon=90, backbone="toy_series")


def test_a_backbone_is_recommended_for_forecasts_and_what_is_said_can_be_gone_on_with(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warmstart.select.view.measure_speed", lambda *args, **options: SPEED)
    told = [
        f"--out={tmp_path / 'run'}",
        "--budget=3m",
        "--backbones=toy_series,toy_series?pretrained=false",
        "--horizon=6",
        "--season=12",
    ]
    result = CliRunner().invoke(app, ["recommend", str(data), *told])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    assert (found["metric"], found["classes"]) == ("skill", [])
    assert {one["backbone"] for one in found["candidates"]} == {"toy_series", "toy_series?pretrained=false"}
    for one in found["candidates"]:
        skill = one["rounds"][-1]["accuracy"]["ridge"]
        assert one["rounds"][-1]["samples"] == found["split"]["train"] > 50
        assert skill["low"] < skill["value"] < skill["high"] < 1
        assert set(one["unavailable"].values()) == {"all of them are of classes"}
    assert found["tuned"][0]["backbone"] == found["backbone"]
    assert {rung["name"] for rung in found["tuned"][0]["rungs"]} == {"probe", "lp_ft", "bias_only"}
    assert "--seed 0 --val 0.2 --test 0.2 --horizon 6 --season 12" in found["next_command"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "windows of later stretches of time" in page
    assert "neighbours" not in page
    again = CliRunner().invoke(app, ["plan", *shlex.split(found["next_command"])[2:]])
    assert again.exit_code == 0, again.output


def test_backbones_are_ranked_by_windows_of_the_training_part_alone(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warmstart.select.view.measure_speed", lambda *args, **options: SPEED)
    quick: dict[str, Any] = {"backbones": "toy_series", "horizon": 6, "budget": 1}
    rows = pd.read_csv(data)
    rows.loc[rows["month"] >= "1958-06-01", "value"] *= 3  # the test part
    one, other = (recommend(each, out=tmp_path / name, **quick) for each, name in ((data, "a"), (rows, "b")))
    first, second = (each.recommendation.candidates[0].rounds for each in (one, other))
    assert first == second


def test_gaps_and_missing_values_are_fitted_over_and_told(tmp_path: Path) -> None:
    rows, heard = table(), list[str]()
    rows = rows.drop(index=[20, 21, 80])
    rows.loc[100, "value"] = np.nan

    def listener(event: Event) -> None:
        if isinstance(event, Decided):
            heard.append(event.text)

    found = fit(rows, out=tmp_path / "run", baseline="none", listener=listener, **QUICK)
    assert any("3 step(s) have no row" in text for text in heard)
    assert any("4 of 276 values are missing" in text for text in heard)
    assert np.isfinite(found.outcome.test["skill"].value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"horizon": None, "task": "forecast"}, "without a horizon"),
        ({"task": "classify"}, "horizon for the task 'classify'"),
        ({"size": 64}, "--context"),
        ({"horizon": 90}, "horizon of 90"),
        ({"id_column": "shop"}, "no column 'shop'"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_to_do(data: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        fit(data, out=data.parent / "refused", **{**QUICK, **options})


def test_the_command_line_says_the_same(data: Path, fitted: FitResult, tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["predict", str(fitted.bundle), str(data), "--out", str(tmp_path / "out.csv")])
    assert run.exit_code == 0, run.output
    assert "2 answered" in run.output
    assert len(pd.read_csv(tmp_path / "out.csv")) == 12
    words = ["check", str(data), "--horizon", "6", "--season", "4"]
    run = CliRunner().invoke(app, words)
    assert run.exit_code == 0, run.output
    assert "season: 4 step(s), as asked" in run.output


@pytest.mark.slow
def test_the_ladder_is_climbed_to_a_bundle_that_answers(data: Path, tmp_path: Path) -> None:
    found = fit(data, horizon=6, backbone="toy_series", budget="2m", out=tmp_path / "run")
    tried = {rung.name for rung in found.outcome.rungs if not rung.skipped}
    assert tried >= {"seasonal_naive", "naive", "theta", "linear", "probe", "lp_ft", "ensemble"}
    assert len(found.predict(str(data))) == 2
