"""A whole run on a device that behaves like a GPU: every rung, the bundle, the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import warmstart
from tests.pretend import at_hand
from warmstart.engine.events import silent


@pytest.mark.slow
def test_a_run_on_a_gpu_ends_in_a_bundle_that_answers_on_the_cpu(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 200, (90, 32, 32, 3))
    for i, image in enumerate(images):
        image[..., i % 3] += 55
    labels = ["rgb"[i % 3] for i in range(90)]
    given = (list(images.astype(np.uint8)), labels)
    with at_hand():
        found = warmstart.fit(
            given,
            backbone="toy",
            budget="40s",
            out=tmp_path / "run",
            cache=tmp_path / "cache",
            track="none",
            listener=silent,
        )
    assert {"probe", "lp_ft"} <= {rung.name for rung in found.outcome.rungs}
    right = [row["label"] == label for row, label in zip(found.predict(given[0]), labels, strict=True)]
    assert sum(right) > 60
    assert found.report.exists()
