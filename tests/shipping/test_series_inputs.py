"""What a bundle of series is asked for: every series of a file, and what lies in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from warmstart.data.schema import Series
from warmstart.preprocess.series import SeriesSpec
from warmstart.shipping.reading import as_samples


def test_of_a_file_all_series_are_asked_for_and_not_the_first_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "two.npy", np.arange(20.0).reshape(2, 10))
    found = as_samples([str(tmp_path / "two.npy"), [1.0, 2.0, 3.0], Series(np.ones((1, 4)))], SeriesSpec())
    assert [sample.source.values.shape for sample in found] == [(1, 10), (1, 10), (1, 3), (1, 4)]
    assert found[-1].id == "row-2"
