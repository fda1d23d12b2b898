"""Which runtime computes the frozen part of a network here: the fastest whose outputs agree with torch's.

That is measured, once per network, size and machine, where there is enough to compute; the answer is kept beside the
activations, and so is the speed that says how much is enough: a resumed or repeated run takes the same one, though no
two measurements are the same. Who names one in `$WARMSTART_RUNTIME` gets that, unmeasured.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from warmstart.cache.claim import claim
from warmstart.cache.computing import prepared
from warmstart.cache.wanted import BATCH
from warmstart.data.stores import batches_on
from warmstart.engine.allowance import batch_within
from warmstart.engine.data import RunData
from warmstart.engine.machine import cores
from warmstart.errors import RunError
from warmstart.files import read_json, write_json
from warmstart.model.backbone import Backbone
from warmstart.model.chain import Chain
from warmstart.model.device import AT_ONCE, Device
from warmstart.model.inputs import Inputs, Tokens, weight_of
from warmstart.model.modes import evaluating
from warmstart.model.runtimes.base import PREPARATION, TOLERANCE, Extract, UnavailableError, runtimes, version

_log = logging.getLogger(__name__)

NAME = "runtimes.json"
VARIABLE = "WARMSTART_RUNTIME"
"""Of the environment: the runtime that is taken, in batches of `BATCH`. It is for who wants the same digits again on a
machine whose measurements differ from one time to the next."""
WORTH_TRYING = 2.5
"""Times what a runtime takes to prepare that the work has to take without it, for it to be prepared and measured."""
WORTH_MORE = 10.0
"""The same once there is one that is much faster than torch: another will not gain as much again."""
MUCH_FASTER = 1.5
MEASURED = 4 * BATCH
"""Images that are measured with, at most."""
LOOSER = 5e-3
"""Difference that is let pass where both compute in TF32, of ten bits."""
_SECONDS = 0.3
_ENOUGH = 1.03
"""A larger batch has to be this much faster: it takes more memory, and the next larger one is not tried without."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """The runtime and its batch size, and images per second of each that was tried; `why_not` says what kept the others
    out.
    """

    runtime: str
    rates: dict[str, float]
    why_not: dict[str, str]
    batch: int = BATCH

    @property
    def gain(self) -> float:
        """How many times as fast as torch it is."""
        return self.rates[self.runtime] / self.rates["torch"]

    def applied(self, data: RunData) -> RunData:
        """The data, whose activations are then computed so."""
        return dataclasses.replace(data, runtime=self.runtime, batch=self.batch)


def choose(backbone: Backbone, data: RunData, images: int, rate: float) -> Choice:
    """Choose for `images` images, of which torch does about `rate` per second.

    Raises:
        RunError: `$WARMSTART_RUNTIME` names none that is there.
    """
    if (asked := named(rate)) is not None:
        return asked
    folder, others = data.cache.folder, installed(backbone.chain.inputs)
    with claim(folder, NAME, kind="runtimes"):  # of several processes one measures, and no other disturbs it
        path = None if folder is None else folder / NAME
        known = (read_json(path) or {}) if path is not None else {}
        speed = _key(backbone, data.spec.size, ["speed"])
        rate = known.setdefault(speed, {"torch": rate})["torch"]
        key = _key(backbone, data.spec.size, [name for name in others if _pays(name, images, rate)])
        if key not in known:
            known[key] = dataclasses.asdict(_found(backbone, data, others, images, rate))
            _keep(path, known)
        return Choice(**known[key])


def _found(backbone: Backbone, data: RunData, others: Sequence[str], images: int, rate: float) -> Choice:
    if not worth_trying(others, images, rate):
        return Choice("torch", {"torch": rate}, {})
    device = Device.of(weight_of(backbone.module).device)
    most = AT_ONCE if device.behind else MEASURED
    first = data.split.train[: batch_within(backbone, data.spec.size, most)]
    batch = next(iter(batches_on(device.at, data.store, first, batch_size=len(first)))).inputs
    return measure(backbone.chain, data.spec.size, batch, others, images)


def named(rate: float = 1.0) -> Choice | None:
    """What the user names, whose gain nobody measured: two runs of it differ by nothing that was timed.

    Raises:
        RunError: there is none of that name.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    if name not in runtimes or not version(name):
        there = [other for other in runtimes if version(other)]
        raise RunError(
            f"{VARIABLE} is {name!r}", expected=f"one of {', '.join(there)}", do="name one of these, or unset it"
        )
    return Choice(name, {"torch": rate, name: rate}, {})


def installed(inputs: Inputs) -> list[str]:
    """What can be tried for such inputs: all that is installed, but for texts, of any length, what takes them."""
    suited = ("openvino",) if isinstance(inputs, Tokens) else tuple(PREPARATION)
    return [name for name in suited if version(name)]


def worth_trying(names: Sequence[str], images: int, rate: float) -> bool:
    """Whether one of them could gain more than it takes to prepare, for images of which torch does `rate` a second."""
    return any(_pays(name, images, rate) for name in names)


def _times(rates: dict[str, float]) -> float:
    return WORTH_MORE if max(rates.values()) > MUCH_FASTER * rates["torch"] else WORTH_TRYING


def _pays(name: str, images: int, rate: float, times: float = WORTH_TRYING) -> bool:
    return images > times * PREPARATION[name] * rate


def measure(chain: Chain, size: int, batch: Tensor, others: Sequence[str], images: int) -> Choice:
    """Prepare and time what may pay for `images` images, on a `batch` of at most `MEASURED` of them."""
    last = len(chain.cuts) - 1
    rates, why_not, expected = dict[str, float](), dict[str, str](), torch.empty(0)
    device = Device.of(batch.device)
    some, tolerance = (batch, LOOSER) if device.behind else (batch[:BATCH], TOLERANCE)
    with evaluating(chain.module), torch.inference_mode(), device.fast():
        for name in ("torch", *others):
            if rates and not _pays(name, images, max(rates.values()), _times(rates)):
                continue
            try:
                extract = prepared(name, chain, (last,), size)
            except UnavailableError as error:
                why_not[name] = str(error)
                continue
            (outputs,) = extract(some)
            expected = outputs if name == "torch" else expected
            apart = difference(outputs, expected)
            if apart > tolerance:
                why_not[name] = f"its outputs differ by {apart:.1e}, more than {tolerance:g}"
                continue
            rates[name] = rate_of(extract, some)
        for name, why in why_not.items():
            _log.info("runtime %s is not used: %s", name, why)
        fastest = max(rates, key=rates.__getitem__)
        at_once = BATCH if device.behind else _batch_size(prepared(fastest, chain, (last,), size), batch)
    return Choice(fastest, rates, why_not, at_once)


def _batch_size(extract: Extract, x: Tensor) -> int:
    """From `BATCH` / 2, doubled as long as that is worth it: small batches stay in the processor's own memory."""
    size = BATCH // 2
    rate = rate_of(extract, x[:size])
    while 2 * size <= len(x):
        larger = rate_of(extract, x[: 2 * size])
        if larger < _ENOUGH * rate:
            break
        size, rate = 2 * size, larger
    return min(size, len(x))


def difference(outputs: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest value that is expected; infinite where something is not finite."""
    if outputs.shape != expected.shape or not bool(torch.isfinite(outputs).all()):
        return float("inf")
    return float((outputs - expected).abs().max() / expected.abs().max().clamp_min(1e-12))


def rate_of(extract: Extract, x: Tensor) -> float:
    """Inputs per second of a batch, measured for a moment."""
    began, passes = time.perf_counter(), 0
    while passes == 0 or time.perf_counter() - began < _SECONDS:
        found = extract(x)
        if x.device.type != "cpu":
            found[0].flatten()[0].item()  # it is computed when it can be read
        passes += 1
    return len(x) * passes / (time.perf_counter() - began)


def _key(backbone: Backbone, size: int, others: list[str]) -> str:
    versions = {name: version(name) for name in ("torch", *others)}
    own = Device.of(weight_of(backbone.module).device).name
    machine, card = (platform.machine(), platform.processor(), cores(), torch.get_num_threads(), *own), backbone.card
    parts = backbone.maps.to_dict() if backbone.maps else len(backbone.groups)
    facts = json.dumps([card.weights_sha256, card.architecture, card.pooling, parts, size, versions, machine])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def _keep(path: Path | None, known: dict[str, Any]) -> None:
    if path is None:
        return
    try:
        write_json(path, known)
    except OSError as error:
        _log.warning("the choice of a runtime cannot be kept in %s: %s", path, error)
