"""Expected time and memory. Estimates for a person who decides whether to start, within about a quarter.

Operations are counted, not guessed (`warmstart.planning.profile`); how fast this machine does them is `SpeedFacts`.
"""

from __future__ import annotations

import dataclasses

from warmstart.model.network import Network
from warmstart.model.text.language import LanguageHead
from warmstart.model.text.objective import vocabulary
from warmstart.planning.caching import views
from warmstart.planning.plan import AveragePlan, CachePlan, DataFacts, HeadPlan, PhasePlan, StatisticsPlan, StepPlan
from warmstart.planning.profile import profile, profile_head
from warmstart.planning.target import others, own, passes, streams
from warmstart.recipe.of_backbone import Pretrain

COPIES = 14
"""Times their own size in float32 that features take while a head is fitted on all of them at once, at the peak: 13.3
of 2500 x 1280 features for the default head, three matrices of 1280 x 1280 among them (`benchmarks/scale.py`)."""
OUTPUTS = 60
"""Bytes for each sample and class, beside."""
MATRICES = 4
"""Of inner products of features, in float64: what a head holds that is fitted in blocks."""
_FEATURE_BATCH = 16  # images that pass through the frozen part at a time, about
_EVALUATION_BATCH = 64
_TRAINING = 3.5
"""Forward passes that a training step takes: three by operations (forward, gradients of activations and weights), more
in seconds where convolutions are depthwise (Lite0 on two cores: 3.4 to 3.9)."""
_LOGITS = 3
"""Numbers per token and word of the vocabulary: its logit, its probability and its gradient."""
_STATES = {"adamw": 2, "adam": 2, "sgd": 1}  # tensors an optimizer keeps per parameter (SGD: its momentum)


@dataclasses.dataclass(frozen=True)
class SpeedFacts:
    """How fast this machine is. The defaults are a laptop of two cores; `measure_speed` has the truth."""

    flops: float = 2e10  # floating-point operations per second of a forward pass in float32
    images: float = 200.0  # images decoded and resized per second
    extraction: float = 1.0  # times as fast that the frozen part runs where its activations are stored
    step: float = 0.005  # seconds that a training step costs whatever its size
    measured: bool = False
    head: float = 0.0  # operations per second of a head on maps, whose layers are of another kind; 0 is as the backbone
    head_step: float = 0.0  # passes of such a head in evaluation that a training step of it takes; 0 is as the backbone

    @property
    def of_head(self) -> float:
        """Operations per second of the head."""
        return self.head or self.flops


class Costs:
    """Cost of each step of one plan, in order. Knows what earlier steps have stored already.

    Activations stored by one step serve the later ones until something below their cut is trained.
    """

    def __init__(self, network: Network, data: DataFacts, speed: SpeedFacts, most: int | None = None) -> None:
        self._most = most
        self._network, self._backbone, self._data, self._speed = network, network.facts, data, speed
        self._last = len(network.facts.chain.cuts) - 1
        self._stored: set[tuple[int, int, bool]] = set()  # (cut, size, whether of the target)
        self._decoded: set[tuple[int, bool]] = set()  # (size, whether of the target)
        everything = [*network.parameters(), *network.buffers()]
        self._weights = sum(tensor.numel() * tensor.element_size() for tensor in everything)
        head = network.head
        writes = isinstance(head, LanguageHead)  # once for each token, and an input is about as long as its answer
        self._numbers = sum(tensor.numel() for tensor in head.parameters()) * (data.size if writes else 1)
        self._logits = _LOGITS * 4 * data.size * head.vocabulary if isinstance(head, LanguageHead) else 0

    def of(self, step: StepPlan) -> StepPlan:
        """The step with its costs."""
        match step:
            case PhasePlan():
                once = self._reach(
                    step.cache, step.size, views(step.phase) * own(step.phase, self._data) + self._data.val
                )
                once += self._reach(
                    step.cache, step.size, views(step.phase) * others(step.phase, self._data), target=True
                )
                self._stored = {(at, side, of) for at, side, of in self._stored if at <= step.cut}
                seconds = once + step.phase.epochs * self._epoch(step, step.cache)
                if isinstance(step.phase, Pretrain) and self._backbone.source_weights is None:  # the head is new
                    alone = dataclasses.replace(step, cut=self._last)
                    seconds += step.phase.head_epochs * self._epoch(alone, step.cache)
                again = step.phase.epochs * self._epoch(step, dataclasses.replace(step.cache, what="pixels", cut=0))
                return dataclasses.replace(
                    step, seconds=seconds, saved=max(0.0, again - seconds), memory=self._phase_memory(step)
                )
            case HeadPlan():
                seconds, memory = self._closed_form(step), self._closed_form_memory(step.size)
            case AveragePlan():
                seconds, memory = self._average(step), self._average_memory(step.size)
            case StatisticsPlan():
                samples = self._data.unlabelled if step.step.of == "target" else self._data.train
                seconds, memory = self._pass(step.size, samples), self._average_memory(step.size)
                self._stored.clear()
        return dataclasses.replace(step, seconds=seconds, memory=memory)

    def _epoch(self, step: PhasePlan, cache: CachePlan) -> float:
        """Seconds of an epoch of a phase, with its validation, when `cache` is there already."""
        train, val, size = passes(step.phase) * own(step.phase, self._data), self._data.val, step.size
        below = self._flops(cache.cut, step.cut, size) * train
        forward: float = below + self._flops(cache.cut, self._last, size) * val
        of_head = (self._speed.head_step or _TRAINING) * self._head(size)
        trained = (_TRAINING * self._flops(step.cut, self._last, size) + of_head) * train
        forward += self._head(size) * val if self._backbone.maps is not None else 0.0
        epoch = (forward + trained) / self._speed.flops + step.steps_per_epoch * self._speed.step
        return epoch + (train + val) / self._speed.images if cache.what == "nothing" else epoch

    def _phase_memory(self, step: PhasePlan) -> int:
        """Peak bytes: weights, gradients, optimizer, averages, activations of a batch, and what the cache holds."""
        phase, cache, size = step.phase, step.cache, step.size
        copies = 1 + _STATES[phase.optimizer] + (phase.ema > 0) + (phase.l2_sp > 0)
        made = profile(self._backbone, step.cut, self._last, size).bytes
        if isinstance(phase, Pretrain):
            share = phase.masked if phase.objective == "masked" else 1.0
            made += int(_LOGITS * 4 * share * size * vocabulary(self._backbone))
        below = 2 * profile(self._backbone, cache.cut, step.cut, size).peak
        filling = 2 * profile(self._backbone, 0, cache.cut, size).peak
        if self._backbone.maps is not None:
            made += profile_head(self._network, size).bytes
        passing = max(streams(phase) * step.batch_size * (made + below + self._logits), _FEATURE_BATCH * filling)
        trained = sum(group.numel for group in step.groups)
        return self._weights + 4 * trained * copies + passing + (cache.bytes if cache.where == "memory" else 0)

    def _closed_form(self, step: HeadPlan) -> float:
        """Seconds of features for all samples and of fitting the heads on them.

        The default head, its folds and strengths included, takes 3e-8 to 1e-7 s per sample, feature and class on two
        cores, one of them busy with other work (0.9 s for 1000 x 1280 x 10, 1.2 s for 1000 x 2528 x 10, 10 s for
        4000 x 2528 x 10, 4.3 s for 1000 x 1280 x 100).
        """
        numbers = self._data.train * self._backbone.out_features * self._data.outputs
        return (
            self._reach(step.cache, step.size, self._data.train + self._data.val)
            + len(step.step.heads) * 5e-8 * numbers
        )

    def _closed_form_memory(self, size: int) -> int:
        """Peak bytes of the pass that makes the features, or of the features and what is made of them when a head is
        fitted; where that is more than half of what the process may take, it is done in blocks.
        """
        passing = 2 * profile(self._backbone, 0, self._last, size).peak * _FEATURE_BATCH
        width, samples, outputs = self._backbone.out_features, self._data.train, self._data.outputs
        fitting = samples * (4 * COPIES * width + OUTPUTS * outputs)
        if self._most is not None and fitting > self._most // 2:
            fitting = MATRICES * 8 * width**2 + samples * OUTPUTS * outputs
        return self._weights + max(passing, fitting)

    def _average(self, step: AveragePlan) -> float:
        """Seconds of one evaluation per alpha."""
        return len(step.step.alphas) * self._pass(step.size, self._data.val)

    def _pass(self, size: int, samples: int) -> float:
        """Seconds in which samples pass through the whole network."""
        return (self._flops(0, self._last, size) + self._head(size)) * samples / self._speed.flops

    def _average_memory(self, size: int) -> int:
        """Peak bytes: both sets of weights, what becomes of them, and a batch."""
        return 3 * self._weights + 2 * profile(self._backbone, 0, self._last, size).peak * _EVALUATION_BATCH

    def _reach(self, cache: CachePlan, size: int, total: int, *, target: bool = False) -> float:
        """Seconds to compute what the cache is to hold of so many samples, as far as it is not there yet."""
        seconds = 0.0
        if cache.what == "activations" and (cache.cut, size, target) in self._stored:
            return 0.0
        if cache.what != "nothing" and (size, target) not in self._decoded:
            self._decoded.add((size, target))
            seconds += total / self._speed.images
        if cache.what == "activations":
            self._stored |= {(at, size, target) for at in (cache.cut, *cache.also)}
            seconds += total * self._flops(0, cache.cut, size) / (self._speed.flops * self._speed.extraction)
        return seconds

    def _head(self, size: int) -> float:
        """Operations of the head, per sample, as many as the backbone does in the time that they take."""
        if self._backbone.maps is None:
            return 2 * self._numbers
        return profile_head(self._network, size).flops * self._speed.flops / self._speed.of_head

    def _flops(self, start: int, stop: int, size: int) -> int:
        return profile(self._backbone, start, stop, size).flops
