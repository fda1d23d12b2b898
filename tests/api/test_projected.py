"""Whose view of the samples a run draws, and what it may cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.helpers import quick, tuning


def test_a_tuned_network_is_drawn_by_its_own_features(digits_folder: Path, tmp_path: Path) -> None:
    found = quick(digits_folder, tmp_path / "run", recipe=tuning(1), cache=tmp_path / "cache").outcome.projection
    assert found is not None
    assert found.network == "the final model"


@pytest.mark.parametrize(("affordable", "network"), [(0, "the pretrained network (which was left as it is)"), (-1, "")])
def test_what_is_stored_costs_nothing_and_what_costs_too_much_is_left_out(
    affordable: int, network: str, digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warmstart.api.finishing.projected.AFFORDABLE", affordable)
    run = quick(digits_folder, tmp_path / "run", cache=tmp_path / "cache")
    shown = "What looks alike to the network" in run.report.read_text(encoding="utf-8")
    assert shown == bool(network)
    assert (run.outcome.projection.network if run.outcome.projection else "") == network
