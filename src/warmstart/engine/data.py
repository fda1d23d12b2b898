"""What a run trains on: one data set with its split, its decoded pixels and the store of activations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from torch import Tensor

from warmstart.cache.store import ActivationStore
from warmstart.cache.wanted import BATCH, Wanted
from warmstart.data.batches import Rows
from warmstart.data.pixels import BUDGET, value_bytes
from warmstart.data.scenestore import SceneStore, TargetRows
from warmstart.data.schema import Dataset, IntArray, Split
from warmstart.data.stores import InputStore, lengths_of, resized
from warmstart.data.views import View
from warmstart.engine.allowance import for_pixels
from warmstart.engine.machine import decoders
from warmstart.evaluation.units import units_of
from warmstart.model.activation import ActivationDtype
from warmstart.model.chain import Chain
from warmstart.model.inputs import weight_of
from warmstart.model.low_rank import plain
from warmstart.planning.compile import DEFAULT
from warmstart.planning.plan import CacheLimits, DataFacts
from warmstart.preprocess.kinds import Spec


@dataclasses.dataclass(frozen=True)
class Taught:
    """What a teacher says of every sample of a data set: outputs (n, outputs), computed once, in the order of the
    target. Of a sample that is not `labelled` (n,) the label is the teacher's own answer.
    """

    outputs: Tensor
    labelled: Tensor


@dataclasses.dataclass(frozen=True)
class Known:
    """What a network knew before a run: `samples` of that data are rehearsed, its first `outputs` are those it had."""

    samples: IntArray
    outputs: int


@dataclasses.dataclass
class RunData:
    """The data of a run. `store` holds inputs at `spec.size`; stores at other sizes are made on demand and kept."""

    dataset: Dataset
    split: Split
    store: InputStore
    spec: Spec
    cache: ActivationStore
    limits: CacheLimits = DEFAULT
    runtime: str = "torch"  # what computes activations
    batch: int = BATCH  # samples per forward pass of that
    taught: Taught | None = None
    known: Known | None = None
    _others: dict[int, InputStore] = dataclasses.field(default_factory=dict, repr=False)

    def inputs(self, size: int) -> InputStore:
        """The inputs at another size, pixels or tokens (progressive resizing changes it between phases)."""
        if size == self.spec.size:
            return self.store
        found = self._others.get(size)
        if found is None or found.dataset is not self.dataset:  # `dataclasses.replace` may have changed the data set
            found = self._others[size] = resized(self.store, self.dataset, self.spec.with_size(size), pixel_budget())
        return found

    def wanted(
        self, chain: Chain, size: int | None = None, *, dtype: ActivationDtype = "fp32", view: View | None = None
    ) -> Wanted:
        """What `warmstart.cache.features` needs to know to give activations of this data."""
        size = size or self.spec.size
        spec = self.spec.with_size(size)
        return Wanted(
            plain(chain),
            self.inputs(size),
            self.cache,
            spec,
            dtype=dtype,
            view=view,
            runtime=self.runtime,
            batch_size=self.batch,
            workers=decoders(weight_of(chain.module).device),
        )

    def lengths(self, indices: IntArray, size: int) -> IntArray | None:
        """How long the inputs at `indices` are (n,); `None` where all are of one size."""
        return lengths_of(self.inputs(size), indices)

    def targets(self, indices: IntArray, size: int | None = None) -> Tensor:
        """What a loss takes of the samples at `indices`, (n, ...); of words, as far as inputs of `size` go."""
        return self.inputs(size or self.spec.size).targets(indices)

    def target_rows(
        self, indices: IntArray, size: int, views: Sequence[View | None] = (None,), turns: Tensor | None = None
    ) -> Rows:
        """`targets` by position, made when they are asked for where they are large; of scenes those of the same views
        as the inputs: of `views` the one whose turn it is (n,).
        """
        store = self.inputs(size)
        if isinstance(store, SceneStore):
            return TargetRows(store, indices, views, turns)
        return self.targets(indices, size)

    def units(self, indices: IntArray) -> IntArray | None:
        """The independent unit of each sample at `indices` (n,); `None` where each is one of its own."""
        return units_of([self.dataset.samples[int(i)] for i in indices])

    @property
    def facts(self) -> DataFacts:
        """What a plan needs to know of this data."""
        return facts_of(self.dataset, self.split, self.spec)


def pixel_budget() -> int:
    """Bytes of further images that may be held."""
    return min(BUDGET, for_pixels())


def facts_of(dataset: Dataset, split: Split, spec: Spec) -> DataFacts:
    """What a plan needs to know of data that are divided, and read by a spec."""
    return DataFacts(
        train=len(split.train),
        val=len(split.val),
        outputs=len(dataset.target.classes),
        size=spec.size,
        name=dataset.name,
        value_bytes=value_bytes(dataset, spec),
        banded=spec.banded,
        kind=spec.kind,
        unlabelled=len(split.unlabelled),
        task=dataset.target.kind,
    )
