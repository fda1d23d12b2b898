"""The criteria by name, with which way is better and where each comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from warmstart.errors import RunError
from warmstart.registry import Registry
from warmstart.select.adaptation.answers import Answers
from warmstart.select.adaptation.dev import dev
from warmstart.select.adaptation.entropy import entropy
from warmstart.select.adaptation.mano import mano
from warmstart.select.adaptation.snd import snd


@dataclasses.dataclass(frozen=True)
class Criterion:
    """A number that ranks models for a target without its labels."""

    title: str
    paper: str
    score: Callable[[Answers], float]
    higher_is_better: bool

    def best(self, values: Mapping[str, float]) -> str:
        """The name with the best value, the first of equals."""
        return max(values, key=lambda name: values[name] if self.higher_is_better else -values[name])


criteria: Registry[Criterion] = Registry("criterion", RunError)
"""DEV is the default. Over six runs on digits of two origins (`benchmarks/adaptation.py`) what it picked reached 21.3 %
on the target, that of MaNo and of entropy 20.9 %, of SND 12.7 %; `source_only` 14.6 %, the oracle 40.2 %. It alone asks
for right answers on the source, where the others prefer a model that is surely wrong. None is good.
"""
criteria.add("dev", Criterion("DEV", "You et al. 2019", dev, higher_is_better=False))
criteria.add("entropy", Criterion("entropy", "Morerio et al. 2018", entropy, higher_is_better=False))
criteria.add("mano", Criterion("MaNo", "Xie et al. 2024", mano, higher_is_better=True))
criteria.add("snd", Criterion("SND", "Saito et al. 2021", snd, higher_is_better=True))
