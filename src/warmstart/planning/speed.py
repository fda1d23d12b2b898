"""How fast this machine runs this network: the one place of this room that computes with real tensors."""

from __future__ import annotations

import io
import time

import numpy as np
import torch
from PIL import Image

from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.planning.cost import SpeedFacts
from warmstart.planning.profile import profile


def measure_speed(network: Network, size: int, seconds: float = 2.0) -> SpeedFacts:
    """Forward passes of a small batch, and decoding of a photograph-like JPEG, for about `seconds` in all.

    Operations per second differ by a factor of ten between architectures (depthwise convolutions wait for memory), so
    they are measured on the network that is to be trained. Weights and modes are left as they were.
    """
    flops = profile(network.facts, 0, len(network.facts.chain.cuts) - 1, size).flops
    return SpeedFacts(
        flops=max(flops * _images_through(network, size, 0.75 * seconds), 1.0),
        images=_images_decoded(size, 0.25 * seconds),
        measured=True,
    )


def _images_through(network: Network, size: int, seconds: float, batch: int = 8) -> float:
    """Images per second through the backbone."""
    weight = next(network.parameters())
    x = torch.zeros(batch, network.facts.chain.channels, size, size, device=weight.device, dtype=weight.dtype)
    x = x.contiguous(memory_format=torch.channels_last)

    def run() -> None:
        network.backbone(x)
        if weight.device.type == "cuda":
            torch.cuda.synchronize(weight.device)

    with evaluating(network), torch.inference_mode():
        run()  # the first pass allocates and chooses kernels
        begun, passes = time.perf_counter(), 0
        while passes == 0 or time.perf_counter() - begun < seconds:
            run()
            passes += 1
    return batch * passes / (time.perf_counter() - begun)


def _images_decoded(size: int, seconds: float) -> float:
    """Images per second decoded from a JPEG of 512 x 384 pixels and resized, by one thread."""
    smooth = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8))
    stream = io.BytesIO()
    smooth.resize((512, 384), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    begun, images = time.perf_counter(), 0
    while images == 0 or time.perf_counter() - begun < seconds:
        Image.open(io.BytesIO(stream.getvalue())).convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
        images += 1
    return images / (time.perf_counter() - begun)
