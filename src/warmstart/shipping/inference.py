"""From inputs to outputs, the same way for a bundle that is being written, one that is checked and one that serves.

Reading and resizing run in threads a few batches ahead of the network, so memory stays bounded however many inputs
come.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray, Sample
from warmstart.errors import WarmstartError
from warmstart.evaluation.predict import joined
from warmstart.evaluation.unknowns import Bank, Distances
from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.preprocess.kinds import Spec
from warmstart.shipping.reading import read, stacked
from warmstart.shipping.words import in_words, of_words
from warmstart.task.base import Task

AHEAD = 2
"""Batches that are read while one is computed."""


@dataclasses.dataclass(frozen=True)
class Outputs:
    """What the networks say of some inputs. Inputs that cannot be read have an error instead of a row."""

    outputs: Tensor
    """Outputs (m, ...), float32, of the m readable inputs in order; of classes calibrated logits, of tags those of
    each word.
    """
    index: IntArray
    """Position of each row among the inputs, (m,)."""
    errors: dict[int, WarmstartError]
    """Why an input could not be read, by its position."""
    distances: Distances | None = None
    """Distance of each row to what the first network was trained on, (m,); `None` without a bank."""


def _read(sample: Sample, spec: Spec) -> Tensor | WarmstartError:
    try:
        return read(sample, spec)
    except WarmstartError as error:
        return error


@dataclasses.dataclass(frozen=True)
class _Ahead:
    """Samples of a batch, and what is being read of each."""

    samples: list[Sample]
    read: list[Future[Tensor | WarmstartError]]

    def results(self) -> list[Tensor | WarmstartError]:
        return [future.result() for future in self.read]


def _batches(samples: Iterable[Sample], spec: Spec, batch_size: int) -> Iterator[_Ahead]:
    samples = iter(samples)
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[_Ahead] = deque()
        try:
            while some := list(islice(samples, batch_size)):
                waiting.append(_Ahead(some, [pool.submit(_read, sample, spec) for sample in some]))
                if len(waiting) > AHEAD:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for future in (f for batch in waiting for f in batch.read):
                future.cancel()


@dataclasses.dataclass(frozen=True)
class Readable:
    """Inputs as a network takes them, batch by batch, without those that cannot be read; read anew on every pass."""

    samples: Sequence[Sample]
    spec: Spec
    batch_size: int

    def __iter__(self) -> Iterator[Tensor]:
        for some in _batches(self.samples, self.spec, self.batch_size):
            if inputs := [one for one in some.results() if isinstance(one, Tensor)]:
                yield stacked(inputs, self.spec)


Features = Callable[[Tensor], Tensor]
"""From a batch as a network takes it to the features of its backbone."""


def _forward(
    networks: Sequence[Network],
    backbones: Sequence[Features],
    inputs: Sequence[Tensor],
    spec: Spec,
    task: Task,
    bank: Bank | None,
) -> tuple[Tensor, Distances | None]:
    """Outputs, and distances by the features of the first network, which pass through it once."""
    batch = stacked(inputs, spec)
    features = [backbone(batch) for backbone in backbones]
    outputs = [network.head(found).float() for network, found in zip(networks, features, strict=True)]
    return task.combine(outputs), None if bank is None else bank.distances(features[0])


def stream(
    networks: Sequence[Network],
    samples: Iterable[Sample],
    spec: Spec,
    *,
    task: Task,
    temperature: float,
    batch_size: int,
    bank: Bank | None = None,
    backbones: Sequence[Features] = (),
) -> Iterator[tuple[list[Sample], Outputs]]:
    """Batches of samples in their order, and the outputs of each as `run` has them, as they are computed.

    Samples are taken `AHEAD` batches before they are answered, however many there are. `backbones` compute the features
    of each network in place of its own backbone. The networks' train/eval flags are put back at the end.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    backbones = backbones or [network.backbone for network in networks]
    tagged = task.name == "tag"
    with contextlib.ExitStack() as stack:
        for network in networks:
            stack.enter_context(evaluating(network))
        for ahead in _batches(_in_words(samples) if tagged else samples, spec, batch_size):
            some, read = ahead.samples, ahead.results()
            errors = {i: r for i, r in enumerate(read) if isinstance(r, WarmstartError)}
            inputs = {i: r for i, r in enumerate(read) if isinstance(r, Tensor)}
            index = np.array(list(inputs), dtype=np.int64)
            if not inputs:
                yield some, Outputs(torch.empty(0, 0), index, errors)
                continue
            with torch.inference_mode():
                found, far = _forward(networks, backbones, list(inputs.values()), spec, task, bank)
            found = found / temperature
            found = of_words(found, [some[i] for i in index], spec) if tagged else found
            yield some, Outputs(found, index, errors, far)


def _in_words(samples: Iterable[Sample]) -> Iterator[Sample]:
    return (one for sample in samples for one in in_words([sample]))


def run(
    networks: Sequence[Network],
    samples: Sequence[Sample],
    spec: Spec,
    *,
    task: Task,
    temperature: float,
    batch_size: int,
    bank: Bank | None = None,
    backbones: Sequence[Features] = (),
    progress: Callable[[int], None] | None = None,
) -> Outputs:
    """Outputs of the ensemble, as the task combines those of its members, over `temperature`.

    With a `bank`, made of features of the first network, also the distance of each input to it.
    The networks' train/eval flags are put back. `progress` is called after each batch with the number of inputs in it.
    """
    parts: list[Outputs] = []
    done = 0
    how: dict[str, Any] = {"task": task, "temperature": temperature, "batch_size": batch_size, "bank": bank}
    how |= {"backbones": backbones}
    for some, found in stream(networks, samples, spec, **how):
        errors = {done + i: error for i, error in found.errors.items()}
        parts.append(dataclasses.replace(found, index=found.index + done, errors=errors))
        done += len(some)
        if progress is not None:
            progress(len(some))
    errors = {i: error for part in parts for i, error in part.errors.items()}
    answered = [part for part in parts if len(part.index)]
    if not answered:
        return Outputs(torch.empty(0, 0), np.zeros(0, dtype=np.int64), errors)
    far = [part.distances for part in answered if part.distances is not None]
    index = np.concatenate([part.index for part in answered])
    fill = math.nan if task.name == "tag" else 0.0  # where there is no word
    outputs = joined([part.outputs for part in answered], fill)
    return Outputs(outputs, index, errors, np.concatenate(far) if far else None)
