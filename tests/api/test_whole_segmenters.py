"""Whole pretrained segmenters, here of random weights, from a file to a bundle that needs it no longer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.api.helpers import quick
from tests.model.segment.test_whole import saved, segformer
from warmstart.api.evaluate import evaluate
from warmstart.data.synthetic.scenes import write_scenes
from warmstart.engine.events import Decided, Event


@pytest.mark.parametrize(
    ("kind", "recipe"),
    [
        ("segformer", "finetune?epochs=1"),
        pytest.param("lraspp", "finetune?epochs=1", marks=pytest.mark.slow),
        pytest.param("segformer", "head_only?epochs=1", marks=pytest.mark.slow),
        pytest.param("lraspp", "head_only?epochs=1", marks=pytest.mark.slow),
    ],
)
def test_a_whole_segmenter_is_adapted_and_its_file_may_go(kind: str, recipe: str, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    if kind == "segformer":
        segformer(weights, ("ground", "disc", "moon"))
        uri = f"hf:{weights}"
    else:
        uri = f"torchvision:lraspp_mobilenet_v3_large@{saved('lraspp_mobilenet_v3_large', weights)[1]}"
    shapes = write_scenes(tmp_path / "shapes", 8, size=(40, 32), most=2)
    told: list[Event] = []
    how = {"backbone": uri, "task": "segment", "size": 64, "recipe": recipe, "val": 0.25, "test": 0.25}
    done = quick(shapes, tmp_path / "run", listener=told.append, **how)
    said = [event.text for event in told if isinstance(event, Decided) and "comes with the backbone" in event.text]
    assert len(said) == 1
    assert ("ground, disc" in said[0]) == (kind == "segformer")
    trained = max(rung.trained_parameters for rung in done.outcome.rungs)
    assert (trained > 1_000_000) == (kind == "lraspp" and "finetune" in recipe)
    shutil.rmtree(weights)
    (row,) = done.predict([str(shapes / "images" / "00000.png")])
    assert row["mask"].shape == (32, 40)
    assert evaluate(done.bundle, shapes)["n"] == 8
