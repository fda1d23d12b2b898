"""What can be had of time series without any transfer: random convolutions and ridge regression.

MiniRocket and MultiRocket-Hydra are the strong baselines of the field (Middlehurst et al. 2024, "Bake off redux"): what
a pretrained network must be better than on validation. Kernels take their biases from training series alone.

MiniRocket is a network like any other, with features that no training made, so that it can be shipped where it wins.

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
from warmstart.data.signals import SeriesStore
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided
from warmstart.engine.heads.wide import fit_wide
from warmstart.engine.ladder import kernels
from warmstart.engine.ladder.alone import of_each_task
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.kernels import FloatArray, MultiRocketHydra
from warmstart.engine.ladder.rungs import Earlier, RecipeRung, Role
from warmstart.errors import TrainingError
from warmstart.model.catalog import load_backbone
from warmstart.preprocess.kinds import of_series
from warmstart.preprocess.series import SeriesSpec
from warmstart.recipe.methods import load_recipe

FEATURES = 9_996
"""Of MiniRocket, where there is room."""
LEAST = 1_008
"""Features of MiniRocket below which it is not what its name says."""
_START, _PER_PRODUCT = 1.5, 1e-10
"""Seconds on one core: in all; per product of two features of two series."""
_ROOM = 2**31
"""Bytes that features of the training series may take, in double precision."""
_SLOW = 3.0
"""Seconds of getting ready from which on it is told."""


@dataclasses.dataclass
class MiniRocketRung:
    """MiniRocket's convolutions and ridge regression: a probe of the backbone `minirocket`."""

    name: str = "minirocket"
    about: str = "no transfer: MiniRocket's random convolutions and ridge regression"
    role: Role = "baseline"
    after: tuple[str, ...] = ()
    per_value: float = 1.5e-9
    """Seconds per feature of a step of a series, on one core."""

    def seconds(self, context: LadderContext) -> float:
        """By the numbers of series and of steps; nothing if it was finished before."""
        return 0.0 if context.finished(self.name) else _seconds(context, FEATURES, self.per_value)

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Take biases from the training part and fit the head; the penalty is chosen by leave-one-out."""
        train, samples = context.data.split.train, context.data.dataset.samples
        if (features := min(FEATURES, _ROOM // (8 * max(1, len(train))))) < LEAST:
            raise _too_many(train)
        uri = self.name if features == FEATURES else f"{self.name}:{features}"
        inside = _seen_by(f"{uri}?channels={samples[0].source.channels}", _longest(context), context)
        return dataclasses.replace(self._probe.climb(inside, earlier), data=inside.data)

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """On other samples, read at as many steps."""
        assert first.data is not None, "it reads series in its own way"
        inside = _seen_by(first.members[0].network.facts.card.name, first.data.spec.size, context)
        return dataclasses.replace(self._probe.again(inside, first, earlier), data=inside.data)

    @property
    def _probe(self) -> RecipeRung:
        return RecipeRung(self.name, self.about, load_recipe("probe", heads=("wide",)), self.role)


def _seen_by(uri: str, size: int, context: LadderContext) -> LadderContext:
    """The run as a backbone that has learned nothing yet sees it, with series read at `size` steps."""
    backbone = load_backbone(uri)
    spec = of_series(backbone.spec)
    spec = spec.with_size(min(max(size, backbone.card.min_size), spec.limit))
    data, store = context.data, SeriesStore(context.data.dataset, spec)
    return dataclasses.replace(
        context,
        backbone=dataclasses.replace(backbone, spec=spec),
        data=RunData(data.dataset, data.split, store, spec, data.cache, data.limits),
    )


@dataclasses.dataclass
class MultiRocketHydraRung:
    """With the convolutions of MultiRocket and Hydra: the accuracy of the best there is, at ten times the cost.

    It is none of the backbones: what is told of it is how good it is.
    """

    name: str = "multirocket_hydra"
    about: str = "no transfer: MultiRocket-Hydra's convolutions and ridge regression"
    role: Role = "baseline"
    after: tuple[str, ...] = ()
    per_value: float = 2e-9

    def seconds(self, context: LadderContext) -> float:
        """By the numbers of series and of steps, and whether anything has to be compiled before."""
        first = 0.0 if kernels.kept() else kernels.COMPILING
        return first + _seconds(context, kernels.FEATURES, self.per_value)

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Fit kernels and head on the training part; the penalty is chosen by leave-one-out."""
        if context.task.name == "several":
            return of_each_task(self, context, self.name)
        data, train = context.data, context.data.split.train
        if len(train) * 8 * kernels.FEATURES > _ROOM:
            raise _too_many(train)
        series, rows = Reader.of(context, kernels.FEWEST_STEPS)
        if (took := kernels.compiled(rows.shape[1] > 1)) > _SLOW:
            context.listener(Decided(f"{self.name} took {took:.0f} s to be compiled, which is kept on this machine"))
        found = MultiRocketHydra(rows, context.seed)
        classes, targets = len(data.dataset.target.classes), data.targets(train)
        fitted = fit_wide(context.task, found.trained, targets, classes, context.seed, scaled=True)

        def outputs(indices: IntArray) -> Tensor:
            if not len(indices):
                return torch.empty(0, classes)
            return fitted.logits(found.features(series.rows(context, indices)))

        note = f"{found.trained.shape[1]} features, penalty {fitted.choice['penalty']:g}"
        return Contender(self.name, outputs, outputs(data.split.val), settings=fitted.choice, note=note)

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """A baseline is fitted on the same samples as what it is compared with."""
        return self.climb(context, earlier)


def _seconds(context: LadderContext, features: int, per_value: float) -> float:
    split = context.data.split
    count, few = len(split.train) + len(split.val), min(len(split.train), features)
    return _START + features * (per_value * count * _longest(context) + _PER_PRODUCT * few * len(split.train))


def _too_many(train: IntArray) -> TrainingError:
    return TrainingError(f"features of {len(train)} training series do not fit {_ROOM // 2**30} GiB")


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
