"""The batches of a phase, from cached activations or from images: the same samples in the same order either way."""

from __future__ import annotations

import functools

import torch
from accelerate import Accelerator
from torch import Tensor

from warmstart.cache.features import activations
from warmstart.data.batches import ActivationBatches, ImageBatches, batch_order
from warmstart.data.schema import IntArray
from warmstart.engine.data import RunData
from warmstart.engine.events import Advanced, Finished, Listener, Started
from warmstart.engine.layout import training_layout
from warmstart.engine.memory import until_it_fits
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan

EVALUATED_AT_ONCE = 64


class Feed:
    """Training batches and validation outputs of one phase.

    Where the plan caches activations they are computed once, here, at `plan.cache.cut`. What lies between that cut and
    the plan's own is recomputed for each batch without gradient (`lift`).
    """

    def __init__(
        self, network: Network, plan: PhasePlan, data: RunData, accelerator: Accelerator, seed: int, listener: Listener
    ) -> None:
        self._network, self._plan, self._data, self._accelerator, self._seed = network, plan, data, accelerator, seed
        self.device: torch.device = accelerator.device
        self.layout = training_layout(network, self.device)
        self.classes = len(data.dataset.target.classes)
        self._store = data.pixels(plan.size)
        self._cached = plan.cache.what == "activations"
        self._from = plan.cache.cut if self._cached else 0
        self._listener = listener

    @functools.cached_property
    def _train(self) -> Tensor:
        return self._compute(self._data.split.train)

    @functools.cached_property
    def _val(self) -> Tensor:
        return self._compute(self._data.split.val)

    @property
    def validates(self) -> bool:
        """Whether there is anything to validate on."""
        return len(self._data.split.val) > 0

    def train(self, epoch: int, skip: int = 0) -> ActivationBatches | ImageBatches:
        """Batches of an epoch without the first `skip`; a function of (seed, epoch) alone."""
        size, indices = self._plan.batch_size, self._data.split.train
        if self._cached:
            targets = self._data.targets(indices)
            return ActivationBatches(
                self._train, targets, indices, batch_size=size, shuffle=True, seed=self._seed, epoch=epoch, skip=skip
            )
        return ImageBatches(
            self._store,
            indices,
            batch_size=size,
            shuffle=True,
            seed=self._seed,
            epoch=epoch,
            augment=self._plan.phase.augment,
            skip=skip,
        )

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return len(batch_order(len(self._data.split.train), self._plan.batch_size, True, self._seed, 0))

    def lift(self, inputs: Tensor) -> Tensor:
        """From what a batch holds to the activation at the plan's cut, through the frozen part, without gradient."""
        inputs = self._laid_out(inputs)
        if self._from == self._plan.cut:
            return inputs
        with torch.no_grad(), self._accelerator.autocast():
            return self._network.facts.chain.segment(self._from, self._plan.cut)(inputs).float()

    def validate(self) -> Tensor:
        """Outputs (n, classes) on validation, float32 on the CPU, with the network's present weights."""
        network, indices = self._network, self._data.split.val
        if not self._cached:
            return until_it_fits(
                lambda size: predict_outputs(network, self._store, indices, batch_size=size), EVALUATED_AT_ONCE
            )
        return until_it_fits(self._validate_from_activations, EVALUATED_AT_ONCE)

    def _validate_from_activations(self, size: int) -> Tensor:
        with evaluating(self._network), torch.no_grad():
            parts = [
                self._network.forward_from(self._from, self._laid_out(part.to(self.device))).float().cpu()
                for part in torch.split(self._val, size)
            ]
        return torch.cat(parts)

    def _laid_out(self, inputs: Tensor) -> Tensor:
        return inputs.contiguous(memory_format=self.layout) if inputs.ndim == 4 else inputs

    def _compute(self, indices: IntArray) -> Tensor:
        return features(self._network, self._from, self._data, indices, size=self._plan.size, listener=self._listener)


def features(network: Network, cut: int, data: RunData, indices: IntArray, *, size: int, listener: Listener) -> Tensor:
    """Activations (n, ...) at `cut` for the samples at `indices`, from the store or computed and stored."""
    what = "features"
    listener(Started(what, len(indices)))
    found = activations(
        network.facts.chain,
        cut,
        data.pixels(size),
        indices,
        spec=data.spec.with_size(size),
        cache=data.cache,
        progress=lambda n: listener(Advanced(what, n)),
    )
    listener(Finished(what))
    return found
