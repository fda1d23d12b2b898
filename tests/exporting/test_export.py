"""Files appear whole and right or not at all; what cannot be had is refused before anything is computed."""

from __future__ import annotations

import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.exporting.bundles import pictures
from tests.exporting.conftest import Exported, Made
from tests.test_display import sound
from warmstart.api.export import Exported as Told
from warmstart.api.export import export
from warmstart.errors import ExportError, MissingExtraError, RunError, WarmstartError
from warmstart.exporting import base
from warmstart.exporting import onnx as onnx_format
from warmstart.exporting import program as graphs


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def spoilt(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the exporter make a graph that is wrong."""
    whole = onnx_format._converted

    def converted(graph: base.Graph) -> Any:
        model = whole(graph)
        if kind == "weights":
            from onnx import numpy_helper

            largest = max(model.graph.initializer, key=lambda one: len(one.raw_data))
            largest.CopyFrom(numpy_helper.from_array(1.02 * numpy_helper.to_array(largest), largest.name))
        else:
            for value in (*model.graph.input, *model.graph.output):
                value.type.tensor_type.shape.dim[0].dim_value = 1
        return model

    monkeypatch.setattr(onnx_format, "_converted", converted)


@pytest.mark.parametrize("format", ["onnx", pytest.param("openvino", marks=pytest.mark.slow)])
def test_a_file_that_answers_otherwise_is_deleted_and_the_difference_is_told(
    format: Any, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt("weights", monkeypatch)
    before = listing(bundle.parent)
    with pytest.raises(ExportError, match=r"by up to [\d.e-]+ in batches of [13], on 2 samples; the file was deleted"):
        export(bundle, format=format)
    assert listing(bundle.parent) == before


def test_a_graph_for_one_batch_size_alone_is_found_by_the_other(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt("size", monkeypatch)
    before = listing(bundle.parent)
    with pytest.raises(ExportError, match="cannot answer a batch of 3"):
        export(bundle)
    assert listing(bundle.parent) == before


def test_nothing_is_overwritten_and_a_name_is_kept_to(bundle: Path) -> None:
    (bundle.parent / "model.onnx").write_text("mine")
    with pytest.raises(RunError, match="exists already"):
        export(bundle)
    assert (bundle.parent / "model.onnx").read_text() == "mine"
    with pytest.raises(ExportError, match=r"other\.onnx as the name") as refused:
        export(bundle, format="openvino", out=bundle.parent / "other.onnx")
    assert (refused.value.expected, refused.value.do) == ("a name that ends in .xml", "say --format onnx")
    (bundle.parent / "model.bin").write_text("mine")
    with pytest.raises(RunError, match=r"model\.bin exists already"):
        export(bundle, format="openvino")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"int8": True}, "int8 without data"),
        ({"int8": True, "format": "torch", "data": []}, "int8 as torch"),
        ({"max_changed": 2.0}, "max_changed=2"),
        ({"format": "tflite"}, "no format is called 'tflite'"),
        ({"int8": True, "data": pictures(9)}, "int8 from 9 samples"),
    ],
)
def test_what_cannot_be_is_refused_before_a_graph_is_made(
    options: dict[str, Any], said: str, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "program", None)
    before = listing(bundle.parent)
    with pytest.raises(WarmstartError, match=said):
        export(bundle, **options)
    assert listing(bundle.parent) == before


def test_a_bundle_that_writes_texts_is_refused_with_the_reason(made: Made) -> None:
    with pytest.raises(ExportError, match="'generate' cannot be exported: a text is written token by token"):
        export(made("generate")[0].folder)


def test_a_format_that_is_not_installed_names_the_extra(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    with pytest.raises(MissingExtraError) as caught:
        export(bundle)
    assert "warmstart[export]" in caught.value.do


def test_with_the_preprocessing_inside_the_answers_are_to_raw_pixels(made: Made, exported: Exported) -> None:
    import onnxruntime

    (bundle, inputs), told = made("classify"), exported("classify", "onnx", True)
    (entrance,) = told["inputs"]
    assert (entrance["dtype"], entrance["shape"]) == ("uint8", ("batch", 32, 32, 3))
    session = onnxruntime.InferenceSession(told["file"], providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["batch", 32, 32, 3]
    (got,) = session.run(None, {"pixels": np.stack(inputs)})
    want = [[row["probabilities"][name] for name in bundle.classes] for row in bundle.predict(inputs)]
    np.testing.assert_allclose(got, want, atol=1e-4)


def test_the_scale_of_series_can_be_inside(made: Made, exported: Exported) -> None:
    told = exported("forecast", "torch", True)
    assert told["inputs"][0]["holds"] == "values as they are"
    assert "scale" not in told["outside"]
    assert max(told["parity"]["errors"].values()) < 1e-5


def test_a_notebook_shows_the_file_how_near_it_is_and_how_fast(exported: Exported) -> None:
    told = exported("classify", "onnx", True)
    text = sound(told._repr_html_())
    assert escape(told["file"]) in text
    assert "MB in 1 file(s)" in text
    assert f"{told['parity']['samples']} samples" in text
    assert "times as fast" in text
    assert told["classes"][0] in text
    with_int8 = {**told, "int8": {"metric": "accuracy", "accuracy": {"before": 0.91, "after": 0.875}}}
    with_int8["parity"] = {**told["parity"], "changed": 3}
    shown = sound(Told(with_int8)._repr_html_())
    assert "accuracy 0.910 before, 0.875 after" in shown
    assert "accuracy" not in text


READER = """
import json, sys
for name in ("warmstart", "torch"):
    sys.modules[name] = None  # whoever imports it fails
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
facts = session.get_modelmeta().custom_metadata_map
classes = json.loads(facts["classes"])
(shares,) = session.run(None, {"pixels": np.load(sys.argv[2])})
print("\\n".join(classes[i] for i in shares.argmax(1)))
"""


def test_an_onnx_file_is_used_with_onnxruntime_alone(made: Made, exported: Exported, tmp_path: Path) -> None:
    (bundle, inputs), told = made("classify"), exported("classify", "onnx", True)
    np.save(tmp_path / "pixels.npy", np.stack(inputs))
    command = [sys.executable, "-c", READER, told["file"], str(tmp_path / "pixels.npy")]
    found = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8").stdout
    assert found.splitlines() == [row["label"] for row in bundle.predict(inputs)]


def test_a_tokenizer_lies_beside_a_graph_of_texts_and_cuts_and_fills_up_by_itself(exported: Exported) -> None:
    from tokenizers import Tokenizer

    told = exported("tag", "onnx")
    (beside,) = (name for name in told["files"] if name.endswith(".onnx.tokenizer.json"))
    encoded = Tokenizer.from_file(beside).encode_batch(["the cat", "the cat runs in the park " * 99])
    lengths = {len(one.ids) for one in encoded}
    assert len(lengths) == 1
    assert lengths.pop() <= 512
    assert sum(encoded[0].attention_mask) < sum(encoded[1].attention_mask)
