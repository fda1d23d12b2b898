"""MiniRocket (Dempster, Schmidt & Webb 2021, KDD): features of time series that no training made, as a network.

84 fixed kernels of nine steps, with weights of 2 and -1, at up to 32 dilations; a feature is the share of the steps at
which the convolution lies above a bias (the "proportion of positive values"). The biases are quantiles of what the
kernels make of series drawn from the training part. That, which channels a kernel reads, and the mean and the deviation
of each channel are all that is taken from data: no label is looked at, and no gradient followed.

What is computed, in which order and with which random numbers, is what aeon's `MiniRocket` does (BSD-3), and so the
features are its features. Nothing of it is needed here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from warmstart.model.from_data import Rows
from warmstart.model.series.minirocket_graph import ConvolutionsGraph
from warmstart.model.series.rolling import Moments

STEPS = 9
"""Of a kernel; shorter series have no features."""
PLACES = torch.tensor(list(itertools.combinations(range(STEPS), 3)))
"""(84, 3): where the three weights of 2 are, by kernel; the other six are -1."""
KERNELS = len(PLACES)
FEATURES = 9_996
"""Of a series: 119 of each kernel."""
_DILATIONS, _CHANNELS = 32, 9
"""Of a kernel, and that it reads, at most."""
_SPREAD = 18**0.5
"""Deviation of a convolution of noise of deviation 1: without data, biases are those that fit such noise."""
_AT_ONCE, _LEARNED_AT_ONCE = 2**18, 2**24
"""Values held at a time: of a convolution, such as stay in a processor's second cache; of all shifted series."""


class MiniRocket(nn.Module):
    """Series (n, channels, steps) to features (n, features), each in 0 .. 1.

    Args:
        channels: of the series.
        features: how many; rounded down to a multiple of 84.

    >>> network = MiniRocket(features=200)
    >>> network.convolutions.learn(2, lambda at: torch.sin(torch.arange(40.0)).expand(len(at), 1, 40), seed=0)
    >>> network(torch.zeros(3, 1, 40)).shape
    torch.Size([3, 168])
    """

    first = "convolutions.mean"
    """What has as many rows as there are channels; see `warmstart.model.series.inflation`."""

    def __init__(self, channels: int = 1, features: int = FEATURES) -> None:
        super().__init__()
        self.convolutions = Convolutions(channels, max(1, features // KERNELS))

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        out: Tensor = self.convolutions(x)
        return out

    def of_channels(self, channels: int) -> MiniRocket:
        """The same for so many channels, with nothing learned."""
        return MiniRocket(channels, self.convolutions.slots * KERNELS)


class Convolutions(nn.Module):
    """All that `MiniRocket` does; see `warmstart.model.from_data.FromData`.

    What it computes with are buffers, of shapes that do not depend on the data.
    `dilations` (slots,) is the dilation of each of the features that a kernel has, ascending. `reads` (d, 84, m) are
    the channels that a kernel adds up at the first, second ... of the dilations that there are; where it reads fewer
    than m the rest is `channels`, which stands for none. `biases` (84 * slots,) are ordered as the features are.
    """

    dilations: Tensor
    reads: Tensor
    biases: Tensor
    mean: Tensor
    std: Tensor
    ready: Tensor

    def __init__(self, channels: int, slots: int) -> None:
        super().__init__()
        self.channels, self.slots = channels, slots
        most = min(channels, _CHANNELS)
        noise = torch.special.ndtri(_golden(1, slots * KERNELS).double().clamp(1e-6, 1 - 1e-6))
        self.register_buffer("dilations", torch.ones(slots, dtype=torch.int64))
        self.register_buffer("reads", torch.arange(most).expand(min(slots, _DILATIONS), KERNELS, most).clone())
        self.register_buffer("biases", (_SPREAD * noise).float())
        self.register_buffer("mean", torch.zeros(1, channels, 1, dtype=torch.float64))
        self.register_buffer("std", torch.ones(1, channels, 1, dtype=torch.float64))
        self.register_buffer("ready", torch.zeros((), dtype=torch.bool))

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"channels={self.channels}, slots={self.slots}"

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, 84 * slots): by dilation, in it by kernel, in it by bias."""
        at_once = max(1, _AT_ONCE // (KERNELS * x.shape[-1]))
        return torch.cat([self._features(part) for part in torch.split(x, at_once)])

    def _features(self, x: Tensor) -> Tensor:
        x, parts, found = self.scaled(x), self.parts(), []
        biases = torch.split(self.biases, [KERNELS * slots for _, slots in parts])
        for number, (dilation, slots) in enumerate(parts):
            rows = biases[number].view(KERNELS, slots)
            found.append(_shares(_Shifted(x, dilation), self.reads[number], rows, odd=number % 2))
        return torch.cat(found, 1)

    def as_graph(self) -> ConvolutionsGraph:
        """The same for an exported graph (`warmstart.exporting`); its dilations are settled."""
        return ConvolutionsGraph(self, PLACES, STEPS)

    def scaled(self, x: Tensor) -> Tensor:
        """Series on the scale of the training series, channel by channel."""
        return ((x.double() - self.mean) / self.std).float()

    def parts(self) -> list[tuple[int, int]]:
        """(dilation, features of a kernel at it), ascending. Without data, of which there may be none, all are 1."""
        if self.dilations.is_meta:
            return [(1, self.slots)]
        values, counts = torch.unique_consecutive(self.dilations, return_counts=True)
        return list(zip(values.tolist(), counts.tolist(), strict=True))

    @property
    def learned(self) -> bool:
        """Whether biases and scales are of training series, rather than drawn."""
        return bool(self.ready)

    @torch.no_grad()
    def learn(self, count: int, rows: Rows, seed: int) -> None:
        """Take scales, channels and biases from `count` training series."""
        moments = Moments.of(rows, count)
        self.mean.copy_(moments.mean)
        self.std.copy_(torch.where(moments.std > 0, moments.std, 1.0))
        self.dilations.copy_(torch.from_numpy(dilations(moments.steps, self.slots)))
        parts = self.parts()
        self._choose_channels(len(parts), np.random.RandomState(seed))
        drawn = np.random.RandomState(seed).randint(count, size=(len(parts), KERNELS)).astype(np.int64)
        self.biases.copy_(torch.cat(list(self._biases(rows, drawn, parts))))
        self.ready.fill_(True)

    def _choose_channels(self, dilations: int, rng: np.random.RandomState) -> None:
        """How many channels a kernel reads is drawn on a scale of logarithms, then which."""
        most = self.reads.shape[2]
        many = (2 ** rng.uniform(0, np.log2(most + 1), dilations * KERNELS)).astype(np.int32)
        chosen = np.full((dilations * KERNELS, most), self.channels)
        for row, n in zip(chosen, many, strict=True):
            row[:n] = rng.choice(self.channels, n, replace=False)
        self.reads[:dilations] = torch.from_numpy(chosen).view(dilations, KERNELS, most)

    def _biases(self, rows: Rows, drawn: npt.NDArray[np.int64], parts: list[tuple[int, int]]) -> Iterator[Tensor]:
        """Of kernel after kernel at each dilation: quantiles of one series, at multiples of the golden ratio."""
        at, steps = 1, rows(drawn[0, :1]).shape[-1]
        at_once = max(1, _LEARNED_AT_ONCE // (STEPS * (self.channels + 1) * steps))
        for number, (dilation, slots) in enumerate(parts):
            for some in torch.split(torch.arange(KERNELS), at_once):
                shifted = _Shifted(self.scaled(rows(drawn[number][some.numpy()])), dilation)
                values = shifted.convolved(some, self.reads[number], series=torch.arange(len(some)))
                for one in values.numpy():
                    yield torch.from_numpy(quantiles(one, _golden(at, slots).numpy()))
                    at += slots


class _Shifted:
    """Series (n, channels, steps) as the kernels at one dilation see them: the nine places of a kernel, apart.

    Args:
        x: series; steps before and after them count as zero.
        dilation: steps between two places of a kernel.
    """

    def __init__(self, x: Tensor, dilation: int) -> None:
        steps, self.margin = x.shape[-1], STEPS // 2 * dilation
        if steps <= 2 * self.margin:
            raise ValueError(f"series of {steps} steps, and a kernel reaches over {2 * self.margin + 1}")
        x = x.transpose(0, 1)
        none = x.new_zeros(1, *x.shape[1:])  # what stands for no channel
        minus, thrice = torch.cat([-x, none]), torch.cat([3 * x, none])
        places = thrice.new_zeros(STEPS, *thrice.shape)
        below = minus.clone()
        for place in (*range(STEPS // 2), *range(STEPS // 2 + 1, STEPS)):
            shift = (place - STEPS // 2) * dilation
            to, of = (slice(-shift, None), slice(shift)) if shift < 0 else (slice(-shift), slice(shift, None))
            below[..., to] += minus[..., of]
            places[place][..., to] = thrice[..., of]
        places[STEPS // 2] = thrice
        self.below, self.places = below, places.flatten(0, 1)

    def convolved(self, kernels: Tensor, reads: Tensor, series: Tensor | None = None) -> Tensor:
        """(kernels, n, steps): -1 at all nine places and 3 more at three of them, added up over the channels it reads.

        Args:
            kernels: some of 0 .. 83.
            reads: channels (84, m) of every kernel.
            series: one for each kernel, of which alone it is asked: then (kernels, steps).
        """

        def taken(table: Tensor, at: Tensor) -> Tensor:
            return table.index_select(0, at) if series is None else table[at, series]

        total: Tensor | None = None
        for channel in reads[kernels].T:
            rows = PLACES.to(reads.device)[kernels].T * len(self.below) + channel
            below, (first, second, third) = taken(self.below, channel), (taken(self.places, at) for at in rows)
            # Sums are rounded as those of aeon's compiled loops, for ties with a bias are settled by the last digit.
            one = (below + first).add_(second).add_(third) if series is None else below + (first + second + third)
            total = one if total is None else total + one
        assert total is not None, "every kernel reads a channel"
        return total


def _shares(shifted: _Shifted, reads: Tensor, biases: Tensor, *, odd: int) -> Tensor:
    """(n, 84 * slots): how often each convolution lies above its biases (84, slots).

    Every second kernel counts only the steps at which it lies wholly in the series: the odd ones, or where `odd` is 1
    the even ones.
    """
    n, slots = shifted.below.shape[1], biases.shape[1]
    found = biases.new_empty(KERNELS // 2, 2, n, slots)
    for first, margin in ((odd, 0), (1 - odd, shifted.margin)):
        kernels = torch.arange(first, KERNELS, 2, device=reads.device)
        values = shifted.convolved(kernels, reads)
        values = values[..., margin : values.shape[-1] - margin].contiguous()
        above, ones = torch.empty_like(values), values.new_ones(values.shape[-1], 1)
        counts = biases.new_empty(slots, len(kernels) * n, 1)
        for bias, count in zip(biases[first::2].T[..., None, None], counts, strict=True):
            torch.gt(values, bias, out=above)
            torch.mm(above.view(-1, len(ones)), ones, out=count)  # the fastest sum, and of whole numbers an exact one
        found[:, first] = (counts / len(ones)).view(slots, -1, n).permute(1, 2, 0)
    return found.flatten(0, 1).transpose(0, 1).flatten(1)


def _golden(first: int, count: int) -> Tensor:
    """What is behind the point of multiples of the golden ratio, which are spread evenly however many there are."""
    return torch.from_numpy((np.arange(first, first + count) * ((np.sqrt(5) + 1) / 2) % 1).astype(np.float32))


def dilations(steps: int, slots: int) -> npt.NDArray[np.int64]:
    """The dilation of each of the `slots` features of a kernel on series of so many steps, ascending.

    Spread evenly on a scale of logarithms, up to where a kernel is as long as the series; equal ones are one dilation
    with more features, and what rounding leaves over goes to the smallest ones.

    >>> dilations(40, 6).tolist()
    [1, 1, 1, 2, 3, 4]
    """
    most = min(slots, _DILATIONS)
    spread = np.logspace(0, np.log2((steps - 1) / (STEPS - 1)), most, base=2).astype(np.int32)
    values, counts = np.unique(spread, return_counts=True)
    counts = (counts * (slots / most)).astype(np.int64)
    left = np.arange(slots - counts.sum()) % len(counts)
    counts += np.bincount(left, minlength=len(counts))
    return np.repeat(values.astype(np.int64), counts)


def quantiles(values: npt.NDArray[np.float32], shares: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Of values (n,), at shares in 0 .. 1, between neighbours by their distance; as numba's `quantile` rounds them.

    >>> quantiles(np.array([3, 1, 2], dtype=np.float32), np.array([0.5, 0.75], dtype=np.float32)).tolist()
    [2.0, 2.5]
    """
    ordered = np.sort(values.astype(np.float64))
    rank = (len(values) - 1) * (shares.astype(np.float64) * 100.0 / 100.0)
    floor = np.floor(1 + rank)
    part, low = 1 + rank - floor, floor.astype(np.int64) - 1
    high = np.minimum(low + 1, len(values) - 1)
    between: npt.NDArray[np.float32] = (ordered[low] * (1 - part) + ordered[high] * part).astype(np.float32)
    return between
