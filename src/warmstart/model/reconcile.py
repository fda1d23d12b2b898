"""A state dict from elsewhere into a module: prefixes and harmless reshapes are seen through, and all is told.

People save `module.state_dict()`, but also `{"state_dict": ...}` of a Lightning module or the teacher of a
self-supervised pair, with names that begin with `module.`, `backbone.` or `encoder_q.`. Which prefix it is follows from
the names alone: the one under which the most parameters of the architecture are found, with their shapes.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import torch
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor, nn

from warmstart.errors import BackboneError

ENOUGH = 0.9
"""Share of a module's values (parameters and running statistics, by number) that a file has to bring."""
_SAMPLED = 40  # names of which prefixes are tried; all of them would take seconds
_COUNTER = "num_batches_tracked"
"""A tensor of batch norms that evaluation does not use, and that older files do not have."""


@dataclasses.dataclass(frozen=True)
class Reconciled:
    """What became of each tensor. `matched` and `missing` are names of the module, the others those of the file."""

    prefix: str  # what the file's names begin with, before those of the module; "-x." where the module has more
    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]  # "name (1, 197, 192) to (1, 101, 192)"; these are among the matched
    share: float  # of the module's values

    @property
    def text(self) -> str:
        """One line for a person.

        >>> Reconciled("module.", ("a", "b"), (), ("fc.weight",), (), 1.0).text
        "2 tensors matched (100 % of the values) under the prefix 'module.'; 1 of the file not used: fc.weight"
        """
        parts = [f"{len(self.matched)} tensors matched ({100 * self.share:.3g} % of the values)"]
        parts[0] += f" under the prefix {self.prefix!r}" if self.prefix else ""
        parts += [f"{len(self.missing)} missing: {_some(self.missing)}"] if self.missing else []
        parts += [f"{len(self.unexpected)} of the file not used: {_some(self.unexpected)}"] if self.unexpected else []
        parts += [f"reshaped: {_some(self.reshaped)}"] if self.reshaped else []
        return "; ".join(parts)


def load_state(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    origin: str,
    enough: float = ENOUGH,
    nearest: Callable[[Mapping[str, Tensor]], str] | None = None,
) -> Reconciled:
    """Fill `module` with the tensors of a file, in place; nothing is changed where that is refused.

    Args:
        module: the architecture. What the file does not bring keeps the values that it has.
        tensors: of the file, by their names there.
        origin: what to call the file in an error.
        enough: share of the module's values that the file has to bring.
        nearest: names the known architecture that the tensors fit best, for the error.

    Raises:
        BackboneError: too little fits; the first parameter that does not is named.

    >>> wrapped = {f"module.{name}": tensor for name, tensor in nn.Linear(2, 1).state_dict().items()}
    >>> load_state(nn.Linear(2, 1), wrapped, origin="here").prefix
    'module.'
    """
    wanted = module.state_dict()
    prefix = _prefix(tensors, wanted)
    found = _renamed(tensors, prefix)
    fitting, reshaped, wrong = dict[str, Tensor](), list[str](), list[str]()
    for name, target in wanted.items():
        if name not in found:
            continue
        value = _shaped(name, found[name], target)
        if value is None:
            wrong.append(name)
            continue
        fitting[name] = value
        if value.shape != found[name].shape:
            reshaped.append(f"{name} {tuple(found[name].shape)} to {tuple(target.shape)}")
    missing = tuple(name for name in wanted if name not in fitting and not name.endswith(_COUNTER))
    total = sum(tensor.numel() for name, tensor in wanted.items() if not name.endswith(_COUNTER))
    share = sum(wanted[name].numel() for name in fitting if not name.endswith(_COUNTER)) / max(total, 1)
    if wrong or share < enough:
        raise _refused(origin, wanted, found, missing, share, enough, nearest and nearest(tensors))
    module.load_state_dict(fitting, strict=False)
    used = set(fitting)
    unexpected = tuple(name for key, name in _names(tensors, prefix) if key not in used)
    return Reconciled(prefix, tuple(fitting), missing, unexpected, tuple(reshaped), share)


def _prefix(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """None where the names fit as they are at least as well as under any other; "-x." takes x. off the module's."""
    candidates = {""}
    for name in list(wanted)[:_SAMPLED]:
        candidates |= {key[: -len(name)] for key in tensors if key.endswith(f".{name}")}
    for key in list(tensors)[:_SAMPLED]:
        candidates |= {f"-{name[: -len(key)]}" for name in wanted if name.endswith(f".{key}")}
    scores = {prefix: _score(tensors, wanted, prefix) for prefix in candidates}
    return min(candidates, key=lambda prefix: (-scores[prefix], len(prefix), prefix))


def _score(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], prefix: str) -> int:
    found = _renamed(tensors, prefix)
    return sum(1 + (found[name].shape == tensor.shape) for name, tensor in wanted.items() if name in found)


def _names(tensors: Iterable[str], prefix: str) -> list[tuple[str, str]]:
    """(name in the module, name in the file); "" for what does not begin with the prefix."""
    if prefix.startswith("-"):
        return [(prefix[1:] + name, name) for name in tensors]
    return [(name[len(prefix) :] if name.startswith(prefix) else "", name) for name in tensors]


def _renamed(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {ours: tensors[name] for ours, name in _names(tensors, prefix) if ours}


def _shaped(name: str, value: Tensor, target: Tensor) -> Tensor | None:
    """The value in the shape of the target: as it is, without or with dimensions of one, or resampled; else `None`."""
    if value.shape == target.shape:
        return value
    if _core(value) == _core(target):  # a linear layer as a 1 x 1 convolution, say
        return value.reshape(target.shape)
    square = value.ndim == target.ndim == 3 and value.shape[::2] == target.shape[::2]
    if name.endswith("pos_embed") and square:
        return _resampled(value, target.shape[1])
    return None


def _core(tensor: Tensor) -> tuple[int, ...]:
    return tuple(side for side in tensor.shape if side != 1)


def _resampled(value: Tensor, tokens: int) -> Tensor | None:
    """Position embeddings (1, tokens, width) of a square grid, with the tokens before it, for another square grid."""
    for before in (1, 0, 2, 5):  # the class token, none, a distillation token too, four registers too
        old, new = math.isqrt(max(value.shape[1] - before, 0)), math.isqrt(max(tokens - before, 0))
        if old and new and old**2 == value.shape[1] - before and new**2 == tokens - before:
            resampled: Tensor = resample_abs_pos_embed(
                value.float(), [new, new], [old, old], num_prefix_tokens=before
            ).to(value.dtype)
            return resampled
    return None


def _refused(
    origin: str,
    wanted: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
    missing: tuple[str, ...],
    share: float,
    enough: float,
    nearest: str | None,
) -> BackboneError:
    first = missing[0]
    shape = tuple(wanted[first].shape)
    has = f"{first!r} has shape {tuple(found[first].shape)}" if first in found else f"there is no {first!r}"
    return BackboneError(
        f"{origin} does not fit this architecture: {has}; {100 * share:.3g} % of the values fit in all",
        expected=f"{first!r} of shape {shape}, and tensors for at least {100 * enough:.0f} % of the values",
        do=f"the known architecture that it fits best: {nearest}" if nearest else "name the architecture of the file",
    )


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


KNOWN = (
    *("vgg16", "vgg16_bn", "vgg19", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d"),
    *("wide_resnet50_2", "densenet121", "densenet201", "inception_v3", "mobilenetv2_100", "mobilenetv3_large_100"),
    *(f"efficientnet_b{i}" for i in range(8)),
    *(f"tf_efficientnet_lite{i}" for i in range(5)),
    *("convnext_tiny", "convnext_small", "convnext_base", "swin_tiny_patch4_window7_224", "vit_tiny_patch16_224"),
    *("vit_small_patch16_224", "vit_base_patch16_224", "vit_large_patch16_224", "vit_small_patch14_dinov2"),
    *("vit_base_patch14_dinov2", "regnety_032", "inception_resnet_v2"),
)
"""Of timm, for the one that fits an unknown file best."""


def nearest_architecture(tensors: Mapping[str, Tensor]) -> str:
    """The one of `KNOWN` whose tensors agree best with these in number and shapes, whatever their names; by `timm:`.

    Some seconds: for an error, not for a decision.
    """
    import timm

    here = Counter(_core(tensor) for name, tensor in tensors.items() if not name.endswith(_COUNTER))

    def share(name: str) -> float:
        with torch.device("meta"):
            there = Counter(_core(tensor) for tensor in timm.create_model(name, num_classes=0).state_dict().values())
        return (here & there).total() / max((here | there).total(), 1)

    return f"timm:{max(KNOWN, key=share)}"
