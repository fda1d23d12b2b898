"""Activations of a run's samples, with its progress told."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from warmstart.cache.features import activations, stored_activations
from warmstart.data.batches import Rows
from warmstart.data.schema import IntArray
from warmstart.data.views import View
from warmstart.engine.data import RunData
from warmstart.engine.events import Advanced, Finished, Listener, Started, silent
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan

WHAT = "features"


def features(
    network: Network,
    cut: int,
    data: RunData,
    indices: IntArray,
    *,
    size: int | None = None,
    also: Collection[int] = (),
    listener: Listener = silent,
) -> Tensor:
    """Activations (n, ...) at `cut` for the samples at `indices`, from the store or computed and stored."""
    wanted = data.wanted(network.facts.chain, size)
    listener(Started(WHAT, len(indices)))
    found = activations(wanted, cut, indices, also=also, progress=lambda n: listener(Advanced(WHAT, n)))
    listener(Finished(WHAT))
    return found


def stored(
    network: Network,
    cut: int,
    data: RunData,
    indices: IntArray,
    *,
    size: int | None = None,
    also: Collection[int] = (),
    listener: Listener = silent,
) -> Rows | None:
    """What `features` gives, left where it is stored; `None` if there was no room for it."""
    listener(Started(WHAT, len(indices)))
    found = stored_activations(
        data.wanted(network.facts.chain, size), cut, indices, also=also, progress=lambda n: listener(Advanced(WHAT, n))
    )
    listener(Finished(WHAT))
    return found


def planned(
    network: Network, plan: PhasePlan, data: RunData, indices: IntArray, listener: Listener, view: View | None = None
) -> Rows | None:
    """What the plan of a phase has stored: held in memory or left where it lies; `None` if there was no room for it."""
    cache = plan.cache
    wanted = data.wanted(network.facts.chain, plan.size, dtype=cache.dtype, view=view)
    get = activations if cache.where == "memory" and cache.dtype == "fp32" else stored_activations
    listener(Started(WHAT, len(indices)))
    found = get(wanted, cache.cut, indices, also=cache.also, progress=lambda n: listener(Advanced(WHAT, n)))
    listener(Finished(WHAT))
    return found


class Some:
    """Those of some rows that are at these positions."""

    def __init__(self, rows: Rows, positions: Tensor) -> None:
        self._rows, self._positions = rows, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, positions: Tensor) -> Tensor:
        return self._rows[self._positions[positions]]


class InTurn:
    """Rows of one epoch, each from the view of its sample whose turn it is."""

    def __init__(self, views: list[Rows], turns: Tensor) -> None:
        self._views, self._turns = views, turns

    def __len__(self) -> int:
        return len(self._turns)

    def __getitem__(self, positions: Tensor) -> Tensor:
        turns = self._turns[positions]
        order = torch.argsort(turns, stable=True)
        parts = [self._views[turn][positions[turns == turn]] for turn in range(len(self._views))]
        return torch.cat(parts)[torch.argsort(order)]


def turns(views: int, epochs: int, samples: int, epoch: int, seed: int) -> Tensor:
    """Which view of each sample an epoch sees (samples,): the epoch's own where there are enough views for all epochs,
    else each sample's in turn, begun at random, so that every batch mixes them.

    >>> turns(3, 3, 2, 1, 0).tolist()
    [1, 1]
    """
    if views >= epochs:
        return torch.full((samples,), epoch % views)
    begun = torch.randint(views, (samples,), generator=torch.Generator().manual_seed(seed))
    return (begun + epoch) % views
