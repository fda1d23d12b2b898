"""What a supplier of backbones does, and what all of them share. One file per supplier lies beside this one."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.modes import evaluating
from warmstart.model.trace import build_chain
from warmstart.model.uri import Uri
from warmstart.model.weights import state_sha256
from warmstart.preprocess.series import SeriesSpec
from warmstart.preprocess.spec import PreprocessSpec


class Supplier(Protocol):
    """Makes backbones. `name` is what follows the colon of a URI; empty for a supplier of one backbone."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The backbone; with `pretrained=False`, with weights drawn from `seed`."""
        ...

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module alone, with the architecture's default initialisation drawn from `seed`."""
        ...

    def licence(self, name: str) -> str:
        """Licence of the weights, as `BackboneCard` has it; asked before the weights are fetched or read."""
        ...


@runtime_checkable
class Rebuilder(Protocol):
    """A supplier whose architectures are not known by name: they are built from `Backbone.structure`."""

    def rebuild(self, name: str, structure: bytes, *, seed: int) -> Backbone:
        """The backbone with weights drawn from `seed`; no file is read."""
        ...


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's global generator on the CPU seeded with `seed` in a `with` block, and as before after it."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed those of other devices for good
        yield


def name_in_uri(path: Path) -> str:
    """The name of a weights file, without its folder, as it may stand in the name of a backbone."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", path.name)


_SIZES = (32, 48, 64, 96, 128, 160, 192, 224)


def smallest_size(module: nn.Module, spec: PreprocessSpec) -> int:
    """The smallest of some usual input sides that the module accepts, pixels; at most the size of `spec`."""
    with evaluating(module), torch.no_grad():
        for size in sorted(size for size in _SIZES if size < spec.size):
            try:
                out = module(torch.zeros(2, spec.channels, size, size))
            except Exception:  # a network may object to a size in any way
                continue
            if torch.isfinite(out).all():  # a pool over nothing gives NaN rather than an error
                return size
    return spec.size


def example_input(spec: PreprocessSpec | SeriesSpec, card: BackboneCard) -> torch.Tensor:
    """Two inputs (2, channels, size, size), of series (2, channels, size), that a network accepts, as small as may be;
    their values do not matter.
    """
    size = spec.size if card.fixed_size else max(card.min_size, min(spec.size, 128))
    shape = (2, spec.channels, size) if isinstance(spec, SeriesSpec) else (2, spec.channels, size, size)
    return torch.linspace(-1, 1, math.prod(shape)).reshape(shape)


def assemble(
    module: nn.Module, spec: PreprocessSpec | SeriesSpec, card: BackboneCard, *, source_head: nn.Linear | None = None
) -> Backbone:
    """Trace `module`, measure it, and complete `card` with the weights' hash and the number of parameters.

    Raises:
        BackboneError: the module does not give one row of features per input.
    """
    module.eval().requires_grad_(True)
    example = example_input(spec, card)  # the trace holds for every size, so a small one is enough to check it with
    with evaluating(module), torch.no_grad():
        features = module(example)
    if not isinstance(features, torch.Tensor) or features.ndim != 2 or len(features) != 2:
        raise BackboneError(
            f"backbone {card.name!r} does not give pooled features",
            expected="an output of shape (inputs, features)",
            do="choose another backbone: `warmstart backbones` lists them",
        )
    card = dataclasses.replace(
        card,
        weights_sha256=state_sha256(module.state_dict()),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
    )
    return Backbone(build_chain(module, example), features.shape[1], spec, card, source_head)


def crop_share(crop: int, resize: int) -> float:
    """`PreprocessSpec.crop_pct` for which the shorter side becomes `resize` pixels where `crop` are kept of it.

    >>> crop_share(224, 256)
    0.875
    """
    share = crop / resize
    while math.floor(crop / share) < resize:  # a quotient rounded down would lose a pixel
        share = math.nextafter(share, 0)
    return share


def drawn(card: BackboneCard, seed: int) -> BackboneCard:
    """The card of the same architecture with random weights."""
    return dataclasses.replace(
        card,
        name=str(Uri.of(card.name).without_weights()),
        source=f"random initialisation, seed {seed}",
        licence="none needed",
        licence_accepted=False,
        trained_on="nothing (random weights)",
    )
