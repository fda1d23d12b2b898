"""Linear heads trained by AdamW on stored features, hundreds at once: own rate, weight decay, seed and samples each.

Heads of one seed see the same batches, so a step of all of them is one batched product for the logits and one for the
gradients (the linear evaluation of DINOv2, Oquab et al. 2023, trains its grid of rates like that).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import torch
from torch import Tensor

BATCH = 128
_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


@dataclasses.dataclass(frozen=True)
class Trained:
    """Heads by seed s and setting h: logits of x are x @ weights[s, h].T + biases[s, h]."""

    weights: Tensor  # (s, h, k, d)
    biases: Tensor  # (s, h, k)

    def logits(self, features: Tensor) -> Tensor:
        """Logits (s, h, n, k) for features (n, d)."""
        return torch.einsum("nd,shkd->shnk", features, self.weights) + self.biases[:, :, None]


def train(
    features: Tensor,
    labels: Tensor,
    classes: int,
    rates: Tensor,
    decays: Tensor,
    *,
    seeds: Sequence[int],
    used: Tensor | None = None,
    steps: int = 150,
    batch: int = BATCH,
) -> Trained:
    """Train len(seeds) * len(rates) heads from zero, the rates falling to zero along a cosine.

    Args:
        features: (n, d), float32, standardised.
        labels: (n,), int64, in 0 .. classes - 1.
        classes: number of outputs, k.
        rates: (h,) learning rate of each head.
        decays: (h,) decoupled weight decay of each head (Loshchilov & Hutter 2019); a bias has none.
        seeds: of the order of the samples; every setting is trained once with each.
        used: (n, h), which samples each head learns from; all of them if not given.
        steps: updates.
        batch: samples per update, those a head does not use included.

    >>> x, y = torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1])
    >>> heads = train(x, y, 2, torch.tensor([0.01, 0.1]), torch.zeros(2), seeds=(0, 1, 2))
    >>> heads.logits(x).argmax(3)[:, :, 1].tolist()
    [[1, 1], [1, 1], [1, 1]]
    """
    heads, width, batch = len(rates), len(rates) * classes, min(batch, len(features))
    orders = torch.stack([_order(len(features), steps * batch, seed) for seed in seeds])
    onehot = torch.nn.functional.one_hot(labels, classes).to(features.dtype)
    mask = torch.ones(len(features), heads) if used is None else used.to(features.dtype)
    weights, biases = (features.new_zeros(len(seeds), rows, width) for rows in (features.shape[1], 1))
    optimizers = [_Adam(weights), _Adam(biases)]
    rate, shrink = (t.repeat_interleave(classes).to(features.dtype) for t in (rates, rates * decays))
    for step in range(steps):
        rows = orders[:, step * batch : (step + 1) * batch]
        x, share = features[rows], mask[rows]
        logits = torch.baddbmm(biases, x, weights).view(len(seeds), batch, heads, classes)
        share = share / share.sum(1, keepdim=True).clamp_min(1)
        residual = ((logits.softmax(3) - onehot[rows][:, :, None]) * share[..., None]).flatten(2)
        now = 0.5 * (1 + math.cos(math.pi * step / steps))
        weights *= 1 - now * shrink
        optimizers[0].step(x.transpose(1, 2) @ residual, now * rate)
        optimizers[1].step(residual.sum(1, keepdim=True), now * rate)
    shape = (len(seeds), heads, classes, features.shape[1])
    return Trained(weights.transpose(1, 2).reshape(shape), biases.reshape(shape[:3]))


class _Adam:
    """Adam (Kingma & Ba 2015) on one tensor, with a rate for each column."""

    def __init__(self, parameter: Tensor) -> None:
        self._parameter, self._count = parameter, 0
        self._mean, self._square = torch.zeros_like(parameter), torch.zeros_like(parameter)

    def step(self, gradient: Tensor, rate: Tensor) -> None:
        """Move the parameter, in place."""
        self._count += 1
        first, second = _BETAS
        self._mean.lerp_(gradient, 1 - first)
        self._square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        size = (self._square / (1 - second**self._count)).sqrt_().add_(_EPSILON)
        self._parameter.sub_((self._mean / size).mul_(rate / (1 - first**self._count)))


def _order(samples: int, count: int, seed: int) -> Tensor:
    """Indices (count,) in which all samples come up before one comes up again."""
    generator = torch.Generator().manual_seed(seed)
    return torch.cat([torch.randperm(samples, generator=generator) for _ in range(-(-count // samples))])[:count]
