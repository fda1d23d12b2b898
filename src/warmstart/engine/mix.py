"""Mixup (Zhang et al. 2018), CutMix (Yun et al. 2019) and feature jitter, seeded by the place in the run."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def mix(
    inputs: Tensor, targets: Tensor, classes: int, *, mixup: float, cutmix: float, seed: int
) -> tuple[Tensor, Tensor]:
    """Mix each sample with another of its batch; returns new inputs (n, c, h, w) and probabilities (n, classes).

    `mixup` and `cutmix` are the alpha of their Beta(alpha, alpha); where both are above 0 one of them is drawn per
    batch, as timm does. With both 0, inputs and targets come back as they are. Targets are class indices (n,), or
    labels or numbers (n, k), which are mixed as they are.
    """
    if mixup <= 0 and cutmix <= 0:
        return inputs, targets
    rng = np.random.default_rng(seed)
    cut = cutmix > 0 and (mixup <= 0 or rng.random() < 0.5)
    alpha = cutmix if cut else mixup
    share = float(rng.beta(alpha, alpha))
    other = torch.from_numpy(rng.permutation(len(inputs))).to(inputs.device)
    if cut:
        inputs, share = _paste(inputs, other, share, rng)
    else:
        inputs = inputs * share + inputs[other] * (1.0 - share)
    labels = functional.one_hot(targets, classes).to(torch.float32) if targets.ndim == 1 else targets
    return inputs, labels * share + labels[other] * (1.0 - share)


def jittered(x: Tensor, amount: float) -> Tensor:
    """Activations (n, d) or (n, c, ...) with Gaussian noise of `amount` standard deviations of each channel; new ones.

    With `amount` 0, or a single sample without extent, `x` itself comes back.
    """
    over = (0, *range(2, x.ndim))
    if amount <= 0 or x.shape[0] * x[0, 0].numel() < 2:
        return x
    return x + amount * x.std(over, keepdim=True) * torch.randn_like(x)


def _paste(inputs: Tensor, other: Tensor, share: float, rng: np.random.Generator) -> tuple[Tensor, float]:
    """A box of area 1 - share at a uniform centre, clipped at the border; the share is then what the box left over."""
    height, width = inputs.shape[-2:]
    side = math.sqrt(1.0 - share)
    y, x = int(rng.integers(height)), int(rng.integers(width))
    half_h, half_w = int(height * side) // 2, int(width * side) // 2
    top, bottom = max(0, y - half_h), min(height, y + half_h)
    left, right = max(0, x - half_w), min(width, x + half_w)
    mixed = inputs.clone()
    mixed[..., top:bottom, left:right] = inputs[other][..., top:bottom, left:right]
    return mixed, 1.0 - (bottom - top) * (right - left) / (height * width)
