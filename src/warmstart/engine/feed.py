"""The batches of a phase, from cached activations or from images: the same samples in the same order either way."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from accelerate import Accelerator
from torch import Tensor

from warmstart.cache.rows import Resident, StoredRows
from warmstart.data.batches import ActivationBatches, Rows, batch_order
from warmstart.data.schema import IntArray
from warmstart.data.stores import batches_on
from warmstart.data.transfer import Batches, Onto
from warmstart.data.views import View
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Listener
from warmstart.engine.features import InTurn, Some, planned, turns
from warmstart.engine.layout import training_layout
from warmstart.engine.machine import decoders
from warmstart.engine.memory import until_it_fits
from warmstart.engine.order import own_order
from warmstart.evaluation.predict import outputs_from, predict_outputs
from warmstart.model.device import Device, place
from warmstart.model.network import Network
from warmstart.planning.caching import megabytes, views
from warmstart.planning.plan import PhasePlan
from warmstart.task.base import task_of

EVALUATED_AT_ONCE = 64


class Feed:
    """Training batches and validation outputs of one phase.

    Where the plan caches activations they are computed once, here, at `plan.cache.cut`. What lies between that cut and
    the plan's own is recomputed for each batch without gradient (`lift`). Where the store turns out to have no room for
    them, everything is computed from images: slower, and the same batches.
    """

    def __init__(
        self, network: Network, plan: PhasePlan, data: RunData, accelerator: Accelerator, seed: int, listener: Listener
    ) -> None:
        self._network, self._plan, self._data, self._accelerator, self._seed = network, plan, data, accelerator, seed
        self.device: torch.device = accelerator.device
        self.layout = training_layout(network, self.device)
        self.classes = len(data.dataset.target.classes)
        self._store = data.inputs(plan.size)
        self._listener = listener
        self._cached = plan.cache.what == "activations"
        self._views: list[Rows] | None = None
        self._val: Rows | None = None
        self._host: tuple[list[Rows] | None, Rows | None] = (None, None)
        self._asked = False  # for the validation samples' activations

    @property
    def validates(self) -> bool:
        """Whether there is anything to validate on."""
        return len(self._data.split.val) > 0

    def train(self, epoch: int, skip: int = 0, order: Sequence[IntArray] | None = None) -> Batches:
        """Batches of an epoch without the first `skip`, on the device; a function of (seed, epoch) alone.

        `order`: positions among the training samples, batch by batch, instead of those of the epoch.
        """
        size, indices, phase = self._plan.batch_size, self._data.split.train, self._plan.phase
        order = self._order(epoch) if order is None else order
        found = self._train_views()
        if found is not None:
            turn = turns(len(found), phase.epochs, len(indices), epoch, self._seed)
            stored = ActivationBatches(
                found[0] if len(found) == 1 else InTurn(found, turn),
                self._data.target_rows(indices, self._plan.size, self._drawn(), turn),
                indices,
                batch_size=size,
                shuffle=True,
                seed=self._seed,
                epoch=epoch,
                skip=skip,
                lengths=self._data.lengths(indices, self._plan.size),
                order=order,
            )
            return Onto(stored, self.device)
        return batches_on(
            self.device,
            self._store,
            indices,
            batch_size=size,
            shuffle=True,
            seed=self._seed,
            epoch=epoch,
            augment=phase.augment,
            skip=skip,
            order=order,
            workers=decoders(self.device),
        )

    @functools.cached_property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch; every step asks, and to count them takes an order of all samples."""
        own = self._order(0)
        if own is not None:
            return len(own)
        return len(batch_order(len(self._data.split.train), self._plan.batch_size, True, self._seed, 0))

    def order(self, epoch: int) -> list[IntArray]:
        """The batches of an epoch, positions among the training samples."""
        own, indices = self._order(epoch), self._data.split.train
        if own is not None:
            return own
        lengths = self._data.lengths(indices, self._plan.size)
        return batch_order(len(indices), self._plan.batch_size, True, self._seed, epoch, lengths)

    def _order(self, epoch: int) -> list[IntArray] | None:
        """The batches of an epoch, where the step wants others than those of `batch_order`."""
        return own_order(self._plan, self._data, self._seed, epoch)

    def lift(self, inputs: Tensor) -> Tensor:
        """From what a batch holds to the activation at the plan's cut, through the frozen part, without gradient."""
        inputs = self._laid_out(inputs)
        start = self._plan.cache.cut if self._cached else 0
        if start == self._plan.cut:
            return inputs
        with torch.no_grad(), self._accelerator.autocast():
            return self._network.facts.chain.segment(start, self._plan.cut)(inputs).float()

    def validate(self, positions: Tensor | None = None) -> Tensor:
        """Outputs (n, ...) on validation, float32 on the CPU, with the network's present weights; of some, if they are
        given by their positions among the validation samples.
        """
        network, indices = self._network, self._data.split.val
        rows = self._held_rows()
        if rows is None:
            some = indices if positions is None else indices[positions.numpy()]
            return until_it_fits(
                lambda size: predict_outputs(
                    network, self._store, some, batch_size=size, workers=decoders(self.device)
                ),
                EVALUATED_AT_ONCE,
            )
        return until_it_fits(lambda size: self._validate_from_activations(rows, positions, size), EVALUATED_AT_ONCE)

    def stored(self) -> tuple[list[Rows] | None, Rows | None]:
        """The activations that training and validation are fed from, as far as they are stored; now they are. They are
        those of the host, also where this process reads copies of them on its device.
        """
        self._train_views()
        self._held_rows()
        return self._host

    def take(self, stored: tuple[list[Rows] | None, Rows | None]) -> None:
        """Be fed from what `stored` gave in another process."""
        self._host = stored
        views, val = stored
        self._views = None if views is None else self._placed(views)
        self._val = None if val is None else self._placed([val])[0]
        self._cached, self._asked = views is not None, True

    @property
    def held(self) -> int:
        """How many validation samples there are."""
        return len(self._data.split.val)

    def held_out(self, order: Sequence[IntArray]) -> Batches:
        """Batches of the validation samples in the order given, positions among them, on the device; `lift` takes
        their inputs.
        """
        indices, size = self._data.split.val, self._plan.size
        rows = self._held_rows()
        if rows is None:
            return batches_on(self.device, self._store, indices, batch_size=EVALUATED_AT_ONCE, order=order)
        targets, lengths = self._data.target_rows(indices, size), self._data.lengths(indices, size)
        stored = ActivationBatches(rows, targets, indices, batch_size=len(rows), lengths=lengths, order=order)
        return Onto(stored, self.device)

    def _held_rows(self) -> Rows | None:
        """Activations of the validation samples; `None` where they are computed from inputs."""
        if self._cached and not self._asked:
            found, self._asked = self._planned(None), True
            self._host = (self._host[0], found)
            self._val = None if found is None else self._placed([found])[0]
        return self._val if self._cached else None

    def _validate_from_activations(self, rows: Rows, positions: Tensor | None, size: int) -> Tensor:
        targets = self._data.target_rows(self._data.split.val, self._plan.size)
        if positions is not None:
            rows, targets = Some(rows, positions), Some(targets, positions)
        task, cut = task_of(self._data.dataset.target), self._plan.cache.cut
        return outputs_from(self._network, cut, rows, targets, task, batch_size=size, layout=self.layout)

    def _laid_out(self, inputs: Tensor) -> Tensor:
        return inputs.contiguous(memory_format=self.layout) if inputs.ndim == 4 else inputs

    def _train_views(self) -> list[Rows] | None:
        """Activations of the training samples, one for each view; `None` where they are computed from images."""
        if self._cached and self._views is None:
            found = [self._planned(view, train=True) for view in self._drawn()]
            self._views = [rows for rows in found if rows is not None]
            self._cached = len(self._views) == len(found)
            self._tell(self._views)
            self._host = (self._views if self._cached else None, self._host[1])
            self._views = self._placed(self._views)
        return self._views if self._cached else None

    def _drawn(self) -> list[View | None]:
        """The views of the training samples that are stored; `None` is what evaluation sees."""
        augment = self._plan.phase.augment
        if augment == "none":
            return [None]
        return [View(augment, self._seed, number) for number in range(views(self._plan.phase))]

    def _planned(self, view: View | None, *, train: bool = False) -> Rows | None:
        indices = self._data.split.train if train else self._data.split.val
        return planned(self._network, self._plan, self._data, indices, self._listener, view)

    def _placed(self, found: list[Rows]) -> list[Rows]:
        """Stored activations on the device, if they fit into a share of what is free there; else where they are."""
        stored = [rows for rows in found if isinstance(rows, Tensor | StoredRows)]
        size = sum(rows.nbytes for rows in stored)
        if not size or place(size, free=Device.of(self.device).free, memory=self._data.limits.memory) != "device":
            return found
        self._listener(Decided(f"{self._plan.phase.name}: activations ({megabytes(size)}) are held on the device"))
        return [Resident.of(rows, self.device) for rows in stored]

    def _tell(self, found: list[Rows]) -> None:
        cache, name = self._plan.cache, self._plan.phase.name
        if not self._cached:
            self._listener(Decided(f"{name}: activations cannot be kept for want of room; they are computed anew"))
        elif cache.dtype != "fp32":
            error = max(rows.error for rows in found if isinstance(rows, StoredRows))
            text = f"{name}: activations are stored as {cache.dtype}, relative error {error:.2%}"
            self._listener(Decided(text, {"dtype": cache.dtype, "relative_error": error}))
