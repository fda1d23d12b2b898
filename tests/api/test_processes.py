"""A fit by several processes, from Python: the same run, whoever works at it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from safetensors.torch import load_file

from tests.api.helpers import tuning
from warmstart.api.fit import FitResult, fit
from warmstart.engine import sharing
from warmstart.engine.events import Advanced, Decided, Event
from warmstart.engine.processes import LostError
from warmstart.errors import Interrupted

OPTIONS: dict[str, Any] = {"backbone": "toy", "baseline": "none", "budget": "30m", "seed": 1, "track": "none"}
OPTIONS |= {"recipe": tuning(epochs=2)}


@pytest.fixture(autouse=True)
def _always_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sharing.WORTH, "cpu", 0.0)
    monkeypatch.setattr("warmstart.cache.features.WORTH_SHARING", 4)


def when(step: int, do: Callable[[], object]) -> Callable[[Event], None]:
    """Do something at a step of training."""
    left = [step]

    def hear(event: Event) -> None:
        if isinstance(event, Advanced) and event.what == "phase tune" and event.n == 1:
            left[0] -= 1
            if left[0] == 0:
                do()

    return hear


def helpers() -> list[psutil.Process]:
    """The processes that this one has started for a run."""
    return [one for one in psutil.Process().children() if "warmstart.engine.helper" in one.cmdline()]


def alike(one: FitResult, other: FitResult) -> None:
    """The same model, but for rounding, and the same figures."""
    for path in sorted(one.bundle.glob("weights-*.safetensors")):
        theirs = load_file(other.bundle / path.name)
        for name, tensor in load_file(path).items():
            assert float((tensor.float() - theirs[name].float()).abs().max()) < 1e-4, name
    assert one.outcome.test["accuracy"] == other.outcome.test["accuracy"]
    assert [rung.val for rung in one.outcome.rungs] == [
        {name: pytest.approx(value, rel=1e-4) for name, value in rung.val.items()} for rung in other.outcome.rungs
    ]
    assert one.outcome.data == other.outcome.data


@pytest.mark.slow
def test_two_processes_make_the_model_of_one_and_go_on_with_a_run_of_one(digits_folder: Path, tmp_path: Path) -> None:
    alone = fit(digits_folder, out=tmp_path / "alone", **OPTIONS)
    told: list[Event] = []
    both = fit(digits_folder, out=tmp_path / "both", processes=2, listener=told.append, **OPTIONS)
    assert any(isinstance(event, Decided) and "is divided over 2 processes" in event.text for event in told)
    assert helpers() == []
    alike(both, alone)

    stop = when(7, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(Interrupted):
        fit(digits_folder, out=tmp_path / "cut", listener=stop, **OPTIONS)
    alike(fit(digits_folder, resume=tmp_path / "cut", processes=2, **OPTIONS), alone)


@pytest.mark.slow
def test_a_run_of_two_whose_helper_is_killed_ends_with_words_and_one_goes_on_with_it(
    digits_folder: Path, tmp_path: Path
) -> None:
    alone = fit(digits_folder, out=tmp_path / "alone", **OPTIONS)
    with pytest.raises(LostError, match="process 1 of this run was killed by signal 9") as caught:
        fit(
            digits_folder,
            out=tmp_path / "cut",
            processes=2,
            listener=when(7, lambda: [one.kill() for one in helpers()]),
            **OPTIONS,
        )
    assert "--resume" in caught.value.do
    assert helpers() == []
    alike(fit(digits_folder, resume=tmp_path / "cut", **OPTIONS), alone)


@pytest.mark.slow
def test_a_run_of_two_that_is_interrupted_saves_and_one_goes_on_with_it(digits_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as caught:
        fit(
            digits_folder,
            out=tmp_path / "cut",
            processes=2,
            listener=when(7, lambda: signal.raise_signal(signal.SIGINT)),
            **OPTIONS,
        )
    assert "saved" in caught.value.found
    assert helpers() == []
    told: list[Event] = []
    resumed = fit(digits_folder, resume=tmp_path / "cut", listener=told.append, **OPTIONS)
    assert any(isinstance(event, Decided) and "tune: resumed after epoch" in event.text for event in told)
    alike(resumed, fit(digits_folder, out=tmp_path / "alone", **OPTIONS))
