"""A run that was stopped goes on to the very model it would have become."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import SPEED
from tests.api.helpers import contents, quick, tuning, weights
from warmstart.api.fit import fit
from warmstart.engine.events import Advanced, Decided, Event, Started
from warmstart.errors import Interrupted, RunError
from warmstart.planning.cost import SpeedFacts

OPTIONS: dict[str, Any] = {"backbone": "toy", "baseline": "none", "budget": "30m", "seed": 1}


def stop_after(parts: int, what: str, rung: str) -> Callable[[Event], None]:
    """Ctrl-C once `what` has advanced so often within a rung."""
    left, inside = [parts], [False]

    def hear(event: Event) -> None:
        if isinstance(event, Started) and event.what.startswith("rung "):
            inside[0] = event.what == rung
        if inside[0] and isinstance(event, Advanced) and event.what == what:
            left[0] -= event.n
            if left[0] == 0:
                signal.raise_signal(signal.SIGINT)

    return hear


def stop_at_the_first_rung(event: Event) -> None:
    """Ctrl-C when everything is prepared and nothing is trained."""
    if isinstance(event, Started) and event.what == "rungs":
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("parts", "rung"), [(7, "rung mine"), (7, "rung mine on all labels")], ids=["climbing", "fitting again"]
)
def test_a_recipe_that_was_stopped_ends_with_the_same_weights_bit_for_bit(
    digits_folder: Path, tmp_path: Path, parts: int, rung: str
) -> None:
    options = {**OPTIONS, "recipe": tuning()}
    whole = fit(digits_folder, out=tmp_path / "whole", **options)
    with pytest.raises(Interrupted) as caught:
        fit(digits_folder, out=tmp_path / "cut", listener=stop_after(parts, "phase tune", rung), **options)
    assert "phase" in caught.value.found or "tune" in caught.value.found
    assert not (tmp_path / "cut" / "results.json").exists()
    told: list[Event] = []
    resumed = fit(digits_folder, resume=tmp_path / "cut", listener=told.append, **options)
    assert any(isinstance(event, Decided) and "tune: resumed after epoch" in event.text for event in told)
    assert weights(resumed) == weights(whole)
    assert resumed.outcome.test == whole.outcome.test
    assert resumed.outcome.temperature == whole.outcome.temperature


@pytest.mark.slow
def test_a_ladder_goes_on_with_the_recipes_it_began_with_however_quick_the_machine_is_then(
    digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(digits_folder, out=tmp_path / "whole", **OPTIONS)
    with pytest.raises(Interrupted):
        fit(digits_folder, out=tmp_path / "cut", listener=stop_after(5, "phase tune", "rung lp_ft"), **OPTIONS)
    began = json.loads((tmp_path / "cut" / "ladder.json").read_text())
    slow = SpeedFacts(flops=SPEED.flops / 5000, images=SPEED.images, measured=True)
    monkeypatch.setattr("warmstart.api.running.pace.measure_speed", lambda *args, **options: slow)
    resumed = fit(digits_folder, resume=tmp_path / "cut", **OPTIONS)
    assert json.loads((tmp_path / "cut" / "ladder.json").read_text()) == began
    with pytest.raises(Interrupted):
        fit(digits_folder, out=tmp_path / "slow", listener=stop_at_the_first_rung, **{**OPTIONS, "budget": "25s"})
    assert json.loads((tmp_path / "slow" / "ladder.json").read_text()) != began, "it would choose otherwise"
    assert resumed.outcome.chosen == whole.outcome.chosen
    assert weights(resumed) == weights(whole)
    assert [rung.name for rung in resumed.outcome.rungs] == [rung.name for rung in whole.outcome.rungs]
    assert [rung.val for rung in resumed.outcome.rungs] == [rung.val for rung in whole.outcome.rungs]


def test_the_log_of_a_resumed_run_goes_on_in_the_same_file(digits_folder: Path, tmp_path: Path) -> None:
    options = {**OPTIONS, "recipe": tuning(epochs=2)}
    with pytest.raises(Interrupted):
        fit(digits_folder, out=tmp_path / "run", listener=stop_after(3, "phase tune", "rung mine"), **options)
    before = (tmp_path / "run" / "log.jsonl").read_text()
    fit(digits_folder, resume=tmp_path / "run", **options)
    assert before
    assert (tmp_path / "run" / "log.jsonl").read_text().startswith(before)


def test_a_run_killed_while_it_wrote_its_results_can_be_resumed(digits_folder: Path, tmp_path: Path) -> None:
    done = quick(digits_folder, tmp_path / "run")
    before = weights(done)
    (done.folder / "results.json").unlink()
    (done.bundle / "bundle.json").write_text("{ torn")
    again = fit(digits_folder, backbone="toy", recipe="probe", baseline="none", budget="5m", resume=done.folder)
    assert weights(again) == before
    assert (done.folder / "results.json").exists()


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"seed": 2}, "seed=1 (now 2)"),
        ({"val": 0.3}, "val=0.2 (now 0.3)"),
        ({"recipe": "bias_only"}, "recipe="),
        ({"size": 64}, "size=None (now 64)"),
        ({"baseline": "simple"}, "baseline='none' (now 'simple')"),
    ],
)
def test_resuming_with_other_options_names_the_difference_and_changes_nothing(
    digits_folder: Path, tmp_path: Path, other: dict[str, Any], named: str
) -> None:
    options = {**OPTIONS, "recipe": "probe"}
    with pytest.raises(Interrupted):
        fit(digits_folder, out=tmp_path / "run", listener=stop_at_the_first_rung, **options)
    before = contents(tmp_path / "run")
    with pytest.raises(RunError, match="other values") as caught:
        fit(digits_folder, resume=tmp_path / "run", **{**options, **other})
    assert named in caught.value.found
    assert contents(tmp_path / "run") == before


def test_resuming_on_other_images_is_refused(digits_folder: Path, tmp_path: Path) -> None:
    options = {**OPTIONS, "recipe": tuning(epochs=2)}
    with pytest.raises(Interrupted):
        fit(digits_folder, out=tmp_path / "run", listener=stop_after(3, "phase tune", "rung mine"), **options)
    for path in sorted((digits_folder / "0").iterdir())[:5]:
        path.unlink()
    with pytest.raises(RunError, match="another configuration"):
        fit(digits_folder, resume=tmp_path / "run", **options)
