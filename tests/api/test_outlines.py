"""Boxes with outlines: what is killed goes on to the same bits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api.helpers import weights
from warmstart.api.fit import fit
from warmstart.data.synthetic.scenes import write_scenes
from warmstart.engine.events import Decided, Event

OPTIONS: dict[str, Any] = {
    "task": "detect",
    "backbone": "lite0",
    "size": 64,
    "head": "maskrcnn?channels=16&width=32&sampled=16&proposals=20&convs=1",
    "recipe": "finetune?from_block=-2&epochs=3&batch_size=4&augment=light",
    "baseline": "none",
    "budget": "30m",
}
KILLED = """
import os, signal, sys
from tests.api.test_outlines import OPTIONS
from warmstart.api.fit import fit
from warmstart.engine import epochs
from warmstart.engine.events import Advanced

epochs.SAVE_EVERY = 0.0
left = [6]  # four steps are an epoch: it is in the midst of the second

def hear(event):
    if isinstance(event, Advanced) and event.what.startswith("phase "):
        left[0] -= event.n
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

fit(sys.argv[1], out=sys.argv[2], listener=hear, **OPTIONS)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    shapes = write_scenes(tmp_path / "shapes", 24, size=(48, 36), most=2)
    whole = fit(shapes, out=tmp_path / "whole", **OPTIONS)
    died = subprocess.run([sys.executable, "-c", KILLED, str(shapes), str(tmp_path / "cut")], check=False)
    assert died.returncode == -9
    assert not (tmp_path / "cut" / "results.json").exists()
    told: list[Event] = []
    resumed = fit(shapes, resume=tmp_path / "cut", listener=told.append, **OPTIONS)
    assert any(isinstance(event, Decided) and "resumed after epoch" in event.text for event in told)
    assert weights(resumed) == weights(whole)
    assert resumed.outcome.test == whole.outcome.test
    assert "mask_map" in resumed.outcome.test
