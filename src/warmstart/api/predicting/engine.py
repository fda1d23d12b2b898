"""What computes the features of many inputs: the fastest engine that answers as the bundle does, where it pays.

The choice is that of the frozen part in training (`warmstart.engine.extraction`): an engine is prepared and timed only
where there is enough to compute, and taken only if its features are those of torch within a relative difference of 1e-4
(`warmstart.model.runtimes.base.TOLERANCE`) and the golden samples are answered with the same labels, every probability
within 1e-3 (`warmstart.shipping.golden.TOLERANCE`). Heads, and what follows, are torch's in every case.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from warmstart.cache.computing import prepared
from warmstart.cache.wanted import BATCH
from warmstart.data.schema import Sample
from warmstart.data.targets import OF_NAMES
from warmstart.engine.events import Decided, Listener
from warmstart.engine.extraction import MEASURED, Choice, installed, measure, named, rate_of, worth_trying
from warmstart.errors import DataError, WarmstartError
from warmstart.model.modes import evaluating
from warmstart.model.runtimes.base import PREPARATION, UnavailableError, runtimes, version
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.golden import TOLERANCE
from warmstart.shipping.inference import Features, Readable

TORCH = Choice("torch", {}, {})
_TASKS = (*OF_NAMES, "regress", "several")
"""Those whose answers come from the features of a sample."""
FASTEST = "fastest"
"""In place of the name of an engine: the one that is measured to be."""
SOON = 10.0
"""Seconds of preparation that an engine may take where somebody waits for a service to start."""
ENDLESS = 10**9
"""Inputs of a service, which nobody counts beforehand."""


def quicker(
    bundle: Bundle, samples: Sequence[Sample], count: int, listener: Listener, settled: Choice | None = None
) -> tuple[Bundle, Choice]:
    """The bundle with the engine that is fastest for so many inputs, and what was chosen.

    Args:
        bundle: what answers.
        samples: the first of the inputs.
        count: how many there are at least.
        listener: hears what is decided, and why.
        settled: what was chosen before, where an interrupted call is gone on with.
    """
    choice = settled or named() or _choose(bundle, samples, count)
    return _with(bundle, choice, listener, check=settled is None)


def _with(bundle: Bundle, choice: Choice, listener: Listener, *, check: bool = True) -> tuple[Bundle, Choice]:
    """The bundle with that engine, if it can be prepared and, where that is checked, answers as torch does."""
    if choice.runtime == "torch":
        return bundle, choice
    try:
        fast = dataclasses.replace(bundle, backbones=_backbones(bundle, choice))
    except UnavailableError as error:
        listener(Decided(f"torch answers: {choice.runtime} cannot be prepared: {error}"))
        return bundle, TORCH
    if check and (why := _apart(bundle, fast)):
        listener(Decided(f"torch answers, not {choice.runtime}: {why}"))
        return bundle, TORCH
    rates = ", ".join(f"{name} {rate:.0f}" for name, rate in choice.rates.items())
    text = f"features are computed by {choice.runtime}, {choice.batch} inputs at a time"
    text += f" (inputs/s: {rates})" if rates else ""
    listener(Decided(text, dataclasses.asdict(choice)))
    return fast, choice


def refuse_engine(name: str) -> None:
    """Raise `DataError` where `standing` knows no engine of that name, or it is not installed."""
    there = [other for other in runtimes if version(other)]
    if name not in (FASTEST, *there):
        raise DataError(f"the engine {name!r}", expected=f"{FASTEST}, or one of {', '.join(there)}")


def standing(bundle: Bundle, engine: str, listener: Listener) -> Bundle:
    """The bundle of a service, with the engine that it is to have.

    It is tried on the golden samples, over and over: who will ask, and what, is not known yet. The command waits for
    it, so those are left out of the choice that take more than `SOON` seconds to prepare.

    Args:
        bundle: what answers.
        engine: `torch`, which leaves it as it is; another by its name; or `fastest`.
        listener: hears what is decided, and why.

    Returns: the bundle, with torch where the engine cannot be prepared or answers otherwise, which is told.
    """
    if engine == "torch":
        return bundle
    if not _by_features(bundle):
        listener(Decided(f"torch answers: of {bundle.manifest.task} no other engine computes a part"))
        return bundle
    if engine != FASTEST:
        choice = Choice(engine, {}, {})
    else:
        golden = bundle.golden()
        samples = [golden[i % len(golden)] for i in range(BATCH)]
        soon = [name for name in installed(bundle.networks[0].facts.chain.inputs) if PREPARATION[name] <= SOON]
        choice = _choose(bundle, samples, ENDLESS, soon)
    return _with(bundle, choice, listener)[0]


def _by_features(bundle: Bundle) -> bool:
    task = bundle.manifest.task
    return task in _TASKS and task not in ("generate", "tag")


def _choose(bundle: Bundle, samples: Sequence[Sample], count: int, others: Sequence[str] = ()) -> Choice:
    chain = bundle.networks[0].facts.chain
    others = others or installed(chain.inputs)
    if not _by_features(bundle) or not worth_trying(others, count, 1.0):
        return TORCH
    batch = next(iter(Readable(samples[:MEASURED], bundle.spec, MEASURED)), None)
    if batch is None or len(batch) < BATCH // 2:
        return TORCH
    with evaluating(chain.module), torch.inference_mode():
        rate = rate_of(prepared("torch", chain, (len(chain.cuts) - 1,), bundle.spec.size), batch[:BATCH])
    if not worth_trying(others, count, rate):
        return TORCH
    return measure(chain, bundle.spec.size, batch, others, count)


def _backbones(bundle: Bundle, choice: Choice) -> tuple[Features, ...]:
    """What computes the features of each network. Raises `UnavailableError`."""
    found: list[Features] = []
    for network in bundle.networks:
        chain = network.facts.chain
        with evaluating(chain.module), torch.inference_mode():
            extract = prepared(choice.runtime, chain, (len(chain.cuts) - 1,), bundle.spec.size)
        found.append(_in_parts(extract, choice.batch))
    return tuple(found)


def _in_parts(extract: Any, size: int) -> Features:
    def features(x: Tensor) -> Tensor:
        return torch.cat([extract(part)[0] for part in torch.split(x, size)])

    return features


def _apart(bundle: Bundle, fast: Bundle) -> str:
    """How the golden samples are answered otherwise; empty if they are not."""
    golden = bundle.golden()
    try:
        plain, found = bundle.checked(golden), fast.checked(golden)
    except (WarmstartError, RuntimeError, ValueError) as error:
        return f"the golden samples are not answered: {error}"
    largest = float((plain - found).abs().max())
    same = bool((plain.argmax(1) == found.argmax(1)).all())
    return "" if same and largest <= TOLERANCE else f"the golden samples are answered otherwise, by {largest:.1e}"
