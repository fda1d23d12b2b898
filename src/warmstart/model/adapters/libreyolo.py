"""`libreyolo:yoloxs@FILE` and `libreyolo:yolo9s@FILE`: CSPDarknet and GELAN, the backbones of YOLOX and YOLO9, with the
weights of a file.

The file is one of YOLOX as LibreYOLO or Megvii publishes it (sizes n, t, s, m, l, x), or one of YOLO9 as LibreYOLO does
(t, s, m, c), read without running anything in it. It is not needed for random weights:
`libreyolo:yoloxs?pretrained=false`. The features are the means of the last map. Neck and head of the file go to a head
of the same kind that is put on this backbone (`source_weights`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.at_file import called, existing, split
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.detect import libreyolo
from warmstart.model.reconcile import load_state
from warmstart.model.weights import file_sha256, read_checkpoint, read_classes
from warmstart.preprocess.spec import EIGHT_BITS, PreprocessSpec

_GREY = 114


class Darknet(nn.Module):
    """Images (n, 3, size, size) to the means of the last map (n, channels).

    YOLOX was trained on values of 0 to 255 in the order blue, green, red, and on grey where an image was padded.
    Padding is a zero of our preprocessing (`SPEC`), which takes that grey away; it is added again here.

    Args:
        size: `n`, `t`, `s`, `m`, `l` or `x`.
    """

    def __init__(self, size: str) -> None:
        super().__init__()
        parts = libreyolo.yolox()
        sizes = parts.LibreYOLOXModel.CONFIGS[size]
        darknet = parts.CSPDarknet(sizes["depth"], sizes["width"], depthwise=sizes["depthwise"])
        self.stem, self.dark2, self.dark3, self.dark4, self.dark5 = (
            darknet.stem,
            darknet.dark2,
            darknet.dark3,
            darknet.dark4,
            darknet.dark5,
        )
        libreyolo.normalised_as_published(self)

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features."""
        x = self.stem(x.flip(1) + _GREY)
        x = self.dark5(self.dark4(self.dark3(self.dark2(x))))
        return x.mean((2, 3))


class Gelan(nn.Module):
    """Images (n, 3, size, size) to the means of the last map (n, channels).

    YOLO9 was trained on values of 0 to 1, and on grey where an image was padded; see `Darknet`.

    Args:
        size: `t`, `s`, `m` or `c`.
    """

    def __init__(self, size: str) -> None:
        super().__init__()
        whole = libreyolo.yolo9().Backbone9(size)
        self.conv0, self.conv1, self.elan1 = whole.conv0, whole.conv1, whole.elan1
        self.down2, self.elan2, self.down3, self.elan3 = whole.down2, whole.elan2, whole.down3, whole.elan3
        self.down4, self.elan4, self.spp = whole.down4, whole.elan4, whole.spp

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features."""
        x = _aggregated(self.elan1, self.conv1(self.conv0(x + _GREY / EIGHT_BITS)))
        for down, block in ((self.down2, self.elan2), (self.down3, self.elan3), (self.down4, self.elan4)):
            x = _aggregated(block, down(x))
        found: Tensor = self.spp(x)
        return found.mean((2, 3))


def _aggregated(block: Any, x: Tensor) -> Tensor:
    """What a block of GELAN gives; its own `forward`, which makes a list of a tensor, cannot be traced."""
    kept, passed = block.cv1(x).chunk(2, 1)
    once = block.cv2(passed)
    found: Tensor = block.cv4(torch.cat([kept, passed, once, block.cv3(once)], 1))
    return found


@dataclasses.dataclass(frozen=True)
class _Kind:
    """One YOLO: its backbone, sizes and architecture's name, and names of tensors in its files."""

    called: str
    module: Callable[[str], nn.Module]
    sizes: tuple[str, ...]
    architecture: str
    first: str
    last: str
    backbone: str
    units: float
    """The value of white."""


_KINDS = (
    _Kind(
        "YOLOX",
        Darknet,
        libreyolo.SIZES,
        "cspdarknet",
        "backbone.backbone.stem.conv.conv.weight",
        "head.cls_preds.0.weight",
        "backbone.backbone.",
        EIGHT_BITS,
    ),
    _Kind(
        "YOLO9",
        Gelan,
        libreyolo.SIZES_9,
        "gelan",
        "backbone.conv0.conv.weight",
        "head.cv3.0.2.bias",
        "backbone.",
        1.0,
    ),
)


class LibreYoloSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The backbone, and all tensors of the file.

        Raises:
            BackboneError: no such size, no file, or one of another network.
            MissingExtraError: LibreYOLO is not installed.
        """
        wanted, file = split(name)
        kind, size = _sized(wanted)
        module, spec = self.untrained(name, seed=seed), spec_of(kind, size)
        architecture = f"{kind.architecture}-{size}"
        card = BackboneCard(called("libreyolo", wanted, file), architecture, "", "unknown", "unknown", "", 0)
        if not pretrained:
            return assemble(module, spec, drawn(card, seed))
        path = existing(file, f"libreyolo:{wanted}")
        tensors = read(path, kind)
        own = {
            key.removeprefix(kind.backbone): value for key, value in tensors.items() if key.startswith(kind.backbone)
        }
        load_state(module, own, origin=str(path))
        source = f"{kind.called} weights file {path.name}, sha256 {file_sha256(path)}"
        backbone = assemble(module, spec, dataclasses.replace(card, source=source))
        return dataclasses.replace(
            backbone, source_weights=lambda: read(path, kind), source_classes=_classes(path, tensors, kind)
        )

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The network with the initialisation of torch, as both start."""
        kind, size = _sized(split(name)[0])
        with seeded(seed):
            return kind.module(size)

    def licence(self, name: str) -> str:
        """Unknown: such a file states none. Those of Megvii are under Apache-2.0, those of MultimediaTechLab MIT."""
        return "unknown"


SUPPLIER = LibreYoloSupplier()


def spec_of(kind: _Kind, size: str) -> PreprocessSpec:
    """How images are read: padded, and with the grey of the padding taken away in the units of the network."""
    grey, one = _GREY / EIGHT_BITS, 1 / kind.units
    side = 416 if kind.called == "YOLOX" and size in ("n", "t") else 640
    return PreprocessSpec(side, "pad", interpolation="bilinear", mean=(grey,) * 3, std=(one,) * 3)


def read(path: Path, kind: _Kind) -> dict[str, Tensor]:
    """The tensors of a file of one YOLO by LibreYOLO's names, in whatever they are wrapped in the file.

    Raises:
        BackboneError: there is no such file, it cannot be read safely, or it is of another network.
    """
    found = read_checkpoint(path)
    prefixes = [key.removesuffix(kind.first) for key in found if key.endswith(kind.first)]
    if not prefixes:
        publishers = "LibreYOLO or Megvii publishes" if kind.called == "YOLOX" else "LibreYOLO publishes"
        raise BackboneError(f"weights file {path} has no {kind.first}", expected=f"{kind.called}, as {publishers} it")
    prefix = min(prefixes, key=len)
    return {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}


def _classes(path: Path, tensors: Mapping[str, Tensor], kind: _Kind) -> tuple[str, ...]:
    """What the classes of a file are called: as it says, or as COCO has them where it says nothing of 80."""
    named, count = read_classes(path), len(tensors[kind.last]) if kind.last in tensors else 0
    if len(named) == count:
        return named
    return libreyolo.coco_classes() if count == 80 else ()


def _sized(wanted: str) -> tuple[_Kind, str]:
    every = {f"{kind.called.lower()}{size}": (kind, size) for kind in _KINDS for size in kind.sizes}
    if wanted not in every:
        raise BackboneError(
            f"no backbone is called 'libreyolo:{wanted}'",
            expected=f"one of {', '.join(f'libreyolo:{name}@FILE' for name in every)}",
        )
    return every[wanted]
