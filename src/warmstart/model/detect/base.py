"""What every detector is: a head that learns from boxes in training, and finds them otherwise.

A detector reads maps that come as one row for each image (`warmstart.model.maps`). A new one is a class beside this one
with two methods, `learn` and `find`, whose options are the parameters of its `__init__` by keyword alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from warmstart.errors import ExportError
from warmstart.model.adapters.base import seeded
from warmstart.model.backbone import Backbone
from warmstart.model.maps import Maps
from warmstart.preprocess.runs import covered

BOX, OUTLINE = 6, 28
"""Numbers in a row of a detection or an object before its outline; places a side of the outline of a detection."""


class Truth(NamedTuple):
    """The objects of an image: boxes (k, 4) in pixels of the network's input, left, upper, right, lower, and classes
    (k,), int64. Crowds are not among them, nor boxes without area. `masks` (k, size, size), uint8, are the pixels
    of each, where the detector learns outlines.
    """

    boxes: Tensor
    classes: Tensor
    masks: Tensor | None = None


class Found(NamedTuple):
    """Detections in an image by falling score: boxes (k, 4) as those of `Truth`, scores from 0 to 1, classes; (k,).
    `masks` (k, 28, 28) are probabilities that a place of the box is of the object, if the detector tells outlines.
    """

    boxes: Tensor
    scores: Tensor
    classes: Tensor
    masks: Tensor | None = None


class Detector(nn.Module):
    """A head that finds boxes.

    Args:
        maps: what the rows that it is given are made of.
        classes: how many there are.
    """

    forced = True
    """Whether it is given the targets; see `warmstart.model.network`."""
    strides: ClassVar[tuple[int, ...]] = (8, 16, 32)
    """Of the maps that it reads, unless it has an option of this name."""
    name: str = ""
    options: Mapping[str, Any]
    most: int = 100
    """Detections for each image; where there are fewer, rows of class -1 fill up."""
    outlined: ClassVar[bool] = False
    """Whether it learns and tells outlines too: its detections are then (n, most, 6 + 28 * 28)."""
    rate: ClassVar[float] = 1e-3
    """AdamW's, at which a new one learns in the fewest steps on frozen maps."""
    first: ClassVar[int] = 0
    """Number of the first class inside; 1 where 0 is the background."""

    def __init__(self, maps: Maps, classes: int) -> None:
        super().__init__()
        self.maps, self.classes = maps, classes

    def learn(self, maps: list[Tensor], size: int, truths: Sequence[Truth]) -> Mapping[str, Tensor]:
        """The terms of the loss by name, each a mean over the batch.

        Args:
            maps: (n, channels, side, side) of each stride, the finest first, with channels last in memory.
            size: pixels a side of the network's input.
            truths: of each image.
        """
        raise NotImplementedError

    def find(self, maps: list[Tensor], size: int) -> Sequence[Found]:
        """The detections in each image, `most` of them or fewer. Arguments are as for `learn`."""
        raise NotImplementedError

    def candidates(self, maps: list[Tensor], size: int) -> tuple[Tensor, Tensor]:
        """All boxes (n, P, 4) that `find` chooses from, and their scores for each class (n, P, classes).

        Only for exported graphs; see `as_graph`.
        """
        raise NotImplementedError

    @property
    def thinning(self) -> dict[str, Any]:
        """How `find` chooses: boxes of a class that overlap by more than `overlap` are dropped but the surest, unless
        it is `None`; then the `most` surest are told, of those with a higher score than `score`. `classes` says whether
        a box may be told for several classes.
        """
        raise NotImplementedError

    def as_graph(self) -> nn.Module:
        """What is exported (`warmstart.exporting`): packed maps (n, K) to `candidates` in one, (n, P, 4 + classes).

        Raises `ExportError` for a detector of which there are no `candidates`.
        """
        if type(self).candidates is Detector.candidates:
            raise ExportError(
                f"{self.name} cannot be exported: which places it looks at a second time depends on the image, and so "
                "do the shapes inside it",
                expected="fcos, retinanet, ssd, ssdlite, yolox, yolo9, rtdetr, dfine or rfdetr",
                do="use the bundle itself, or train one of these",
            )
        return _Graph(self)

    @classmethod
    def meant(cls, backbone: Backbone) -> dict[str, Any]:  # noqa: ARG003 - for those that override it
        """Options under which weights that came with a backbone fit this detector; none for most."""
        return {}

    def adopt(self, weights: Mapping[str, Tensor], pairs: Mapping[int, int]) -> None:
        """Take what is of this detector among the weights of a whole network; what does not fit stays as it was drawn.

        Most detectors take nothing.

        Args:
            weights: by the names of its supplier.
            pairs: numbers of classes here, and of those of the same name there.
        """

    def forward(self, rows: Tensor, targets: Tensor | None = None) -> Tensor:
        """Terms of the loss (n, terms) in training, all rows equal; otherwise detections (n, most, 6), behind which
        come 28 x 28 probabilities row by row where it is `outlined`.

        Args:
            rows: packed maps (n, K), for inputs of the size of `maps` or another.
            targets: (n, M, 6) or wider, as `warmstart.data.scenes` says. An image that is all NaN teaches nothing.
        """
        here = self.maps.of_width(rows.shape[1])
        maps = here.unpack(rows)
        if targets is None or not (self.training and torch.is_grad_enabled()):
            return _rows(self.find(maps, here.size), rows, self.most, BOX + OUTLINE**2 * self.outlined)
        known = ~targets.isnan().flatten(1).any(1)
        if not bool(known.any()):
            return (rows.sum() * 0.0).expand(len(rows), 1)
        if not bool(known.all()):
            maps, targets = [each[known] for each in maps], targets[known]
        terms = self.learn(maps, here.size, [truth(boxes, here.size * self.outlined) for boxes in targets])
        return torch.stack([term.float() for term in terms.values()]).expand(len(rows), -1)

    def example(self, n: int, size: int) -> Tensor:
        """Targets (n, 3, 6) or wider that `forward` can be given for inputs of `size` pixels: three objects in each."""
        edges = torch.tensor([[0.1, 0.1, 0.4, 0.3], [0.3, 0.4, 0.6, 0.8], [0.6, 0.2, 0.7, 0.4]]) * size
        areas = (edges[:, 2:] - edges[:, :2]).prod(1, keepdim=True)
        rows = torch.cat([torch.zeros(3, 1), edges, areas], 1)
        if self.outlined:  # all of the columns that the box is in
            before, within = edges[:, 0].round() * size, (edges[:, 2] - edges[:, 0]).round() * size
            rows = torch.cat([rows, torch.stack([before, within, size * size - before - within], 1)], 1)
        return rows.expand(n, -1, -1)

    def reset(self, seed: int) -> None:
        """Draw all weights anew."""
        with seeded(seed):
            self.load_state_dict(type(self)(self.maps, self.classes, **self.options).state_dict())

    @property
    def config(self) -> dict[str, Any]:
        """What `warmstart.model.head.build_head` needs."""
        shape = {"maps": self.maps.to_dict(), "classes": self.classes}
        return {"kind": "detector", "name": self.name, "options": dict(self.options), **shape}

    def at_once(self, targets: Tensor) -> int:
        """See `warmstart.model.network.Network.at_once`: what a detector keeps of an image is large while it works."""
        return 16


class _Graph(nn.Module):
    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, rows: Tensor) -> Tensor:
        here = self.detector.maps.of_width(rows.shape[1])
        return torch.cat(self.detector.candidates(here.unpack(rows), here.size), -1)


def truth(boxes: Tensor, size: int = 0) -> Truth:
    """The objects among targets (M, 6), with their pixels in an input of `size` if that is not 0."""
    sides = boxes[:, 3:5] - boxes[:, 1:3]
    kept = boxes[(boxes[:, 0] >= 0) & (sides > 0).all(1)]
    return Truth(kept[:, 1:5], kept[:, 0].long(), covered(kept[:, BOX:], size) if size else None)


def _rows(found: Sequence[Found], like: Tensor, most: int, width: int) -> Tensor:
    """Detections (n, most, width)."""
    rows = torch.zeros(len(found), most, width, dtype=torch.float32, device=like.device)
    rows[..., 0] = -1
    for i, (boxes, scores, classes, masks) in enumerate(found):
        some = min(most, len(boxes))
        # Written into the whole, not into rows that were taken out of it, so that scores keep their gradients.
        rows[i, :some, 0], rows[i, :some, 1], rows[i, :some, 2:BOX] = (
            classes[:some].float(),
            scores[:some],
            boxes[:some],
        )
        if masks is not None:
            rows[i, :some, BOX:] = masks[:some].flatten(1)
    return rows
