from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from warmstart.api.fit import FitResult, fit
from warmstart.engine.events import Event
from warmstart.planning.cost import SpeedFacts

SPEED = SpeedFacts(flops=3e10, images=1000.0, measured=True)


@pytest.fixture(autouse=True)
def _known_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring how quick the machine is takes longer than a fit of the toy backbone."""
    for place in ("running.pace", "plan"):
        monkeypatch.setattr(f"warmstart.api.{place}.measure_speed", lambda *args, **options: SPEED)


@pytest.fixture(scope="session")
def events() -> list[Event]:
    """What was told during the fit of `fitted`."""
    return []


@pytest.fixture(scope="session")
def fitted(_digits_once: Path, tmp_path_factory: pytest.TempPathFactory, events: list[Event]) -> FitResult:
    """A whole ladder on the digits, for tests that only read."""
    place = tmp_path_factory.mktemp("fitted")
    data = Path(shutil.copytree(_digits_once, place / "digits"))
    out = place / "run"
    return fit(data, backbone="toy", out=out, cache=place / "cache", listener=events.append)
