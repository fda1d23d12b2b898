"""How fast this machine runs this network: the one place of this room that computes with real tensors."""

from __future__ import annotations

import copy
import io
import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image

from warmstart.errors import ImageError
from warmstart.model.adapters.base import seeded
from warmstart.model.detect.base import Detector
from warmstart.model.device import AT_ONCE, Device
from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.planning.cost import SpeedFacts
from warmstart.planning.profile import profile, profile_head
from warmstart.preprocess.image import read_pixels
from warmstart.preprocess.kinds import Spec
from warmstart.preprocess.reader import Source
from warmstart.preprocess.spec import PreprocessSpec


def measure_speed(
    network: Network,
    spec: Spec,
    seconds: float = 2.0,
    *,
    sources: Sequence[Source] = (),
    decoded: bool = False,
) -> SpeedFacts:
    """Forward passes of a small batch, and decoding of some images, for about `seconds` in all.

    Operations per second differ by a factor of ten between architectures (depthwise convolutions wait for memory), so
    they are measured on the network that is to be trained. Weights and modes are left as they were.

    Args:
        network: on its device.
        spec: how inputs are read; the tokens of texts are made in no time, and series are read in none.
        seconds: that the measurement may take, about.
        sources: images to decode; a photograph-like JPEG of 512 x 384 pixels, or bands of 256 x 256 in memory, if there
            are none that can be read.
        decoded: all images are decoded already and that costs nothing any more.
    """
    flops = profile(network.facts, 0, len(network.facts.chain.cuts) - 1, spec.size).flops
    through = _through(network, spec.size, 0.75 * seconds)
    read = math.inf
    if not decoded and isinstance(spec, PreprocessSpec):
        read = _images_decoded(spec, sources or [_stand_in(spec)], 0.25 * seconds)
    of_head, step = _of_head(network, spec, seconds)
    return SpeedFacts(flops=max(flops * through, 1.0), images=read, measured=True, head=of_head, head_step=step)


def _through(network: Network, size: int, seconds: float, batch: int = 32) -> float:
    """Inputs per second through the backbone."""
    weight = next(network.parameters())
    device = Device.of(weight.device)
    batch = AT_ONCE if device.behind else batch
    x = network.facts.chain.inputs.example(batch, size, network)
    x = x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x

    def run() -> None:
        network.backbone(x)
        if weight.device.type == "cuda":
            torch.cuda.synchronize(weight.device)

    with evaluating(network), torch.inference_mode(), device.fast():
        run()  # the first pass allocates and chooses kernels
        begun, passes = time.perf_counter(), 0
        while passes == 0 or time.perf_counter() - begun < seconds:
            run()
            passes += 1
    return batch * passes / (time.perf_counter() - begun)


def _of_head(network: Network, spec: Spec, seconds: float, batch: int = 2) -> tuple[float, float]:
    """Of a head on maps operations per second in evaluation, and how many such passes a training step takes.

    A detector does something else as it trains: it matches places with objects, and looks at fewer or more of them than
    where it tells the best. The second is 0 of other heads, and both of heads that are on no maps: these take next to
    nothing.
    """
    maps, head = network.facts.maps, network.head
    if maps is None:
        return 0.0, 0.0
    rows = torch.zeros(batch, maps.at(spec.size).width, device=next(network.parameters()).device)
    with evaluating(network), torch.inference_mode():
        took = _seconds(lambda: network.answer(rows), seconds / 2)
    flops = max(profile_head(network, spec.size).flops * batch / took, 1.0)
    if not isinstance(head, Detector):
        return flops, 0.0
    copied = copy.deepcopy(head).train()  # a step changes statistics
    targets = copied.example(batch, spec.size).to(rows.device)
    rows.requires_grad_()
    with seeded(0):
        step = _seconds(lambda: copied(rows, targets).sum(1).mean().backward(), seconds / 2)
    return flops, step / took


def _seconds(run: Callable[[], object], seconds: float) -> float:
    """Seconds that a run takes, of as many as there is time for; one before them does not count."""
    run()
    begun, runs = time.perf_counter(), 0
    while runs == 0 or time.perf_counter() - begun < seconds:
        run()
        runs += 1
    return (time.perf_counter() - begun) / runs


def _images_decoded(spec: PreprocessSpec, sources: Sequence[Source], seconds: float) -> float:
    """Images per second decoded and resized, by one thread."""
    begun, images = time.perf_counter(), 0
    while images == 0 or time.perf_counter() - begun < seconds:
        try:
            read_pixels(sources[images % len(sources)], spec, crop=False)
        except ImageError:  # `check` and `fit` tell of it
            return _images_decoded(spec, [_stand_in(spec)], seconds)
        images += 1
    return images / (time.perf_counter() - begun)


def _stand_in(spec: PreprocessSpec) -> Source:
    return np.zeros((256, 256, spec.channels), np.uint16) if spec.banded else _photograph()


def _photograph() -> bytes:
    smooth = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8))
    stream = io.BytesIO()
    smooth.resize((512, 384), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    return stream.getvalue()
