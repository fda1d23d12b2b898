"""ONNX, in one file with its weights; opened by ONNX Runtime. With int8, as pairs that quantise and put back (QDQ)."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from warmstart.errors import ExportError
from warmstart.exporting.base import Graph, Run, first, texts
from warmstart.exporting.entrances import Feeds
from warmstart.exporting.program import first_line

_MOST = 2**31 - 2**20
"""Bytes of a file: protobuf counts in 32 bits with a sign."""


class Onnx:
    """See `warmstart.exporting.base.Format`."""

    suffix = ".onnx"
    beside: tuple[str, ...] = ()
    holds_int8 = True
    tolerance = 1e-4

    def write(self, graph: Graph, path: Path) -> None:
        """Opset and operators are those that torch's exporter chooses; its checker has seen the file."""
        path.write_bytes(to_bytes(graph))

    def open(self, path: Path) -> Run:
        """A session on the CPU."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # its warnings are about its own optimisations
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

        def run(feeds: Feeds) -> Any:
            return first(session.run(None, feeds))

        return run


def to_bytes(graph: Graph) -> bytes:
    """The content of an ONNX file.

    Raises:
        ExportError: the exporter does not know an operation, or the file would be too large.
    """
    import onnx

    if sum(t.numel() * t.element_size() for t in graph.program.state_dict.values()) > _MOST:
        raise ExportError(
            "the weights are more than 2 GB, and one ONNX file holds no more",
            do="export as torch, which has no such limit",
        )
    try:
        model = _converted(graph)
        onnx.checker.check_model(model)
    except Exception as error:  # the exporter raises what it likes for an operation it does not know
        raise ExportError(
            f"ONNX cannot hold this network: {first_line(error)}", do="export as torch, or use the bundle itself"
        ) from error
    if graph.calibration:
        model = _quantised(model, graph)
    model.producer_name, model.producer_version = "warmstart", str(graph.facts["warmstart"])
    onnx.helper.set_model_props(model, texts(graph.facts))
    content: bytes = model.SerializeToString()
    return content


def _converted(graph: Graph) -> Any:
    names = [one["name"] for one in graph.facts["inputs"]]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of what it does by itself
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.onnx.export(
            graph.program, dynamo=True, verbose=False, input_names=names, output_names=[graph.output]
        )
    assert made is not None
    model = made.model_proto
    _name_dimensions(model, graph)
    return model


def _name_dimensions(model: Any, graph: Graph) -> None:
    """Dimensions of any size have the names that the metadata gives them, rather than those of symbols of torch."""
    called = {}
    for value, facts in zip(model.graph.input, graph.facts["inputs"], strict=True):
        for side, name in zip(value.type.tensor_type.shape.dim, facts["shape"], strict=True):
            if isinstance(name, str) and side.dim_param:
                called[side.dim_param] = name
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for side in value.type.tensor_type.shape.dim:
            if side.dim_param in called:  # to name one of a known size would make it unknown
                side.dim_param = called[side.dim_param]


def _quantised(model: Any, graph: Graph) -> Any:
    """The model with weights and activations in int8, per output channel; scales from what it does with real inputs."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._feeds: Iterator[Feeds] = iter(graph.calibration)

        def get_next(self) -> Feeds | None:
            return next(self._feeds, None)

    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "int8.onnx"
        quantize_static(
            model,
            path,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            # Sums of 8-bit products overflow on processors without VNNI unless weights keep to 7 bits.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(path)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What the quantiser recommends goes nowhere."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)


ONNX = Onnx()
"""The one instance; it holds no state."""
