"""`evaluate` of boxes and masks: how good they are, and at which size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.scenestore import SceneStore
from warmstart.data.schema import Dataset, Sample
from warmstart.data.tiling import tiled
from warmstart.engine.events import Advanced, Finished, Listener, Started
from warmstart.errors import DataError
from warmstart.evaluation.compare import metric_intervals
from warmstart.evaluation.predict import predict_outputs
from warmstart.evaluation.scenes import of_each_class
from warmstart.evaluation.units import independent, units_of
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.scenes import AT_ONCE, Marker
from warmstart.shipping.stored_size import at_stored_size

STORED = "of each image as it is stored"
Measured = tuple[Tensor, Tensor, list[Sample], dict[str, str]]
"""Outputs, targets, the samples of both, and why others could not be read, by their ids."""


def of_scenes(bundle: Bundle, samples: Sequence[Sample], *, part: str, seed: int, listener: Listener) -> dict[str, Any]:
    """What `evaluate` returns, of boxes and masks. Raises `DataError` where none can be read and is marked."""
    target = bundle.manifest.target
    assert isinstance(target, BoxTarget | MaskTarget), "asked of boxes and masks alone"
    bundle.refuse_unknown(samples)
    measure = _boxes if isinstance(target, BoxTarget) else _masks
    outputs, truth, seen, errors = measure(bundle, samples, listener)
    listener(Finished("evaluate"))
    if not seen:
        why = next(iter(errors.values()), "nothing is marked in them")
        raise DataError(
            f"none of the {len(samples)} images can be read and is marked: {why}",
            do="look at them with: warmstart check DATA",
        )
    return {
        "n": len(seen),
        "part": part,
        "unreadable": list(errors),
        "classes": list(bundle.classes),
        "metrics": metric_intervals(bundle.task, outputs, truth, seed=seed, units=units_of(seen)),
        "independent": independent(seen, "images"),
        "at_size": STORED if isinstance(target, MaskTarget) else f"that the network sees ({bundle.spec.size} px)",
        "by_class": list(of_each_class(bundle.task, outputs, truth, target.classes)["by_class"]),
        "ece": None,
        "confusion": None,
        "unknown": None,
        "coverage": None,
    }


def _masks(bundle: Bundle, samples: Sequence[Sample], listener: Listener) -> Measured:
    """At the size of each image, as `predict` gives them: of all networks, tiles blended."""
    target = bundle.manifest.target
    assert isinstance(target, MaskTarget)
    marker = Marker(bundle.networks, bundle.preprocess, bundle.task, target, tile=bundle.manifest.tile)
    marked = [sample for sample in samples if sample.label is not None]
    listener(Started("evaluate", len(marked)))
    found = at_stored_size(marker, marked, progress=_told(listener))
    seen = [marked[i] for i in found.index.tolist()]
    return found.outputs, found.targets, seen, {marked[i].id: why for i, why in found.errors.items()}


def _boxes(bundle: Bundle, samples: Sequence[Sample], listener: Listener) -> Measured:
    """Where the network sees them; images are cut into tiles as in training."""
    dataset, tile = Dataset(tuple(samples), bundle.manifest.target), bundle.manifest.tile
    store = SceneStore(dataset if tile is None else tiled(dataset, tile), bundle.preprocess)
    every = store.dataset.samples
    listener(Started("evaluate", 2 * len(every)))
    looks = store.preload(range(len(every)), progress=_told(listener))
    kept = np.array([i for i, seen in enumerate(looks) if not seen.error and every[i].label is not None], np.int64)
    errors = {every[i].id: seen.error for i, seen in enumerate(looks) if seen.error}
    outputs = predict_outputs(bundle.networks[0], store, kept, batch_size=AT_ONCE, progress=_told(listener))
    return outputs, store.targets(kept), [every[i] for i in kept], errors


def _told(listener: Listener) -> Callable[[int], None]:
    return lambda count: listener(Advanced("evaluate", count))
