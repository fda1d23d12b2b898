"""ONNX Runtime (MIT) on the CPU. The network is exported in memory; no file is written."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

import numpy as np
import torch
from torch import Tensor

from warmstart.model.chain import Chain
from warmstart.model.runtimes.base import Extract, UnavailableError, require_float32_on_cpu, require_images


def prepare(chain: Chain, cuts: tuple[int, ...], size: int) -> Extract:
    """See `Runtime`. Takes some seconds."""
    try:
        import onnx  # noqa: F401 (the exporter needs both)
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UnavailableError(f"{error.name} is not installed") from error
    require_images(chain)
    require_float32_on_cpu(chain)
    try:
        model = _exported(chain, cuts, size)
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except Exception as error:  # the exporter raises what it likes for an operation it does not know
        raise UnavailableError(f"onnxruntime cannot run this network: {error}") from error

    def extract(x: Tensor) -> tuple[Tensor, ...]:
        found = session.run(None, {"x": np.ascontiguousarray(x.numpy())})
        return tuple(torch.from_numpy(out) for out in found)

    return extract


def _exported(chain: Chain, cuts: tuple[int, ...], size: int) -> bytes:
    example = chain.inputs.example(2, size, chain.module)
    batch = torch.export.Dim("batch", min=1)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of what it does by itself
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            chain.prefixes(cuts),
            (example,),
            input_names=["x"],
            dynamic_shapes=({0: batch},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model: bytes = program.model_proto.SerializeToString()
    return model
