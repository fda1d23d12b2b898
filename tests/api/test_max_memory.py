"""A run that is held to so much memory gives what one gives that is not, or says what it would take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.api.helpers import quick
from warmstart.api.compare import compare
from warmstart.api.fit import FitResult
from warmstart.api.plan import plan
from warmstart.api.predict import predict
from warmstart.engine.machine import memory_limit
from warmstart.errors import RunError, WarmstartError

RUN = """
import json, resource, sys
from pathlib import Path
from warmstart.api.fit import fit
out, most = Path(sys.argv[2]), int(sys.argv[3])
found = fit(sys.argv[1], backbone="toy", recipe="probe", size=160, budget="1h", track="none", max_memory=most,
            out=out / "run", cache=out / "cache")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"peak": peak, "decisions": found.outcome.decisions}))
"""


def weights(run: FitResult) -> dict[str, torch.Tensor]:
    (file,) = run.bundle.glob("weights-*.safetensors")
    return load_file(file)


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that grows with the data may be held."""
    for module in ("steps.closed_form", "ladder.rungs"):
        monkeypatch.setattr(f"warmstart.engine.{module}.holds_features", lambda *_: False)
    for module in ("steps.closed_form", "ladder.context"):
        monkeypatch.setattr(f"warmstart.engine.{module}.at_a_time", lambda *_: 7)


def test_what_is_read_in_pieces_gives_the_same_model(digits_folder: Path, tmp_path: Path, request: Any) -> None:
    options = {"baseline": "simple", "cache": tmp_path / "cache"}
    whole = quick(digits_folder, tmp_path / "whole", **options)
    request.getfixturevalue("in_pieces")
    parts = quick(digits_folder, tmp_path / "parts", max_memory="100GB", **options)
    assert any("are read in blocks" in one for one in parts.outcome.decisions)
    assert not any("are read in blocks" in one for one in whole.outcome.decisions)
    ours, theirs = weights(parts), weights(whole)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0.05, atol=0.05)
    for one, other in zip(parts.outcome.rungs, whole.outcome.rungs, strict=True):
        assert one.val == pytest.approx(other.val, abs=0.03)


def test_too_little_memory_is_refused_before_anything_is_done(digits_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is too little"):
        quick(digits_folder, tmp_path / "run", max_memory="50MB")
    with pytest.raises(RunError, match="is too little"):
        compare(digits_folder, methods="probe", backbones="toy", out=tmp_path / "run", max_memory="50MB", workers=1)
    with pytest.raises(RunError, match="is too little"):
        plan(digits_folder, recipe="probe", backbone="toy", max_memory="50MB")
    assert memory_limit() is None


def test_a_bundle_answers_within_its_memory_or_refuses(fitted: FitResult, digits_folder: Path) -> None:
    photos = sorted(digits_folder.rglob("*.png"))[:3]
    free, held = predict(fitted.bundle, photos), predict(fitted.bundle, photos, max_memory="100GB")
    assert list(free) == list(held)
    with pytest.raises(RunError, match="at least"):
        predict(fitted.bundle, photos, max_memory="50MB")


def test_what_is_no_size_is_refused(digits_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WarmstartError, match="max memory 'much' is not a size"):
        quick(digits_folder, tmp_path / "run", max_memory="much")


@pytest.mark.slow
def test_data_of_several_times_the_memory_stay_within_it(tmp_path: Path) -> None:
    rng, count, side = np.random.default_rng(0), 5000, 160
    for i in range(count):  # decoded 384 MB
        place = tmp_path / "data" / str(i % 4)
        place.mkdir(parents=True, exist_ok=True)
        colours = np.clip(rng.normal(40 * (i % 4) + 50, 60, (5, 5, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(colours).resize((side, side)).save(place / f"{i}.png", compress_level=1)
    most = least_of(tmp_path) + 10**8
    found = run(tmp_path / "data", tmp_path / "run", most)
    assert 3 * side * side * count > 3 * 10**8
    assert found["peak"] <= most


def run(data: Path, out: Path, most: int) -> dict[str, Any]:
    out.mkdir()
    words = [sys.executable, "-c", RUN, str(data), str(out), str(most)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert not done.returncode, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def least_of(tmp_path: Path) -> int:
    """What a run asks for at least, as its refusal says."""
    words = [sys.executable, "-c", RUN, str(tmp_path / "data"), str(tmp_path / "none"), "1000000"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return int(float(done.stderr.split("--max-memory ")[1].split("GB")[0]) * 10**9)
