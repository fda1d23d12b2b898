"""What can be had of time series without any transfer: random convolutions and ridge regression.

MiniRocket and MultiRocket-Hydra are the strong baselines of the field (Middlehurst et al. 2024, "Bake off redux"): what
a pretrained network must be better than on validation. Kernels take their biases from training series alone.

The head is ridge regression, as published. Of the heads for features of a network, fitted on MiniRocket's features of
42 UCR sets (one seed), none was better by more than chance: shrinkage LDA by 0.4 points (standard error 0.4), logistic
regression by -0.3 (0.4).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray, Series
from warmstart.engine.events import Decided
from warmstart.engine.heads.wide import fit_wide
from warmstart.engine.ladder import kernels
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.kernels import FloatArray, Kernels, Name
from warmstart.engine.ladder.rungs import Earlier, Role
from warmstart.errors import TrainingError
from warmstart.preprocess.kinds import of_series
from warmstart.preprocess.series import SeriesSpec

_START, _PER_VALUE, _PER_PRODUCT = 1.5, {"minirocket": 6e-10, "multirocket_hydra": 2e-9}, 1e-10
"""Seconds on one core: in all; per feature of a step of a series; per product of two features of two series."""
_COMPILING = 35.0
"""Seconds that the first use on a machine takes more: 33 and 36 for the two, on one core of two."""
_ROOM = 2**31
"""Bytes that features of the training series may take, in double precision."""
_SLOW = 3.0
"""Seconds of getting ready from which on it is told."""


@dataclasses.dataclass
class MiniRocketRung:
    """Random convolutions and ridge regression: what can be had without any transfer."""

    name: Name = "minirocket"
    about: str = "no transfer: MiniRocket's random convolutions and ridge regression"
    role: Role = "baseline"
    after: tuple[str, ...] = ()

    def seconds(self, context: LadderContext) -> float:
        """By the numbers of series and of steps, and whether anything has to be compiled before."""
        split, width = context.data.split, kernels.WIDTH[self.name]
        count, few = len(split.train) + len(split.val), min(len(split.train), width)
        steps = _longest(context)
        first = 0.0 if kernels.kept(self.name) else _COMPILING
        return first + _START + width * (_PER_VALUE[self.name] * count * steps + _PER_PRODUCT * few * len(split.train))

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Fit kernels and head on the training part; the penalty is chosen by leave-one-out."""
        data, train = context.data, context.data.split.train
        found, series = self._fitted(context)
        targets = data.targets(train)
        head, penalty = fit_wide(context.task, found.trained, targets, len(data.dataset.target.classes), context.seed)

        def outputs(indices: IntArray) -> Tensor:
            if not len(indices):
                return torch.empty(0, head.linear.out_features)
            with torch.inference_mode():
                out: Tensor = head.linear(found.features(series.rows(context, indices)))
            return out.clone()

        note = f"{found.trained.shape[1]} features, penalty {penalty:g}"
        return Contender(self.name, outputs, outputs(data.split.val), settings={"penalty": penalty}, note=note)

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """A baseline is fitted on the same samples as what it is compared with."""
        return self.climb(context, earlier)

    def features(self, context: LadderContext, *others: IntArray) -> tuple[Tensor, ...]:
        """Of the training series, from which biases are taken, and of others, (n, features) each."""
        found, series = self._fitted(context)
        return (found.trained, *(found.features(series.rows(context, indices)) for indices in others))

    def _fitted(self, context: LadderContext) -> tuple[Kernels, Reader]:
        train = context.data.split.train
        width = min(kernels.WIDTH[self.name], _ROOM // (8 * max(1, len(train))))
        if width < kernels.WIDTH[self.name] and (self.name != "minirocket" or width < kernels.LEAST):
            raise TrainingError(f"features of {len(train)} training series do not fit {_ROOM // 2**30} GiB")
        series, rows = Reader.of(context, kernels.FEWEST_STEPS[self.name])
        if (took := kernels.compiled(self.name, rows.shape[1] > 1)) > _SLOW:
            context.listener(Decided(f"{self.name} took {took:.0f} s to be compiled, which is kept on this machine"))
        return kernels.fitted(self.name, rows, width, context.seed), series


@dataclasses.dataclass
class MultiRocketHydraRung(MiniRocketRung):
    """With the convolutions of MultiRocket and Hydra: the accuracy of the best there is, at ten times the cost."""

    name: Name = "multirocket_hydra"
    about: str = "no transfer: MultiRocket-Hydra's convolutions and ridge regression"


@dataclasses.dataclass(frozen=True)
class Reader:
    """How series are read: of one length and with no value missing, by the rules of the backbone's spec, but with their
    own values. Each channel is shifted and divided by one mean and one deviation of all training series.

    The length is that of the longest training series; where that is shorter than a kernel, all are followed by their
    last value.
    """

    spec: SeriesSpec
    more: int  # steps that are added
    mean: FloatArray
    std: FloatArray

    @classmethod
    def of(cls, context: LadderContext, fewest: int) -> tuple[Reader, FloatArray]:
        """As the training series are, and these as it reads them."""
        size = _longest(context)
        spec = dataclasses.replace(of_series(context.data.spec), size=size, scale="none")
        rows = _read(context, context.data.split.train, spec)
        mean, std = rows.mean((0, 2), np.float64)[:, None], rows.std((0, 2), np.float64)[:, None]
        found = cls(spec, max(0, fewest - size), mean, np.where(std > 0, std, 1.0))
        return found, found._scaled(rows)

    def rows(self, context: LadderContext, indices: IntArray) -> FloatArray:
        """The series at `indices` as (n, channels, steps)."""
        return self._scaled(_read(context, indices, self.spec))

    def _scaled(self, rows: FloatArray) -> FloatArray:
        scaled = ((rows - self.mean) / self.std).astype(np.float32)
        return np.pad(scaled, ((0, 0), (0, 0), (0, self.more)), mode="edge") if self.more else scaled


def _read(context: LadderContext, indices: IntArray, spec: SeriesSpec) -> FloatArray:
    values = [_series(context, i).values for i in indices]
    if all(one.shape == (spec.channels, spec.size) for one in values):
        rows = np.stack(values).astype(np.float32)
        if np.isfinite(rows).all():  # then nothing is to be done to any
            return rows
    return np.stack([spec.read(one) for one in values])


def _longest(context: LadderContext) -> int:
    return max(_series(context, i).steps for i in context.data.split.train)


def _series(context: LadderContext, i: int | np.int64) -> Series:
    source: Series = context.data.dataset.samples[int(i)].source
    return source
