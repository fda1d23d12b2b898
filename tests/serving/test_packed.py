"""Many series in one array: answered as one by one, and never trusted further than what was sent."""

from __future__ import annotations

import io
import json
import pickle
from typing import Any

import numpy as np
import pytest

from tests.serving.clients import refused, sent
from tests.serving.conftest import Serve
from warmstart.data.schema import Series
from warmstart.errors import DataError
from warmstart.serving.answers import document
from warmstart.serving.packed import series_of
from warmstart.serving.problems import Problem


def npy(array: Any, **how: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **how)
    return buffer.getvalue()


def headed(shape: str, body: bytes = b"", kind: str = "'<f8'") -> bytes:
    """An array whose header says what it likes."""
    head = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + body


SERIES = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "array", [SERIES, SERIES.astype("<f4"), SERIES.astype(">i2"), np.asfortranarray(SERIES), SERIES > 3]
)
def test_an_array_is_read_as_it_was_written_and_not_copied(array: np.ndarray) -> None:
    found = series_of(npy(array), "a.npy", 2)
    assert [isinstance(one, Series) and one.values.shape for one in found] == [(3, 4), (3, 4)]
    np.testing.assert_array_equal(np.stack([one.values for one in found]), array)
    assert all(not one.values.flags.owndata for one in found)
    assert [one.values.shape for one in series_of(npy(SERIES[0]), "a.npy", 3)] == [(1, 4)] * 3
    assert [one.values.shape for one in series_of(npy(SERIES[0, 0]), "a.npy", 1)] == [(1, 4)]


HOSTILE = {
    "objects": npy(np.array([{}], dtype=object), allow_pickle=True),
    "a pickle": pickle.dumps([1.0]),
    "an archive": b"PK\x03\x04" + bytes(40),
    "empty": b"",
    "torn": npy(SERIES)[:-8],
    "more than it says": npy(SERIES) + b"0",
    "a vast shape": headed("(10**6, 10**6)"),
    "a vast shape in numbers": headed("(1000000, 1000000)"),
    "a negative shape": headed("(-1, -8)", bytes(64)),
    "no steps": headed("(4, 0)"),
    "texts": npy(np.array(["a", "b"])),
    "complex numbers": npy(np.array([[1j]])),
    "records": npy(np.zeros(2, dtype="f8,f8")),
    "four axes": npy(np.zeros((1, 1, 1, 1))),
    "a deep header": headed("(" * 1500 + ")" * 1500),
    "a long header": headed("(1," + " " * 9000 + ")", bytes(8)),
    "code in the header": headed("__import__('os').getpid()"),
    "another version": b"\x93NUMPY\x09\x00" + bytes(64),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_array_of_series_is_refused_before_memory_is_taken_for_it(content: bytes) -> None:
    with pytest.raises(DataError, match=r"^a\.npy"):
        series_of(content, "a.npy", 10)


def test_more_series_than_a_request_may_have_are_too_many(serve: Serve) -> None:
    with pytest.raises(Problem, match="3 inputs"):
        series_of(npy(np.zeros((3, 8))), "a.npy", 2)
    many = npy(np.ones((5, 80), np.float32))
    assert refused(sent(serve("forecast", max_inputs=4), ("a.npy", many)), 413) == "5 inputs"


def test_rows_of_an_array_are_those_of_its_series(serve: Serve) -> None:
    app, series = serve("forecast"), 10 + np.sin(np.arange(240).reshape(3, 80) / 5)
    series[1, 7] = np.nan
    rows = sent(app, ("a.npy", npy(series))).json()["rows"]
    one_by_one = [sent(app, ("b.npy", npy(one[None]))).json()["rows"][0] for one in series]
    assert [row["input"] for row in rows] == ["a.npy 1", "a.npy 2", "a.npy 3"]
    for row, alone in zip(rows, one_by_one, strict=True):
        assert row["forecast"] == pytest.approx(alone["forecast"], rel=1e-4)
    told = refused(sent(app, ("a.npy", HOSTILE["objects"])), 422)
    assert "no numbers" in told
    both = sent(app, ("a.npy", npy(series[:1])), ("b.npy", HOSTILE["torn"])).json()["rows"]
    assert [row["error"] is None for row in both] == [True, False]


def test_rows_are_written_as_json_has_them() -> None:
    rows = [{"input": "ä", "value": np.float64("inf"), "many": np.array([[True]]), "mask": np.zeros((2, 2))}]
    found = json.loads(document(rows))
    assert found == {"rows": [{"input": "ä", "value": None, "many": [[True]]}]}
    assert json.loads(document(rows, masks=True))["rows"][0]["mask"].startswith("data:image/png")
