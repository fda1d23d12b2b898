"""From inputs to outputs, the same way for a bundle that is being written, one that is checked and one that serves.

Reading and resizing run in threads a few batches ahead of the network, so memory stays bounded however many inputs
come.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

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


Read = list[Tensor | WarmstartError]


def _batches(samples: Sequence[Sample], spec: Spec, batch_size: int) -> Iterator[Read]:
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[list[Future[Tensor | WarmstartError]]] = deque()
        try:
            for start in range(0, len(samples), batch_size):
                waiting.append([pool.submit(_read, s, spec) for s in samples[start : start + batch_size]])
                if len(waiting) > AHEAD:
                    yield [future.result() for future in waiting.popleft()]
            while waiting:
                yield [future.result() for future in waiting.popleft()]
        finally:
            for future in (f for batch in waiting for f in batch):
                future.cancel()


@dataclasses.dataclass(frozen=True)
class Readable:
    """Inputs as a network takes them, batch by batch, without those that cannot be read; read anew on every pass."""

    samples: Sequence[Sample]
    spec: Spec
    batch_size: int

    def __iter__(self) -> Iterator[Tensor]:
        for some in _batches(self.samples, self.spec, self.batch_size):
            if inputs := [one for one in some if isinstance(one, Tensor)]:
                yield stacked(inputs, self.spec)


def _forward(
    networks: Sequence[Network], inputs: Sequence[Tensor], spec: Spec, task: Task, bank: Bank | None
) -> tuple[Tensor, Distances | None]:
    """Outputs, and distances by the features of the first network, which pass through it once."""
    batch, (first, *others) = stacked(inputs, spec), networks
    features = first.backbone(batch)
    outputs = [first.head(features).float(), *(network(batch).float() for network in others)]
    return task.combine(outputs), None if bank is None else bank.distances(features)


def run(
    networks: Sequence[Network],
    samples: Sequence[Sample],
    spec: Spec,
    *,
    task: Task,
    temperature: float,
    batch_size: int,
    bank: Bank | None = None,
    progress: Callable[[int], None] | None = None,
) -> Outputs:
    """Outputs of the ensemble, as the task combines those of its members, over `temperature`.

    With a `bank`, made of features of the first network, also the distance of each input to it.
    The networks' train/eval flags are put back. `progress` is called after each batch with the number of inputs in it.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    if task.name == "tag":
        samples = in_words(samples)
    rows: list[tuple[Tensor, Distances | None]] = []
    index: list[int] = []
    errors: dict[int, WarmstartError] = {}
    done = 0
    with contextlib.ExitStack() as stack:
        for network in networks:
            stack.enter_context(evaluating(network))
        for some in _batches(samples, spec, batch_size):
            errors.update({done + i: r for i, r in enumerate(some) if isinstance(r, WarmstartError)})
            inputs = {done + i: r for i, r in enumerate(some) if isinstance(r, Tensor)}
            if inputs:
                with torch.inference_mode():
                    rows.append(_forward(networks, list(inputs.values()), spec, task, bank))
                index.extend(inputs)
            done += len(some)
            if progress is not None:
                progress(len(some))
    found = joined([outputs for outputs, _ in rows]) / temperature if rows else torch.empty(0, 0)
    if task.name == "tag" and rows:
        found = of_words(found, [samples[i] for i in index], spec)
    far = [distances for _, distances in rows if distances is not None]
    return Outputs(found, np.array(index, dtype=np.int64), errors, np.concatenate(far) if far else None)
