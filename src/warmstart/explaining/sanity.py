"""Whether a map follows from what a network learned (Adebayo et al. 2018, "Sanity checks for saliency maps").

The weights of a copy are shuffled, each tensor in itself, so that they are as large as they were and say nothing: first
those of the head, then all. A map that hardly changes shows the input, or the architecture, and explains no answer.
How much stays is the rank correlation (Spearman) of what matters, signs left out.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from warmstart.explaining.asked import Asked, Pick
from warmstart.explaining.methods import Method
from warmstart.explaining.places import pooled
from warmstart.model.modes import evaluating
from warmstart.model.network import Network

FloatArray = npt.NDArray[np.float32]
SAME = 0.5
"""Mean rank correlation from which on a map is said to hardly depend on the weights: half of the variance of ranks is
shared at .7, a quarter here."""
FEWEST = 8
"""Places that all inputs have together, at least: fewer say nothing of a correlation."""
SEEDS = (0, 1)
MAPS = 2 + len(SEEDS)
"""Of each input: its own, with a shuffled head, and with all shuffled by each seed."""
_FIELDS = 32


@dataclasses.dataclass(frozen=True)
class Sanity:
    """Mean rank correlation of maps with those of shuffled networks, over `inputs` inputs."""

    head: float
    whole: float
    inputs: int

    @property
    def faithful(self) -> bool:
        """Whether the map depends on the weights."""
        return self.whole < SAME

    @property
    def doubt(self) -> str:
        """Why not to believe the map; empty if it passed."""
        if self.faithful:
            return ""
        several = "an input" if self.inputs == 1 else f"{self.inputs} inputs"
        return (
            f"the map hardly depends on what was learned: with all weights shuffled it stays much the same (rank "
            f"correlation {self.whole:.2f} over {several}; below {SAME} would do): it shows the input, not the answer"
        )


def sanity(method: Method, inputs: Sequence[tuple[Asked, Pick, Tensor]]) -> Sanity | None:
    """The check for some inputs (1, ...), each with what is asked of the same networks, and explained of the answer;
    `None` if they have too few places.

    The networks stay as they are: what is shuffled is a copy.
    """
    there = [asked.readable(x).numpy() for asked, _, x in inputs]
    if sum(int(one.sum()) for one in there) < FEWEST:
        return None
    true = [method.attribute(*one).values for one in inputs]
    found: dict[bool, list[float]] = {False: [], True: []}
    for seed in SEEDS:
        for whole, networks in _shuffled(inputs[0][0].networks, seed):
            if seed and not whole:
                continue  # what is judged by are networks without anything learned; heads alone are told
            others = [(dataclasses.replace(asked, networks=networks), chosen, x) for asked, chosen, x in inputs]
            maps = [method.attribute(*one).values for one in others]
            found[whole] += [likeness(a, b, where) for a, b, where in zip(true, maps, there, strict=True)]
    return Sanity(float(np.mean(found[False])), float(np.mean(found[True])), len(inputs))


def likeness(one: FloatArray, other: FloatArray, where: npt.NDArray[np.bool_]) -> float:
    """Rank correlation of what matters in two maps at some places; 0 where one of them is the same everywhere.

    >>> a = np.arange(12, dtype=np.float32)
    >>> likeness(a, -a, np.ones(12, bool)), likeness(a, a * 0, np.ones(12, bool))
    (1.0, 0.0)
    """
    from scipy.stats import spearmanr

    strengths = []
    for values in (one, other):
        strength = np.abs(np.nan_to_num(values))
        square = strength.ndim == 2 and min(strength.shape) > _FIELDS
        strengths.append(pooled(strength, _FIELDS).ravel() if square else strength[where])
    if len(strengths[0]) < 3 or any(float(np.ptp(strength)) == 0 for strength in strengths):
        return 0.0
    first, second = (strength.astype(np.float64).tolist() for strength in strengths)
    return float(spearmanr(first, second).statistic)


def _shuffled(given: Sequence[Network], seed: int) -> Iterator[tuple[bool, tuple[Network, ...]]]:
    """(whether all weights are shuffled, the networks), first with those of the head alone; the same copies."""
    networks = tuple(network.clone() for network in given)
    generator = torch.Generator().manual_seed(seed)
    with contextlib.ExitStack() as stack:
        for network in networks:
            network.requires_grad_(False)
            stack.enter_context(evaluating(network))
            _shuffle(network.head, generator)
        yield False, networks
        for network in networks:
            _shuffle(network.backbone, generator)
        yield True, networks


@torch.no_grad()
def _shuffle(module: nn.Module, generator: torch.Generator) -> None:
    """Put the numbers of each tensor in another order; whole numbers, which are addresses, stay."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point() and tensor.numel() > 1:
            order = torch.randperm(tensor.numel(), generator=generator)
            tensor.copy_(tensor.flatten()[order].reshape(tensor.shape))
