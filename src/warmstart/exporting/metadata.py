"""What an exported file says of itself, so that it can be used without the bundle: plain JSON in every format."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import warmstart
from warmstart.data.futures import ForecastTarget
from warmstart.data.targets import NumberTarget
from warmstart.exporting.wrapped import Wrapped
from warmstart.model.detect.base import Detector
from warmstart.shipping.manifest import NAME


def metadata(wrapped: Wrapped, *, int8: bool = False) -> dict[str, Any]:
    """Facts by name, each JSON-able.

    `classes` in the order of the output; `inputs` and `output` of the graph; `preprocess` as the bundle has it, and
    `outside`, what of it is left to whoever asks; the sum of the bundle's manifest; the licence of the weights.
    """
    bundle, facts, target = wrapped.bundle, wrapped.bundle.manifest, wrapped.bundle.manifest.target
    found: dict[str, Any] = {
        "task": facts.task,
        "classes": list(facts.classes),
        "inputs": [dataclasses.asdict(one) for one in wrapped.entry.entrances],
        "output": {
            "name": wrapped.exit.name,
            "holds": wrapped.exit.holds,
            "columns": list(wrapped.exit.columns),
        },
        "preprocess": facts.preprocess,
        "preprocessing_inside": wrapped.entry.inside,
        "outside": wrapped.entry.outside,
        "backbone": facts.backbone.name,
        "licence": facts.backbone.licence,
        "trained_on": facts.backbone.trained_on,
        "bundle_sha256": hashlib.sha256((bundle.folder / NAME).read_bytes()).hexdigest(),
        "warmstart": warmstart.__version__,
        "int8": int8,
    }
    if isinstance(target, NumberTarget):
        found |= {"centre": list(target.centre), "scale": list(target.scale)}
    if isinstance(target, ForecastTarget):
        found["forecast"] = target.to_dict()
    if isinstance(detector := bundle.networks[0].head, Detector):
        found["thinning"] = detector.thinning
    return found
