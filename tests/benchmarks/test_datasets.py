from pathlib import Path

import numpy as np
import pytest
from benchmarks.packages import UnavailableError
from benchmarks.sources import SOURCES, Pool, Source, parse_idx
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks import datasets


def pool(counts: list[int]) -> Pool:
    labels = np.repeat(np.arange(len(counts)), counts)
    return Pool(np.arange(len(labels), dtype=np.uint8)[:, None, None].repeat(2, 1).repeat(2, 2), labels)


@given(counts=st.lists(st.integers(4, 30), min_size=2, max_size=5), train=st.integers(2, 60), seed=st.integers(0, 9))
def test_draws_from_one_pool_are_disjoint_and_balanced(counts: list[int], train: int, seed: int) -> None:
    first, second = datasets.draw(pool(counts), None, train, 1000, seed)
    assert not set(first.images[:, 0, 0]) & set(second.images[:, 0, 0])
    wanted = train // len(counts)
    for label, count in enumerate(counts):
        drawn = int((first.labels == label).sum())
        assert min(wanted, count // 2) <= drawn <= min(wanted + 1, count // 2)


def test_a_published_split_is_respected_and_the_seed_decides_the_draw() -> None:
    train, test = pool([50, 50]), Pool(np.full((20, 2, 2), 255, np.uint8), np.arange(20) % 2)
    one, held = datasets.draw(train, test, 40, 10, 0)
    again, _ = datasets.draw(train, test, 40, 10, 0)
    other, _ = datasets.draw(train, test, 40, 10, 1)
    assert (held.images == 255).all()
    assert len(held.labels) == 10
    assert np.array_equal(one.images, again.images)
    assert not np.array_equal(one.images, other.images)


def test_a_prepared_folder_holds_the_pixels_under_the_right_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMSTART_BENCH_CACHE", str(tmp_path))
    source = Source("tiny", "tiny", ("low", "high"), True, lambda: (pool([10, 10]), None))
    monkeypatch.setitem(SOURCES, "tiny", source)
    prepared = datasets.prepare("tiny", 10, 10, 0)
    assert (prepared.train, prepared.test) == (10, 10)
    for name, truth in prepared.truth().items():
        with Image.open(prepared.root / "test" / name) as image:
            value = int(np.asarray(image)[0, 0])
        assert truth == ("low" if value < 10 else "high")


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00", b"\x00\x00\x08\x01\x00\x00\x00\x03ab"])
def test_what_is_not_an_idx_file_is_refused(data: bytes) -> None:
    with pytest.raises(UnavailableError):
        parse_idx(data)


def test_a_pool_of_another_shape_is_refused() -> None:
    with pytest.raises(UnavailableError, match="expected"):
        pool([2, 2]).check("tiny", 5, (2, 2), 2)
