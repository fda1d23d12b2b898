"""What each further text takes: its characters, two bytes for a token, an address; no activation and no object."""

from __future__ import annotations

import csv
import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engine.texts import spec, text_data, text_network, texts
from warmstart.cache import tokens as kept
from warmstart.cache.features import stored_activations
from warmstart.cache.tokens import TokenShelf
from warmstart.data.schema import Sample, Text
from warmstart.data.sources import load
from warmstart.data.textscan import look_at_text
from warmstart.data.tokens import TokenStore
from warmstart.preprocess.encoded import EncodedTexts

N = 3000
MAPS = Path("/proc/self/maps")
on_linux = pytest.mark.skipif(not MAPS.exists(), reason="only Linux says what is mapped")


def arrays(encoded: EncodedTexts) -> list[NDArray[np.integer]]:
    rows = (encoded.ids, encoded.starts, encoded.written)
    return [*(one.values for one in rows), *(one.bounds for one in rows), encoded.types, encoded.cut]


def taken(array: NDArray[np.integer]) -> int:
    """Bytes of memory: one value that stands for all has no stride."""
    return array.itemsize if array.strides == (0,) else array.nbytes


def mapped(array: NDArray[np.generic], folder: Path) -> bool:
    """Whether it lies in a file below the folder."""
    at = array.__array_interface__["data"][0]
    for line in MAPS.read_text().splitlines():
        start, stop = (int(end, 16) for end in line.split()[0].split("-"))
        if start <= at < stop:
            return str(folder) in line
    return False


def test_the_tokens_of_all_texts_are_a_few_arrays() -> None:
    store = TokenStore(texts(N), spec())
    assert sum(map(taken, arrays(store.encoded))) <= 2 * store.lengths.sum() + 8 * N
    assert sum(map(taken, arrays(store.subset(range(0, N, 2)).encoded))) <= store.lengths.sum() + 8 * N


@on_linux
def test_tokens_that_are_on_the_shelf_are_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_LEAST", 1)
    for found in (False, True):
        store = TokenStore(texts(100), spec(), shelf=TokenShelf(tmp_path, 1 << 24))
        store.preload()
        assert store.found is found
    assert all(mapped(array, tmp_path) for array in arrays(store.encoded) if taken(array) > array.itemsize)


@on_linux
def test_stored_activations_are_mapped_and_nothing_is_held_of_a_sample_but_its_address(tmp_path: Path) -> None:
    data, chain = text_data(200, folder=tmp_path), text_network().facts.chain
    order = data.split.train
    rows = stored_activations(data.wanted(chain), -1, order)
    assert rows is not None
    assert not data.cache._memory
    assert all(mapped(packed.rows.numpy(), tmp_path) for packed in rows.chunks)
    assert data.cache._disk is not None
    assert sum(keys.nbytes for keys in data.cache._disk._keys.values()) <= 64 * len(order)
    assert rows.places.nbytes <= 16 * len(order)


def test_what_there_is_one_of_for_each_sample_has_no_dictionary() -> None:
    text = Text(("It rains.",))
    for one in (text, Sample("a", text), look_at_text(text)):
        assert not hasattr(one, "__dict__")


def test_a_text_that_was_read_takes_few_bytes_beyond_its_characters(tmp_path: Path) -> None:
    read = [f"text number {i} of many that are all different and all of them short" for i in range(N)]
    path = tmp_path / "texts.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((text, "ab"[i % 2] * 9) for i, text in enumerate(read))])
    load(path)  # what is imported for it does not count
    gc.collect()
    tracemalloc.start()
    try:
        dataset = load(path)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(dataset) == N
    assert held <= sum(map(len, read)) + 320 * N
