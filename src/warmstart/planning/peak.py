"""The machine's peak: what its fastest float32 matrix product reaches, against which any network is measured.

No one library is the fastest everywhere (MKL on AMD's processors uses half of their vector width), so each that is here
runs the same products, on the same threads, and the best of them counts.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn

SIZES = (512, 768, 1024, 1536, 2048, 3072, 4096)
ROUNDS = 3  # that count, at each size, after one that does not

Product = Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Peak:
    """Floating-point operations per second (two per multiply-add), the library that reached them, and its threads."""

    flops: float
    library: str
    threads: int

    def share(self, flops: float) -> float:
        """`flops` per second as a part of the peak.

        >>> Peak(200e9, "torch.mm", 2).share(50e9)
        0.25
        """
        return flops / self.flops


def measure_peak(seconds: float = 0.5) -> Peak:
    """Time products of two square float32 matrices on the CPU for at most about `seconds`, the smallest in any case.

    torch's product and its convolution (oneDNN), numpy's (OpenBLAS), and OpenVINO's if the process uses that already,
    each on as many threads as torch has. A short measurement sees small matrices only, which reach some 10 % less.

    >>> measure_peak(0.01).flops > 1e8
    True
    """
    threads = torch.get_num_threads()
    best, began, took, last = Peak(0.0, "", threads), time.perf_counter(), 0.0, 0
    with torch.inference_mode(), threadpool_limits(threads, user_api="blas"):
        for size in SIZES:
            started = time.perf_counter()
            if last and started - began + took * (size / last) ** 3 > seconds:
                break
            for library, least in _least_seconds(_products(size, threads)).items():
                if 2 * size**3 / least > best.flops:
                    best = Peak(2 * size**3 / least, library, threads)
            took, last = time.perf_counter() - started, size
    return best


def _least_seconds(products: dict[str, Product]) -> dict[str, float]:
    """Of each, in turn: whatever else the machine does in the meantime meets all alike."""
    least = dict.fromkeys(products, float("inf"))
    for number in range(ROUNDS + 1):
        for name, product in products.items():
            began = time.perf_counter()
            product()
            if number:
                least[name] = min(least[name], time.perf_counter() - began)
    return least


def _products(size: int, threads: int) -> dict[str, Product]:
    """The product of two matrices of `size` x `size`, by each library."""
    a, b, out = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
    left, right, result = a.numpy(), b.numpy(), out.numpy()
    pixels = a.view(32, size // 32, 1, size).permute(0, 3, 1, 2)  # 32 images, channels last
    kernel = b.view(size, size, 1, 1).contiguous(memory_format=torch.channels_last)
    found: dict[str, Product] = {
        "torch.mm": lambda: torch.mm(a, b, out=out),
        "torch 1 x 1 convolution": lambda: nn.functional.conv2d(pixels, kernel),
        "numpy": lambda: np.matmul(left, right, out=result),
    }
    if "openvino" in sys.modules:
        found["openvino"] = _openvino(left, right, threads)
    return found


def _openvino(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any], threads: int) -> Product:
    import openvino
    from openvino import opset13

    given = opset13.parameter(list(left.shape), np.float32)
    model = openvino.Model([opset13.matmul(given, opset13.constant(right), False, False)], [given])
    config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    request = openvino.Core().compile_model(model, "CPU", config).create_infer_request()
    request.set_input_tensor(openvino.Tensor(left, shared_memory=True))
    infer: Product = request.infer
    return infer
