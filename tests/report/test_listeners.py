import json
import math
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from warmstart.engine.events import Decided, Listener, Measured, Started, broadcast, silent
from warmstart.report.runlog import RunLog
from warmstart.report.tracking.listening import Tracking

CURVE = [Measured("probe", "tune", epoch, 10 * epoch, {"val_loss": 1.0 / epoch}) for epoch in (1, 2, 3)]


def test_every_event_is_a_line_on_disk_as_soon_as_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run" / "log.jsonl"
    with RunLog(path, clock=lambda: 12.3456) as log:
        listener: Listener = log
        listener(Started("features", 100))
        first = json.loads(path.read_text())
        listener(Decided("size 224", {"size": 224}))
    assert first == {"time": 12.346, "event": "Started", "what": "features", "total": 100}
    assert json.loads(path.read_text().splitlines()[1])["details"] == {"size": 224}


def test_a_resumed_run_goes_on_in_the_same_log_and_closes_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"event": "Started"}\n{"event": "Adv')
    with RunLog(path) as log:
        log(Started("features"))
    lines = path.read_text().splitlines()
    assert len(lines) == 3
    assert json.loads(lines[0])["event"] == json.loads(lines[2])["event"] == "Started"


def test_a_loss_that_diverged_is_still_json(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with RunLog(path) as log:
        log(Measured("probe", "tune", 1, 1, {"loss": math.nan}))
    assert json.loads(path.read_text())["values"] == {"loss": "NaN"}


def test_what_is_no_event_is_refused(tmp_path: Path) -> None:
    with RunLog(tmp_path / "log.jsonl") as log, pytest.raises(TypeError, match="dataclass"):
        log("started")


def test_tensorboard_reads_back_the_curve_of_each_rung(tmp_path: Path) -> None:
    with Tracking(tmp_path, "tensorboard", silent) as board:
        listener = broadcast(board)
        listener(Started("phase tune"))
        assert not list(tmp_path.iterdir())  # nothing to draw yet
        for event in CURVE:
            listener(event)
    events = EventAccumulator(str(tmp_path / "tensorboard" / "probe"))
    events.Reload()
    scalars = events.Scalars("tune/val_loss")
    assert [s.step for s in scalars] == [10, 20, 30]
    assert [s.value for s in scalars] == pytest.approx([1.0, 0.5, 1 / 3])
