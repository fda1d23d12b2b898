"""What a backbone that was trained on episodes is worth: the same new episodes for it and for what it started from."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Literal

from warmstart.data.episodes import episode_order, set_numbers
from warmstart.engine.data import RunData
from warmstart.engine.device import make_accelerator
from warmstart.engine.events import Advanced, Finished, Listener, Started
from warmstart.engine.feed import Feed
from warmstart.engine.pretext import PretextNetwork
from warmstart.engine.seeds import derive
from warmstart.engine.suffix import Suffix
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.intervals import bootstrap, paired
from warmstart.methods.meta.learner import Learner
from warmstart.methods.meta.measure import FROZEN, Measured, Told, features_of, frozen, measured
from warmstart.methods.meta.step import episode_of, learner_of
from warmstart.planning.plan import PhasePlan
from warmstart.recipe.episodic import Meta

State = Literal["as it was", "trained"]
REFERENCE: tuple[str, State] = (FROZEN[0], "as it was")
"""Prototypes on the features of the backbone as it was: what every other row is compared with, on the same episodes."""


@dataclasses.dataclass(frozen=True)
class Row:
    """How a head did on a backbone: mean accuracy over the episodes, and what it is more than the reference's."""

    head: str
    backbone: State
    accuracy: Interval
    gain: Interval | None


class Exam:
    """Episodes of classes that nothing was trained on or chosen by; `data` holds them as its test part.

    Args:
        plan: of the step, which says where training starts.
        data: with its parts.
        episodes: how many.
        seed: of the draws.
        listener: hears of progress.
    """

    def __init__(self, plan: PhasePlan, data: RunData, *, episodes: int, seed: int, listener: Listener) -> None:
        assert isinstance(plan.phase, Meta)
        self.plan, self.seed, self.listener = plan, seed, listener
        self.data = dataclasses.replace(data, split=dataclasses.replace(data.split, val=data.split.test))
        labels, sets = data.targets(data.split.test).numpy(), set_numbers(data.dataset.target.classes)
        drawn = {"episodes": episodes, "at_once": plan.phase.tasks, "seed": derive(seed, "exam"), "epoch": 0}
        self.order = episode_order(labels, sets, episode_of(plan.phase), **drawn)
        self.found: dict[tuple[str, State], Measured] = {}
        self.seconds = 0.0
        """That the method takes for all episodes, as `start` has measured it on a few."""

    def start(self, network: PretextNetwork) -> None:
        """Measure the heads of `FROZEN` on the backbone as it was, and how long the method will take."""
        learner, feed = self._on(network)
        features = features_of(learner, feed)
        for head in FROZEN:
            self._ask(head, "as it was", functools.partial(frozen, learner, features, self.order, head))
        began = time.monotonic()
        measured(learner, feed, self.order[:1])
        self.seconds = (time.monotonic() - began) * (1 if learner.on_features else len(self.order))

    def finish(self, network: PretextNetwork) -> tuple[Row, ...]:
        """Measure the method on the backbone that it has trained, and what prototypes make of that; then all rows."""
        learner, feed = self._on(network)
        method = learner.step.method
        self._ask(method, "trained", functools.partial(measured, learner, feed, self.order))
        if method != "protonet":
            features = features_of(learner, feed)
            self._ask(FROZEN[0], "trained", functools.partial(frozen, learner, features, self.order, FROZEN[0]))
        base, rows = self.found[REFERENCE], []
        for (head, state), one in self.found.items():
            gain = None if one is base else paired(one.accuracy, base.accuracy)
            rows.append(Row(head, state, bootstrap(one.accuracy), gain))
        return tuple(rows)

    def verdict(self) -> tuple[str, Interval]:
        """What training has brought the method over the best head on the backbone as it was, in words and numbers."""
        before = {head: one for (head, state), one in self.found.items() if state == "as it was"}
        best = max(before, key=lambda head: float(before[head].accuracy.mean()))
        ((method, after),) = [(h, one) for (h, s), one in self.found.items() if s == "trained"][:1]
        gain = paired(after.accuracy, before[best].accuracy)
        told = f"{100 * gain.value:+.1f} points [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"
        if gain.low > 0:
            return f"the episodes paid: {method} against {best} on the backbone as it was, {told}", gain
        if gain.high < 0:
            return f"the episodes did harm: {method} against {best} on the backbone as it was, {told}", gain
        return f"the frozen features were as good: {method} against {best} on them, {told}", gain

    def _on(self, network: PretextNetwork) -> tuple[Learner, Feed]:
        accelerator = make_accelerator()
        network.to(accelerator.device)
        feed = Feed(network, self.plan, self.data, accelerator, derive(self.seed, "exam"), self.listener)
        suffix = accelerator.prepare_model(Suffix(network, self.plan.cut), evaluation_mode=True)
        return learner_of(network, self.plan, suffix), feed

    def _ask(self, head: str, state: State, ask: Callable[[Told], Measured]) -> None:
        what = f"episodes, {head}"
        self.listener(Started(what, sum(len(batch) for batch in self.order) // self._samples))
        self.found[head, state] = ask(lambda n: self.listener(Advanced(what, n)))
        self.listener(Finished(what))

    @property
    def _samples(self) -> int:
        assert isinstance(self.plan.phase, Meta)
        return episode_of(self.plan.phase).samples
