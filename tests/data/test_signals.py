"""Series as a network reads them: what is kept and what is not; batches depend on seed, epoch and sample alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from warmstart.data.schema import ClassTarget, Dataset, Sample, Series
from warmstart.data.signals import SeriesStore
from warmstart.errors import DataError
from warmstart.preprocess.series import SeriesSpec

SPEC = SeriesSpec(size=16)


def dataset(count: int = 7, channels: int = 1) -> Dataset:
    rng = np.random.default_rng(0)
    samples = [Sample(f"row-{i}", Series(rng.normal(size=(channels, 10 + i))), ("a", "b")[i % 2]) for i in range(count)]
    return Dataset(tuple(samples), ClassTarget(("a", "b")))


def test_what_is_kept_and_what_is_read_anew_are_the_same() -> None:
    kept, anew = SeriesStore(dataset(), SPEC), SeriesStore(dataset(), SPEC, budget_bytes=0)
    every = range(7)
    assert torch.equal(kept.rows(every), anew.rows(every))
    assert torch.equal(kept.rows(every), kept.rows(every))
    assert kept.holds(3)
    assert not anew.holds(3)


def test_a_subset_has_what_was_kept() -> None:
    store = SeriesStore(dataset(), SPEC)
    store.get(5)
    part = store.subset([6, 5])
    assert [part.holds(0), part.holds(1)] == [False, True]
    assert torch.equal(part.rows([0, 1]), store.rows([6, 5]))
    assert part.targets(np.array([0, 1])).tolist() == store.targets(np.array([6, 5])).tolist()


def test_augmented_batches_depend_on_seed_epoch_and_sample_alone() -> None:
    store = SeriesStore(dataset(), SPEC)

    def seen(epoch: int, batch_size: int) -> dict[int, list[float]]:
        found = store.batches(range(7), batch_size=batch_size, shuffle=True, seed=1, epoch=epoch, augment="standard")
        return {int(i): x.flatten().tolist() for batch in found for i, x in zip(batch.index, batch.inputs, strict=True)}

    assert seen(0, 2) == seen(0, 3)
    assert seen(0, 2) != seen(1, 2)
    plain = store.rows(range(7))
    assert torch.equal(plain, SeriesStore(dataset(), SPEC).rows(range(7)))  # what is kept was not changed


def test_windows_of_a_mapped_file_are_views_of_it(tmp_path: Path) -> None:
    np.save(tmp_path / "long.npy", np.arange(1000, dtype=np.float32)[None])
    values = np.load(tmp_path / "long.npy", mmap_mode="r")
    windows = tuple(Sample(f"w-{i}", Series(values[:, i : i + 16]), "a") for i in range(0, 900, 16))
    assert all(window.source.values.base is not None for window in windows)
    store = SeriesStore(Dataset(windows, ClassTarget(("a",))), SeriesSpec(size=16, scale="none"), budget_bytes=0)
    assert store.get(2).tolist() == [list(range(32, 48))]


def test_other_channels_and_no_series_at_all_are_errors_that_name_the_sample() -> None:
    with pytest.raises(DataError, match=r"'row-0': a series of shape \(2, 10\)"):
        SeriesStore(dataset(channels=2), SPEC).get(0)
    other = Dataset((Sample("photo", "a.png", "a"),), ClassTarget(("a",)))
    with pytest.raises(DataError, match="'photo' is no time series but a str"):
        SeriesStore(other, SPEC).get(0)


VALUES = arrays(
    np.float64, st.tuples(st.integers(1, 3), st.integers(1, 40)), elements=st.floats(-1e6, 1e6) | st.just(np.nan)
)


@given(VALUES, st.integers(1, 40), st.sampled_from(["resample", "pad"]))
def test_whatever_is_missing_constant_or_of_another_length_is_read_as_finite_numbers(
    values: np.ndarray, size: int, lengths: str
) -> None:
    spec = SeriesSpec(size=size, channels=len(values), lengths=lengths)  # type: ignore[arg-type]
    found = spec.read(values)
    assert found.shape == (len(values), size)
    assert np.isfinite(found).all()
    for channel, raw in zip(found, values, strict=True):
        if not np.isfinite(raw).any():
            assert (channel == 0).all()


@given(arrays(np.float64, (2, 24), elements=st.floats(-100, 100)), st.floats(0.1, 10), st.floats(-50, 50))
def test_unit_and_offset_of_a_series_do_not_matter(values: np.ndarray, factor: float, offset: float) -> None:
    spread = values.std(1)
    if (spread < 1e-3 * np.maximum(1.0, np.abs(values).max(1))).any():
        return  # next to constant, where rounding decides
    spec = SeriesSpec(size=24, channels=2)
    assert np.allclose(spec.read(values), spec.read(factor * values + offset), atol=1e-3)
