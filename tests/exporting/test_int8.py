"""int8: scales from one part of real data, judged by another; kept only if it changes little, or if that is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.api.helpers import quick
from warmstart.api.export import export
from warmstart.data.schema import Sample
from warmstart.errors import ExportError
from warmstart.exporting import parity
from warmstart.exporting.calibrating import Shares


def test_a_test_part_judges_and_no_sample_does_both() -> None:
    samples = [Sample(f"s{i}", None, split="test" if i % 3 == 0 else "train") for i in range(60)]
    shares = Shares.of(samples)
    assert {sample.split for sample in shares.judge} == {"test"}
    assert {sample.split for sample in shares.calibrate} == {"train"}
    plain = Shares.of([Sample(f"s{i}", None) for i in range(60)])
    assert not {s.id for s in plain.calibrate} & {s.id for s in plain.judge}
    assert len(plain.calibrate) == len(plain.judge) == 30


@pytest.fixture(scope="module")
def digits(_digits_once: Path) -> Path:
    """20 real images of each of three classes; read, never written to."""
    return _digits_once


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Path:
    return quick(digits, tmp_path_factory.mktemp("int8") / "run").bundle


def test_int8_is_smaller_and_says_what_it_costs(fitted: Path, digits: Path, tmp_path: Path) -> None:
    whole = export(fitted, out=tmp_path / "model.onnx")
    told: dict[str, Any] = export(fitted, int8=True, data=digits, max_changed=1.0, out=tmp_path / "model-int8.onnx")
    size = {name: sum(result["files"].values()) for name, result in (("whole", whole), ("int8", told))}
    assert size["int8"] < size["whole"]
    assert told["int8"]["calibrated_on"] == 30
    assert told["parity"]["samples"] == 30
    assert told["parity"]["tolerance"] is None
    accuracy = told["int8"]["accuracy"]
    assert accuracy["n"] == 30
    assert 0 <= accuracy["after"] <= 1
    assert abs(accuracy["before"] - accuracy["after"]) <= told["parity"]["changed"] + 1e-9

    import onnxruntime

    session = onnxruntime.InferenceSession(told["file"], providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["int8"] == "true"
    (answer,) = session.run(None, {"image": np.zeros((2, 3, 32, 32), np.float32)})
    assert answer.shape == (2, 3)


@pytest.mark.slow
def test_int8_that_changes_more_than_it_may_is_deleted(
    fitted: Path, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity, "_changed", lambda *_: 0.05)
    with pytest.raises(ExportError, match=r"int8 changes 5.0 % of the answers on 30 samples"):
        export(fitted, int8=True, data=digits, out=tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
