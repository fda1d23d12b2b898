"""One cache folder and several processes: frozen work is done once, nothing is torn, and nobody waits for ever."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

from warmstart.cache import claim, features
from warmstart.cache.chunk import read_chunk
from warmstart.cache.features import Wanted, activations
from warmstart.cache.shelf import PixelShelf
from warmstart.cache.store import ActivationStore
from warmstart.data.batches import ImageBatches, PixelStore
from warmstart.data.schema import ClassTarget, Dataset, Sample
from warmstart.data.sources import load
from warmstart.model.catalog import load_backbone
from warmstart.preprocess.spec import PreprocessSpec

COUNT, PART = 24, 4
FORK: Any = multiprocessing.get_context("fork")


def wanted(folder: Path) -> Wanted:
    toy, rng = load_backbone("toy"), np.random.default_rng(0)
    samples = [Sample(str(i), rng.integers(0, 256, (36, 36, 3), dtype=np.uint8), "ab"[i % 2]) for i in range(COUNT)]
    pixels = PixelStore(Dataset(tuple(samples), ClassTarget(("a", "b"))), toy.preprocess)
    return Wanted(toy.chain, pixels, ActivationStore(folder), pixels.spec, batch_size=PART, workers=0)


def in_children(work: Callable[[int], Any], count: int) -> list[Any]:
    """What `work` gives in processes that begin at the same moment."""
    start, found = FORK.Barrier(count), FORK.SimpleQueue()

    def child(number: int) -> None:
        start.wait(60)
        found.put((number, work(number)))

    children = [FORK.Process(target=child, args=(number,)) for number in range(count)]
    for one in children:
        one.start()
    given = dict(found.get() for _ in children)
    for one in children:
        one.join(60)
    return [given[number] for number in range(count)]


def stored(folder: Path) -> Counter[tuple[str, str]]:
    """How often each activation (or record of pixels) lies in the cache; a torn file raises."""
    return Counter((path.parent.name, key) for path in folder.rglob("*.safetensors") for key in read_chunk(path)[0])


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Samples that were computed, in parts of a few, each of which takes a moment."""
    computed: list[int] = []

    def batches(store: PixelStore, indices: list[int], **options: Any) -> ImageBatches:
        computed.extend(int(i) for i in indices)
        time.sleep(0.05)
        return ImageBatches(store, indices, **options)

    monkeypatch.setattr(features, "batches_of", batches)
    monkeypatch.setattr(features, "_CHUNK_SAMPLES", PART)
    return computed


def test_four_processes_compute_each_activation_once_and_get_what_one_alone_gets(
    tmp_path: Path, slowly: list[int]
) -> None:
    alone = activations(wanted(tmp_path / "alone"), -1, range(COUNT))
    slowly.clear()

    def work(number: int) -> tuple[list[int], bytes]:
        found = activations(wanted(tmp_path / "cache"), -1, range(COUNT))
        return list(slowly), found.numpy().tobytes()

    given = in_children(work, 4)
    assert sorted(i for mine, _ in given for i in mine) == list(range(COUNT))
    assert all(mine for mine, _ in given)  # and each had its share of the work
    assert {content for _, content in given} == {alone.numpy().tobytes()}
    assert set(stored(tmp_path / "cache").values()) == {1}
    assert len(stored(tmp_path / "cache")) == COUNT


def test_processes_that_want_other_parts_of_the_data_store_little_twice(tmp_path: Path, slowly: list[int]) -> None:
    def work(number: int) -> int:
        activations(wanted(tmp_path / "cache"), -1, range(3 * number, 3 * number + 12))
        return len(slowly)

    assert 21 <= sum(in_children(work, 4)) <= 48
    assert len(stored(tmp_path / "cache")) == 21
    assert max(stored(tmp_path / "cache").values()) <= 4


def test_a_process_that_is_killed_leaves_its_part_to_the_others(tmp_path: Path, slowly: list[int]) -> None:
    def hang(*_: Any, **__: Any) -> None:
        (tmp_path / "held").touch()
        time.sleep(600)

    def child() -> None:
        features._forward = hang
        activations(wanted(tmp_path / "cache"), -1, range(COUNT))

    held = FORK.Process(target=child)
    held.start()
    while not (tmp_path / "held").exists():
        time.sleep(0.01)

    def work(number: int) -> list[int]:
        if number == 0:
            time.sleep(0.5)
            os.kill(held.pid, signal.SIGKILL)
        activations(wanted(tmp_path / "cache"), -1, range(COUNT))
        return list(slowly)

    assert sorted(i for mine in in_children(work, 2) for i in mine) == list(range(COUNT))
    held.join(60)
    assert set(stored(tmp_path / "cache").values()) == {1}


def test_a_process_that_does_nothing_is_waited_for_no_longer(
    tmp_path: Path, slowly: list[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(claim, "STALLED", 0.2)
    monkeypatch.setattr(features, "_CHUNK_SAMPLES", COUNT)
    activations(wanted(tmp_path / "other"), -1, range(COUNT))
    slowly.clear()
    (path,) = (tmp_path / "other" / "locks").glob("*.lock")
    (tmp_path / "cache" / "locks").mkdir(parents=True)
    with FileLock(tmp_path / "cache" / "locks" / path.name):  # as another process has it that works on the same part
        rows = activations(wanted(tmp_path / "cache"), -1, range(COUNT))
    assert torch.isfinite(rows).all()
    assert sorted(slowly) == list(range(COUNT))
    assert "does nothing" in caplog.text


def test_a_folder_where_nothing_can_be_locked_costs_the_sharing_alone(tmp_path: Path, slowly: list[int]) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "locks").write_text("a file where a folder is to be")
    rows = activations(wanted(tmp_path / "cache"), -1, range(COUNT))
    assert len(rows) == len(stored(tmp_path / "cache")) == len(slowly) == COUNT


def test_pixels_that_another_process_has_written_are_not_written_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(8):
        place = tmp_path / "photos" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (90, 90, 3), dtype=np.uint8)).save(place / f"{i}.png")
    data, spec = load(tmp_path / "photos"), PreprocessSpec(32)

    def work(number: int) -> int:
        shelf = PixelShelf(tmp_path / "cache", 1 << 28, spec)
        order = np.random.default_rng(number).permutation(8)
        PixelStore(data, spec, shelf=shelf).preload([int(i) for i in order], workers=2)
        return shelf.stored

    assert sum(in_children(work, 4)) == 8
    assert set(stored(tmp_path / "cache").values()) == {1}
    assert len(stored(tmp_path / "cache")) == 8


@pytest.mark.slow
def test_four_fits_at_once_ship_what_one_alone_ships(digits_folder: Path, tmp_path: Path) -> None:
    """From the command line, as a user starts them."""

    def begin(name: str, cache: str) -> subprocess.Popen[str]:
        words = ["fit", str(digits_folder), "--backbone", "toy", "--recipe", "probe", "--baseline", "none"]
        words += ["--out", str(tmp_path / name), "--cache", str(tmp_path / cache)]
        return subprocess.Popen(
            [sys.executable, "-m", "warmstart.cli.main", *words],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )

    alone = begin("alone", "own")
    said = [alone.communicate(timeout=600)[1]]
    four = [begin(f"run-{i}", "shared") for i in range(4)]
    said += [one.communicate(timeout=900)[1] for one in four]
    assert [one.returncode for one in (alone, *four)] == [0] * 5, said
    shipped = [
        [path.read_bytes() for path in sorted((tmp_path / name / "bundle").glob("weights-*"))]
        for name in ("alone", *(f"run-{i}" for i in range(4)))
    ]
    assert shipped[0]
    assert all(one == shipped[0] for one in shipped)
    assert set(stored(tmp_path / "shared").values()) == {1}
    assert stored(tmp_path / "shared").keys() == stored(tmp_path / "own").keys()
