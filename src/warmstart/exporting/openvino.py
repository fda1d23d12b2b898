"""OpenVINO's own form: a `.xml` with the graph and a `.bin` with the weights, made from the ONNX of the same graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from warmstart.errors import ExportError
from warmstart.exporting.base import Graph, Run, first, texts
from warmstart.exporting.entrances import Feeds
from warmstart.exporting.onnx import to_bytes
from warmstart.exporting.program import first_line

KEY = "warmstart"
"""Of the metadata in `rt_info`."""


class OpenVino:
    """See `warmstart.exporting.base.Format`."""

    suffix = ".xml"
    beside = (".bin",)
    holds_int8 = True
    tolerance = 1e-4

    def write(self, graph: Graph, path: Path) -> None:
        """Weights are float32, or int8; never float16, which would change answers."""
        import openvino

        content = to_bytes(graph)
        try:
            model = openvino.Core().read_model(content)
        except Exception as error:  # the frontend raises what it likes for an operation it does not know
            raise ExportError(
                f"OpenVINO cannot hold this network: {first_line(error)}", do="export as onnx or torch"
            ) from error
        for name, text in texts(graph.facts).items():
            model.set_rt_info(text, [KEY, name])
        openvino.save_model(model, path, compress_to_fp16=False)

    def open(self, path: Path) -> Run:
        """Compiled for the CPU, in float32 where it is not int8."""
        import openvino

        config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        compiled = openvino.Core().compile_model(path, "CPU", config)

        def run(feeds: Feeds) -> Any:
            return first(compiled(feeds))

        return run


OPENVINO = OpenVino()
"""The one instance; it holds no state."""
