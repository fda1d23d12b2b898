"""What goes wrong in training is said when it is seen, with the remedy: at the console, in the log, in the report."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.faults.test_training import recipe, tuned
from tests.faults.ways import Said, Way


def noise(folder: Path, *counts: int) -> Path:
    """Pictures of nothing, and labels that mean nothing."""
    rng = np.random.default_rng(0)
    for name, count in zip("abc", counts, strict=False):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


def everywhere(said: Said, folder: Path, *words: str) -> bool:
    """Whether one message with all these words was told, logged, and is in the report."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = [line["text"] for line in lines if line["event"] == "Decided"]
    found = [text for text in texts if all(word in text for word in words)]
    report = html.unescape((folder / "report.html").read_text(encoding="utf-8"))
    return bool(found) and json.dumps(found[0], ensure_ascii=False)[1:-1] in said.words and found[0] in report


def run(way: Way, data: Path, place: Path, **changes: Any) -> tuple[Said, Path]:
    said = tuned(way, data, recipe=str(recipe(place / "r.yaml", **changes)), out=str(place / "run"))
    assert said.code == 0, said.words
    return said, place / "run"


def test_labels_that_do_not_belong_to_the_inputs_are_told(way: Way, tmp_path: Path) -> None:
    frozen = [["head", 1e-3], ["*", None]]
    said, folder = run(way, noise(tmp_path / "noise", 30, 30), tmp_path, rates=frozen, epochs=1, batch_size=16)
    assert everywhere(said, folder, "chance explains", "labels may belong to other inputs", "warmstart check")


def test_labels_that_do_are_not_doubted(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    said, _ = run(way, digits_folder, tmp_path, rates=[["head", 1e-3], ["*", None]], epochs=1, batch_size=16)
    assert not said.told("chance explains")


@pytest.mark.slow
def test_a_rate_that_explodes_and_answers_all_alike_are_told(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    said, folder = run(way, digits_folder, tmp_path, rates=[["*", 0.3]], epochs=4, batch_size=8)
    assert everywhere(said, folder, "the training loss rose", "the learning rate is too high; a third of it")
    assert everywhere(said, folder, "answered alike", "class weights")


@pytest.mark.slow
def test_what_is_learned_by_heart_is_told(way: Way, tmp_path: Path) -> None:
    data = noise(tmp_path / "noise", 12, 12)
    said, folder = run(way, data, tmp_path, rates=[["*", 3e-2]], epochs=20, batch_size=4)
    assert everywhere(said, folder, "the validation loss rose", "it learns by heart; fewer epochs")


@pytest.mark.slow
def test_a_head_that_died_is_told(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    """Three steps at such a rate, and no ReLU of the toy backbone answers any more."""
    said, folder = run(way, digits_folder, tmp_path, rates=[["*", 3.0]], epochs=3, batch_size=8, optimizer="sgd")
    assert everywhere(said, folder, "validation samples get the same outputs", "is dead", "a lower learning rate")
