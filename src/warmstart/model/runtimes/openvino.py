"""OpenVINO (Apache-2.0) on the CPU: convolutions and matrix products near the machine's peak, in float32.

The network goes through the PyTorch frontend directly, not through OpenVINO's conversion tool, which would send usage
data over the network where `openvino-telemetry` is installed.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.model.chain import Chain
from warmstart.model.inputs import Inputs, Tokens
from warmstart.model.runtimes.base import Extract, UnavailableError, require_float32_on_cpu

_CONFIG = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
"""Float32 throughout, where the default may be bfloat16; one request at a time on all cores: batches are large."""


def prepare(chain: Chain, cuts: tuple[int, ...], size: int) -> Extract:
    """See `Runtime`. Takes a few seconds."""
    try:
        import openvino
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
    except ImportError as error:
        raise UnavailableError(f"openvino is not installed ({error})") from error
    require_float32_on_cpu(chain)
    example = chain.inputs.example(2, size, chain.module)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            script = torch.jit.trace(chain.prefixes(cuts), example, check_trace=False)  # type: ignore[no-untyped-call]
            decoder = TorchScriptPythonDecoder(script, example_input=example)  # has to outlive the conversion
            frontend: Any = FrontEndManager().load_by_framework("pytorch")
            model = frontend.convert(frontend.load(decoder))
            model.reshape(_shape(chain.inputs, example))
            compiled = openvino.Core().compile_model(model, "CPU", _CONFIG)
    except Exception as error:  # the frontend raises what it likes for an operation it does not know
        raise UnavailableError(f"openvino cannot run this network: {error}") from error

    def extract(x: Tensor) -> tuple[Tensor, ...]:
        found = compiled(np.ascontiguousarray(x.numpy()))
        return tuple(torch.from_numpy(found[i].copy()) for i in range(len(cuts)))

    return extract


def _shape(inputs: Inputs, example: Tensor) -> list[int]:
    """Of any number of inputs; texts are of any length, too."""
    return [-1, -1, *example.shape[2:]] if isinstance(inputs, Tokens) else [-1, *example.shape[1:]]
