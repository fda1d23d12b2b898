"""`libreyolo:yoloxs@FILE`: CSPDarknet, the backbone of YOLOX, with the weights of a file.

The file is one of YOLOX as LibreYOLO or Megvii publishes it (sizes n, t, s, m, l, x), read without running anything in
it. It is not needed for random weights: `libreyolo:yoloxs?pretrained=false`. The features are the means of the last
map. Neck and head of the file go to a `yolox` head that is put on this backbone (`source_weights`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

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
_FIRST = "backbone.backbone.stem.conv.conv.weight"
_LAST = "head.cls_preds.0.weight"
_BACKBONE = "backbone.backbone."


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


class LibreYoloSupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The backbone, and all tensors of the file.

        Raises:
            BackboneError: no such size, no file, or one of another network.
            MissingExtraError: LibreYOLO is not installed.
        """
        wanted, file = split(name)
        size = _size(wanted)
        module = self.untrained(name, seed=seed)
        card = BackboneCard(called("libreyolo", wanted, file), f"cspdarknet-{size}", "", "unknown", "unknown", "", 0)
        if not pretrained:
            return assemble(module, spec_of(size), drawn(card, seed))
        path = existing(file, f"libreyolo:{wanted}")
        tensors = read(path)
        own = {key.removeprefix(_BACKBONE): value for key, value in tensors.items() if key.startswith(_BACKBONE)}
        load_state(module, own, origin=str(path))
        card = dataclasses.replace(card, source=f"YOLOX weights file {path.name}, sha256 {file_sha256(path)}")
        backbone = assemble(module, spec_of(size), card)
        return dataclasses.replace(backbone, source_weights=lambda: read(path), source_classes=_classes(path, tensors))

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The network with the initialisation of torch, as YOLOX starts."""
        size = _size(split(name)[0])
        with seeded(seed):
            return Darknet(size)

    def licence(self, name: str) -> str:
        """Unknown: such a file states none. Those of Megvii are under Apache-2.0."""
        return "unknown"


SUPPLIER = LibreYoloSupplier()


def spec_of(size: str) -> PreprocessSpec:
    """How images are read: padded, and with the grey of the padding taken away from values of 0 to 255."""
    grey, one = _GREY / EIGHT_BITS, 1 / EIGHT_BITS
    side = 416 if size in ("n", "t") else 640
    return PreprocessSpec(side, "pad", interpolation="bilinear", mean=(grey,) * 3, std=(one,) * 3)


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file of YOLOX by LibreYOLO's names, in whatever they are wrapped in the file.

    Raises:
        BackboneError: there is no such file, it cannot be read safely, or it is of another network.
    """
    found = read_checkpoint(path)
    prefixes = [key.removesuffix(_FIRST) for key in found if key.endswith(_FIRST)]
    if not prefixes:
        raise BackboneError(
            f"weights file {path} has no {_FIRST}", expected="YOLOX, as LibreYOLO or Megvii publishes it"
        )
    prefix = min(prefixes, key=len)
    return {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}


def _classes(path: Path, tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """What the classes of a file are called: as it says, or as COCO has them where it says nothing of 80."""
    named, count = read_classes(path), len(tensors[_LAST]) if _LAST in tensors else 0
    if len(named) == count:
        return named
    return libreyolo.coco_classes() if count == 80 else ()


def _size(wanted: str) -> str:
    size = wanted.removeprefix("yolox")
    if wanted == size or size not in libreyolo.SIZES:
        raise BackboneError(
            f"no backbone is called 'libreyolo:{wanted}'",
            expected=f"one of {', '.join(f'libreyolo:yolox{size}@FILE' for size in libreyolo.SIZES)}",
        )
    return size
