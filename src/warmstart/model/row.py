"""Facts of one network, or of a supplier of any number of them, and whether its weights are here."""

from __future__ import annotations

import dataclasses
import importlib.util
from typing import Any

from warmstart.model import hub
from warmstart.model.licence import restricted

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of weights on the hub, in the order in which they are looked for."""


@dataclasses.dataclass(frozen=True)
class Row:
    """Facts of one network, or of a supplier of any number of them; `None` is not known, or not one number."""

    name: str  # what a user says
    uri: str  # what it stands for, and what a card records
    architecture: str
    parameters: int | None = None  # without the classifier
    gflops: float | None = None  # 1e9 operations for one image at its own size, two per multiply-add
    size: int | None = None  # input side, pixels; of text models tokens
    licence: str = "unknown"  # of the weights
    trained_on: str = "unknown"
    top1: float | None = None  # on ImageNet-1k, per cent, where whoever published these weights states it
    weights: str = ""  # where they lie: `hub:REPOSITORY`, `torch:URL`, `package:NAME`, `made:`; empty for many
    source: str = ""
    modality: str = "image"
    tasks: tuple[str, ...] = ("classify",)
    family: str = ""  # "satellite"
    bands: tuple[str, ...] = ()  # names and order of the input's channels, where they are not red, green, blue

    @property
    def here(self) -> bool | None:
        """Whether the weights are on this machine already; `None` where that depends on the name."""
        kind, _, place = self.weights.partition(":")
        if kind == "hub":
            return hub.cached(place, HUB_FILES) is not None
        if kind == "torch":
            return hub.checkpoint(place).is_file()
        if kind == "package":
            return importlib.util.find_spec(place) is not None
        return True if kind == "made" else None

    @property
    def restricted(self) -> bool:
        """Whether the licence has to be accepted."""
        return restricted(self.licence)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form, with `restricted` and `here`."""
        return {**dataclasses.asdict(self), "restricted": self.restricted, "here": self.here}
