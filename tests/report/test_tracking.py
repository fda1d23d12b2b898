"""Trackers write for real, offline, and what they wrote is read back with their own readers."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from warmstart.engine.events import Decided, Event, Measured, Started
from warmstart.errors import Interrupted, MissingExtraError, RunError
from warmstart.report.tracking import base
from warmstart.report.tracking.base import Begun, Final, Measurement, trackers, trackers_named
from warmstart.report.tracking.listening import Tracking

CURVE = [Measured("lp_ft", "tune", epoch, 10 * epoch, {"val_loss": 1.0 / epoch}) for epoch in (1, 2, 3)]
RESULTS = {
    "evaluated_on": "test",
    "test": {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}},
    "verdict": "Transfer paid off.",
    "chosen": "lp_ft",
    "seconds": 12.5,
    "loss": "NaN",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = tmp_path / "digits-001"
    (run / "bundle").mkdir(parents=True)
    (run / "bundle" / "bundle.json").write_text("{}")
    (run / "report.html").write_text("<p>report")
    (run / "run.json").write_text(json.dumps({"seed": 7, "backbone": "lite0", "size": None, "recipe": {"name": "x"}}))
    return run


def run(folder: Path, track: str, *, tell: Callable[[Event], None] = lambda event: None, done: bool = True) -> None:
    """One run, or its first half."""
    with Tracking(folder, track, tell, lambda: "sum-of-data") as tracking:
        for event in CURVE if done else CURVE[:2]:
            tracking(event)
        if not done:
            raise Interrupted("stopped")
        (folder / "results.json").write_text(json.dumps(RESULTS))


def test_mlflow_keeps_parameters_curves_figures_and_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run(folder, "mlflow?artifacts")
    client = mlflow.MlflowClient(tracking_uri=(folder / "mlruns").as_uri())
    (experiment,) = [one for one in client.search_experiments() if one.name == "warmstart"]
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.run_name == "digits-001"
    assert found.info.status == "FINISHED"
    assert found.data.params == {"seed": "7", "backbone": "lite0", "recipe/name": "x", "data_sha256": "sum-of-data"}
    curve = client.get_metric_history(found.info.run_id, "lp_ft/tune/val_loss")
    assert [(point.step, point.value) for point in curve] == [(10, 1.0), (20, 0.5), (30, pytest.approx(1 / 3))]
    assert found.data.metrics["test/accuracy"] == 0.9
    assert (found.data.metrics["test/accuracy_low"], found.data.metrics["test/accuracy_high"]) == (0.8, 0.95)
    assert found.data.tags["warmstart.verdict"] == "Transfer paid off."
    assert {one.path for one in client.list_artifacts(found.info.run_id)} == {"bundle", "report.html", "results.json"}


def test_an_interrupted_run_goes_on_in_the_same_tracked_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (folder.parent / "elsewhere").as_uri())
    with pytest.raises(Interrupted):
        run(folder, "mlflow", done=False)
    client = mlflow.MlflowClient(tracking_uri=(folder.parent / "elsewhere").as_uri())
    (experiment,) = [one for one in client.search_experiments() if one.name == "warmstart"]
    assert [one.info.status for one in client.search_runs([experiment.experiment_id])] == ["KILLED"]
    run(folder, "mlflow")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.status == "FINISHED"
    assert len(client.get_metric_history(found.info.run_id, "lp_ft/tune/val_loss")) == 5
    assert not (folder / "mlruns").exists()


@pytest.mark.enable_socket  # wandb's own process is spoken with over a socket of this machine
def test_wandb_keeps_a_run_offline_and_goes_on_with_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    with pytest.raises(Interrupted):
        run(folder, "wandb", done=False)
    told = list[Event]()
    run(folder, "wandb?artifacts", tell=told.append)
    assert told == []
    offline = sorted((folder / "wandb").glob("offline-run-*"))
    name = json.loads((folder / "tracking.json").read_text())["wandb"]["run"]
    assert len(offline) == 2
    assert all(one.name.endswith(name) for one in offline)
    records = [record for one in offline for record in _records(next(one.glob("*.wandb")))]
    config = {item["key"]: item["value"] for item in records if item["of"] == "config"}
    assert (config["seed"], config["backbone"], config["data_sha256"]) == ("7", '"lite0"', '"sum-of-data"')
    rows = [{item["key"]: json.loads(item["value"]) for item in r["row"]} for r in records if r["of"] == "history"]
    assert [row["lp_ft/step"] for row in rows] == [10, 20, 10, 20, 30]
    assert [row["lp_ft/tune/val_loss"] for row in rows][-1] == pytest.approx(1 / 3)
    summary = {item["key"]: item["value"] for item in records if item["of"] == "summary"}
    assert json.loads(summary["test/accuracy_low"]) == 0.8
    assert json.loads(summary["verdict"]) == "Transfer paid off."


def _records(path: Path) -> list[dict[str, Any]]:
    """Of a file that wandb wrote: config, history and summary as data."""
    found = list[dict[str, Any]]()
    for _ in range(200):  # its process goes on writing for a moment after the run was finished
        if (log := list(_log(path.read_bytes()))) and _record(log[-1]).WhichOneof("record_type") == "exit":
            break
        time.sleep(0.05)
    for data in log:
        record = _record(data)
        kind = record.WhichOneof("record_type")
        config = record.run.config.update if kind == "run" else record.config.update
        for of, items in (("config", config), ("summary", record.summary.update)):
            found += [{"of": of, "key": _key(item), "value": item.value_json} for item in items]
        if kind == "history":
            row = [{"key": _key(item), "value": item.value_json} for item in record.history.item]
            found.append({"of": "history", "row": row})
    return found


def _record(data: bytes) -> Any:
    import wandb.proto.wandb_internal_pb2 as messages

    record = cast(Any, messages).Record()  # made when it is imported, so that no type is known
    record.ParseFromString(data)
    return record


def _key(item: Any) -> str:
    return str(item.key or "/".join(item.nested_key))


def _log(content: bytes) -> Iterator[bytes]:
    """The records of a LevelDB log, behind wandb's own 7 bytes: blocks of 32 KiB of pieces, each with 7 before it."""
    at, whole = 7, b""
    while at + 7 <= len(content):
        if (room := 32768 - at % 32768) < 7:  # what is left of a block is filled with nothing
            at += room
            continue
        size, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        whole += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # a whole record, or the end of one
            yield whole
            whole = b""


def test_trackio_keeps_a_run_in_its_own_database(folder: Path) -> None:
    if importlib.util.find_spec("trackio") is None:
        pytest.skip("trackio is not installed: it keeps Pillow below 13, which the environment of the tests is above")
    code = (
        "import json, pathlib, sys\n"
        "from warmstart.report.tracking.listening import Tracking\n"
        "from warmstart.engine.events import Measured\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with Tracking(folder, 'trackio', print, lambda: 'sum-of-data') as tracking:\n"
        "    for step in (10, 20):\n"
        "        tracking(Measured('lp_ft', 'tune', 1, step, {'val_loss': 1 / step}))\n"
        "    (folder / 'results.json').write_text(sys.argv[2])\n"
        "from trackio.sqlite_storage import SQLiteStorage\n"
        "sys.stdout.write(json.dumps(SQLiteStorage.get_logs('warmstart', 'digits-001'), default=str))\n"
    )
    environment = {**os.environ, "TRACKIO_DIR": str(folder / "trackio"), "HF_HUB_OFFLINE": "1"}
    told = subprocess.run(
        [sys.executable, "-c", code, str(folder), json.dumps(RESULTS)],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    rows = json.loads(told.stdout)
    assert [row["lp_ft/tune/val_loss"] for row in rows[:2]] == [0.1, 0.05]
    assert rows[-1]["test/accuracy"] == 0.9


class Failing:
    """A tracker that fails at the row it is told to."""

    def __init__(self, begun: Begun) -> None:
        self.identity = dict(begun.before)

    def measured(self, row: Measurement) -> None:
        raise ConnectionError("the server is gone\nand more")

    def ended(self, final: Final) -> None:
        raise AssertionError("it was left out")

    def close(self, status: str) -> None:
        raise AssertionError("it was left out")


def test_a_tracker_that_fails_is_told_of_once_and_the_run_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(trackers._entries, "failing", Failing)
    told: list[Event] = []
    run(folder, "failing,tensorboard", tell=told.append)
    said = "failing keeps nothing more of this run (ConnectionError: the server is gone)"
    assert told == [Decided(said)]
    assert list((folder / "tensorboard" / "lp_ft").glob("events.*"))


def test_what_is_missing_or_unknown_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "find_spec", lambda name: None)
    for name, extra in (("mlflow", "track"), ("wandb", "wandb"), ("trackio", "trackio")):
        with pytest.raises(MissingExtraError, match=rf"warmstart\[{extra}\]"):
            trackers_named(f"tensorboard,{name}")
    with pytest.raises(RunError, match="no tracker 'comet'"):
        trackers_named("comet")
    monkeypatch.undo()
    with pytest.raises(RunError, match=r"mlflow\?files"):
        trackers_named("mlflow?files")


def test_what_is_no_measurement_begins_nothing(folder: Path) -> None:
    with Tracking(folder, "tensorboard", lambda event: None) as tracking:
        tracking(Started("phase tune", 3))
    assert not (folder / "tensorboard").exists()
    assert not (folder / "tracking.json").exists()


def test_figures_of_comparisons_and_adaptations_are_kept_too(tmp_path: Path) -> None:
    one = {"value": 0.5, "low": 0.4, "high": 0.6}
    facts = {"entries": [{"name": "probe", "metrics": {"accuracy": one}}], "tried": [{"name": "mcc", "target": one}]}
    (tmp_path / "results.json").write_text(json.dumps(facts))
    kept = base.final(tmp_path, files=False).metrics
    assert kept["probe/accuracy"] == kept["mcc/target"] == 0.5
    assert kept["mcc/target_low"] == 0.4
