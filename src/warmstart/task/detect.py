"""Detection: boxes around objects, each with a class and a score.

Outputs in training are the terms of the detector's own loss, (n, terms), the same in every row; otherwise detections
(n, D, 6): class, score and the left, upper, right and lower edge in pixels of the network's input, by falling score, of
class -1 where there is none; behind them 28 x 28 probabilities where the detector tells outlines
(`warmstart.model.detect.base`). Detections are kept as they are. Targets are as `warmstart.data.scenes` says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from warmstart.data.scenes import BoxTarget
from warmstart.data.targets import Target, TaskName
from warmstart.errors import BackboneError, DataError
from warmstart.model.backbone import Backbone
from warmstart.model.detect.base import BOX, OUTLINE
from warmstart.model.detect.catalog import detector_on, strides
from warmstart.model.pyramid import pyramid
from warmstart.task.base import Values, known_rows
from warmstart.task.box_fusion import fused
from warmstart.task.box_matching import THRESHOLDS, FloatArray, Matches, matched
from warmstart.task.box_precision import metric_values
from warmstart.task.mask_matching import DrawnOutlines


class Detect:
    """The detection task; see `warmstart.task.base.Task` for the contract.

    Args:
        classes: what they are called; without any as many as there are objects of, called by their numbers.
        head_name: the detector, with options behind it; empty for the default.
    """

    name: TaskName = "detect"
    primary_metric = "map"
    closed_form = calibrates = False
    surprise = "lrp_error"
    fields: tuple[str, ...] = ("boxes",)

    def __init__(self, classes: Sequence[str] = (), head_name: str = "") -> None:
        self.classes, self.head_name = tuple(classes), head_name

    def of(self, target: Target) -> Detect:
        """The task for the classes and the detector of the target."""
        assert isinstance(target, BoxTarget)
        return Detect(target.classes, target.head)

    def suited(self, backbone: Backbone) -> Backbone:
        """With maps of the strides that the detector reads; images keep their aspect, on a square.

        Raises `BackboneError` where the backbone has no such maps.
        """
        if backbone.maps is not None:
            return backbone
        found = pyramid(backbone, strides(self.head_name, backbone))
        return dataclasses.replace(found, spec=dataclasses.replace(found.preprocess, resize="pad"))

    def head(self, features: int, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """A detector is made for the maps of a backbone, not for a number of features."""
        raise BackboneError(
            "a head that finds boxes is not made for a number of features",
            expected="the maps of a backbone",
            do="make the network with warmstart.task.network.network_for",
        )

    def head_on(self, backbone: Backbone, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """The detector that the target names, on the maps of a `suited` backbone; what is new is drawn from `seed`."""
        assert isinstance(target, BoxTarget)
        return detector_on(backbone, target.head, target.classes, seed=seed)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """The sum of the detector's own terms; of detections, the mean LRP error of the images (see `values`).

        >>> DETECT.loss(torch.tensor([[0.5, 0.25], [0.5, 0.25]]), torch.zeros(2, 0, 6)).item()
        0.75
        """
        if outputs.ndim == 2:
            return outputs.sum(1).mean()
        known = self.known(targets)
        if not bool(known.any()):
            return outputs.sum() * 0.0
        found = _localisation(matched(outputs[known].detach(), targets[known], len(self.classes)))
        return outputs.new_tensor(found.mean())

    def weight(self, targets: Tensor, class_weights: Tensor | None = None) -> float:
        """The number of images whose objects are known; 1 where there is none.

        By it the parts of a batch add up to the whole exactly for terms that are means over images (RetinaNet, and the
        proposals of an R-CNN), and about so for those that a detector divides by how many places or boxes of a batch
        are of objects (FCOS, SSD, YOLOX, the transformers, boxes and outlines of an R-CNN).
        """
        return float(self.known(targets).sum()) or 1.0

    def balanced(self, targets: Tensor, classes: int) -> Tensor:
        """Detectors weigh objects against background themselves; classes count as they occur."""
        return torch.ones(classes)

    def answered(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Detections as they are."""
        return outputs

    def known(self, targets: Tensor) -> Tensor:
        """Which images have targets (n, M, 6) that are not NaN (n,)."""
        return ~targets.isnan().flatten(1).any(1)

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """COCO's metrics by image (see `warmstart.task.box_precision`), and the error of each image.

        The error is that of Oksuz et al. 2018, "Localization Recall Precision" (LRP), at an overlap of 0.5: a false or
        missing box counts 1, a right one `2 (1 - overlap)`, of all there are. Detectors give many boxes of low scores,
        so each counts by its score, as if it were kept with that probability. It is 0 at best and 1 at worst. False
        boxes of an image without objects are held against one object: without any it has 0.

        Raises `DataError` where no image has an object.

        >>> truth = torch.tensor([[[0.0, 10.0, 10.0, 20.0, 20.0, 100.0]]])
        >>> found = DETECT.values(torch.tensor([[[0.0, 0.9, 10.0, 10.0, 20.0, 20.0]]]), truth)
        >>> [round(found[name].item(), 6) for name in ("map", "map_small", "lrp_error")]
        [1.0, 1.0, 0.1]
        """
        found, outlines = self.matched(outputs, targets), self.outlines_matched(outputs, targets)
        if not found.truths[0].any():
            raise DataError(
                "no image here has an object to measure detections by",
                expected="at least one box",
                do="hold out more images",
            )
        values = metric_values(found, self.classes)
        if outlines is not None:
            values |= {f"mask_{name}": value for name, value in metric_values(outlines, self.classes).items()}
        values["lrp_error"] = _localisation(found)
        return {name: torch.from_numpy(value) for name, value in values.items()}

    def matched(self, outputs: Tensor, targets: Tensor) -> Matches:
        """Which detection is of which object, in the images that are known; see `warmstart.task.box_matching`."""
        outputs, targets = known_rows(outputs[..., :BOX], targets[..., :BOX], self.known(targets))
        return matched(outputs, targets, len(self.classes))

    def outlines_matched(self, outputs: Tensor, targets: Tensor) -> Matches | None:
        """`matched` by what detections and objects cover; `None` where they are boxes alone."""
        if min(outputs.shape[-1], targets.shape[-1]) <= BOX:
            return None
        known = self.known(targets)
        return matched(outputs[known], targets[known], len(self.classes), DrawnOutlines(outputs[known], targets[known]))

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The means of `values`."""
        return {name: float(value.mean()) for name, value in self.values(outputs, targets).items()}

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """Weighted box fusion; see `warmstart.task.box_fusion`."""
        return fused(outputs)

    def checked(self, outputs: Tensor) -> Tensor:
        """The highest score of each class, (n, classes)."""
        classes = len(self.classes) or int(outputs[..., 0].max()) + 1
        held = outputs[..., 0, None] == torch.arange(classes, device=outputs.device)
        return torch.where(held, outputs[..., 1, None].double(), 0.0).amax(1)

    def decode(self, outputs: Tensor, target: Target) -> Sequence[dict[str, Any]]:
        """One dict per image: its boxes by falling score, with edges in pixels of the network's input; with outlines
        `shape` (28, 28), how probable it is that a place of the box is of the object.

        >>> rows = torch.tensor([[[1.0, 0.5, 1.0, 2.0, 3.0, 4.0], [-1.0, 0.0, 0.0, 0.0, 0.0, 0.0]]])
        >>> DETECT.decode(rows, BoxTarget(("ant", "bee")))
        [{'boxes': [{'label': 'bee', 'score': 0.5, 'box': [1.0, 2.0, 3.0, 4.0]}]}]
        """
        names = target.classes
        return [
            {
                "boxes": [
                    {"label": names[int(label)], "score": score, "box": box}
                    | ({"shape": row[BOX:].reshape(OUTLINE, OUTLINE)} if len(row) > BOX else {})
                    for row, (label, score, *box) in zip(image, image[:, :BOX].tolist(), strict=True)
                    if 0 <= label < len(names)
                ]
            }
            for image in outputs.double().cpu().numpy()
        ]


def _localisation(found: Matches) -> FloatArray:
    """LRP error of each image at the lowest threshold, detections counted by their scores, (n,)."""
    truths = found.truths[0].sum(1)
    hit, counts = found.hit[0, 0], found.counts[0, 0]
    close = np.where(hit, (1 - found.overlap) / (1 - THRESHOLDS[0]), 0.0)
    caught, wrong, off = (
        np.bincount(found.image, found.score * share, len(truths)) for share in (hit, counts & ~hit, close)
    )
    every = np.maximum(truths, 1) + wrong  # of an image without objects: a false box of score 1 counts one half
    error = np.divide(truths - caught + off + wrong, every, out=np.zeros(len(every)), where=every > 0)
    return np.asarray(error.clip(0.0, 1.0), dtype=np.float64)


DETECT = Detect()
"""Of classes by number; `of` makes it that of a target."""
