"""What a smaller network saves: parameters, bytes, and the time for an input, both networks in turn in one run."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence

import numpy as np
import torch

from warmstart.data.schema import Sample
from warmstart.evaluation.distilled import Model
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.intervals import bootstrap
from warmstart.evaluation.timing import in_turns
from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.preprocess.kinds import Spec
from warmstart.shipping.reading import read, stacked

SAMPLES, ROUNDS, SECONDS = 8, 12, 6.0
"""Inputs that are answered in each round, rounds at least where there is time, and the time for all."""
_LEAST = 3


@dataclasses.dataclass(frozen=True)
class Side:
    """Networks that answer together, each group with how it reads an input."""

    name: str
    groups: tuple[tuple[tuple[Network, ...], Spec], ...]

    @property
    def networks(self) -> list[Network]:
        """All of them."""
        return [network for networks, _ in self.groups for network in networks]

    def inputs(self, samples: Sequence[Sample]) -> list[list[torch.Tensor]]:
        """Each sample alone, as each group takes it."""
        return [[stacked([read(sample, spec)], spec) for _, spec in self.groups] for sample in samples]

    def answer(self, inputs: Sequence[Sequence[torch.Tensor]]) -> None:
        """Each input, with all networks one after the other."""
        for each in inputs:
            for (networks, _), x in zip(self.groups, each, strict=True):
                for network in networks:
                    network(x)

    def model(self, seconds: float) -> Model:
        """The facts of it."""
        networks = self.networks
        tensors = [tensor for network in networks for tensor in network.state_dict().values()]
        return Model(
            backbone=self.name,
            networks=len(networks),
            parameters=sum(p.numel() for network in networks for p in network.parameters()),
            megabytes=sum(tensor.numel() * tensor.element_size() for tensor in tensors) / 1e6,
            milliseconds=1000 * seconds,
        )


def compared(teacher: Side, student: Side, samples: Sequence[Sample], seed: int = 0) -> tuple[Model, Model, Interval]:
    """Both sides, and how many times as long the teacher takes: the mean of the ratios of the rounds.

    In a round both answer the same inputs, one alone at a time, so that whatever else the machine does meets both.
    """
    with contextlib.ExitStack() as stack:
        for network in (*teacher.networks, *student.networks):
            stack.enter_context(evaluating(network.cpu()))  # where both will answer
        stack.enter_context(torch.inference_mode())
        one, other = (side.inputs(samples[:SAMPLES]) for side in (teacher, student))
        teacher.answer(one[:1])  # the first pass makes what later ones find
        student.answer(other[:1])
        both = (lambda: teacher.answer(one), lambda: student.answer(other))
        found = in_turns(*both, least=_LEAST, most=ROUNDS, seconds=SECONDS) / len(one)
    ratios = found[:, 0] / found[:, 1]
    medians = np.median(found, axis=0)
    span = bootstrap(ratios, seed=seed, bounds=(float(ratios.min()), float(ratios.max())))
    return teacher.model(float(medians[0])), student.model(float(medians[1])), span
