"""Segmentation: a class for every pixel.

Outputs are logits (n, C, S, S), targets classes uint8 (n, S, S), `IGNORED` where a pixel counts nowhere; an image of
which no pixel is known counts nowhere. What is kept of outputs for measuring is (n, 6 C + 1): the counts of
`warmstart.task.maskcounts`, and the loss of the image. Whatever takes outputs here takes either.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from warmstart.data.annotations import IGNORED
from warmstart.data.scenes import MaskTarget
from warmstart.data.targets import Target, TaskName
from warmstart.errors import BackboneError
from warmstart.model.backbone import Backbone
from warmstart.model.dilation import dilated
from warmstart.model.pyramid import pyramid
from warmstart.model.segment.decoder import decoder_head
from warmstart.model.segment.design import design_of
from warmstart.model.segment.published import adopt, asked
from warmstart.task import maskloss
from warmstart.task.base import Values, known_rows, linearised
from warmstart.task.maskcounts import Counts, counted, parted

_AT_ONCE = 16
"""Images whose pixels are counted at once."""


class Segment:
    """The segmentation task; see `warmstart.task.base.Task` for the contract.

    Args:
        head: name of the decoder, with options behind it; empty: the one that the backbone was trained with, or a
            U-Net.
        loss: what it is trained with; empty: `cross_entropy+dice`. See `warmstart.task.maskloss`.
    """

    name: TaskName = "segment"
    primary_metric = "miou"
    closed_form = calibrates = False
    surprise = "image_error"
    fields: tuple[str, ...] = ("shares", "mask")

    def __init__(self, head: str = "", loss: str = "") -> None:
        self._head, self._terms = head, maskloss.terms(loss or maskloss.DEFAULT)

    def of(self, target: Target) -> Segment:
        """The task for the head and the loss of the target. Raises `RecipeError` for a loss that there is not."""
        assert isinstance(target, MaskTarget)
        return Segment(target.head, target.loss)

    def suited(self, backbone: Backbone) -> Backbone:
        """With the maps that the decoder reads, dilated where it wants that; images keep their aspect.

        Raises `BackboneError` where it has no such maps.
        """
        design, options = design_of(asked(self._head, backbone))
        stride, (wanted, *others) = design.output_stride(options), design.strides(options)
        if backbone.maps is not None and backbone.maps.strides in (wanted, *others):
            return backbone
        backbone = dataclasses.replace(backbone, spec=dataclasses.replace(backbone.preprocess, resize="pad"))
        backbone = backbone if stride is None else dilated(backbone, stride)
        try:
            return pyramid(backbone, wanted)
        except BackboneError:
            for strides in others:
                with contextlib.suppress(BackboneError):
                    return pyramid(backbone, strides)
            raise

    def head(self, features: int, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """There is none on pooled features."""
        raise BackboneError(
            "a decoder on pooled features",
            expected="feature maps",
            do="make the network with warmstart.task.network.network_for",
        )

    def head_on(self, backbone: Backbone, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """The decoder on the maps of a suited backbone; of one that came with such a decoder, with its weights."""
        made = decoder_head(asked(self._head, backbone), backbone.maps, len(target.classes), dropout=dropout, seed=seed)
        adopt(made, backbone, target.classes)
        return made

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Mean over the images of each one's own loss; of what is kept, that without smoothing and class weights."""
        some = self.known(targets)
        if outputs.ndim == 2:
            each = outputs[:, -1]
        else:
            each = maskloss.of_images(outputs, targets, self._terms, smoothing=label_smoothing, weights=class_weights)
        return (each * some).sum() / some.sum().clamp_min(1)

    def weight(self, targets: Tensor, class_weights: Tensor | None = None) -> float:
        """The number of images of which any pixel is known; 1 where there is none."""
        return float(self.known(targets).sum()) or 1.0

    def balanced(self, targets: Tensor, classes: int) -> Tensor:
        """Median frequency over frequency of each class (Eigen & Fergus 2015), shape (classes,).

        A class's frequency is its share of the known pixels of the images in which it occurs. One that occurs in no
        image gets 1: it occurs in no sum.

        >>> SEGMENT.balanced(torch.tensor([[[0, 0, 0, 1]], [[0, 0, 0, 0]]], dtype=torch.uint8), 3)
        tensor([0.6429, 2.2500, 1.0000])
        """
        pixels, around = torch.zeros(classes, dtype=torch.float64), torch.zeros(classes, dtype=torch.float64)
        for image in targets:
            found = torch.bincount(image[image != IGNORED].flatten(), minlength=classes).double().cpu()
            pixels, around = pixels + found, around + (found > 0) * found.sum()
        occurs = pixels > 0
        share = torch.where(occurs, pixels / around.clamp_min(1), torch.ones(()))
        middle = share[occurs].quantile(0.5) if bool(occurs.any()) else torch.ones(())
        return torch.where(occurs, middle / share, torch.ones(())).float()

    def answered(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Counts of each image, and its loss, (n, 6 C + 1)."""
        if outputs.ndim == 2:
            return outputs
        parts = []
        for rows, true in zip(torch.split(outputs, _AT_ONCE), torch.split(targets, _AT_ONCE), strict=True):
            loss = maskloss.of_images(rows, true, self._terms)
            parts.append(torch.cat([counted(rows, true), loss[:, None]], 1))
        return torch.cat(parts)

    def known(self, targets: Tensor) -> Tensor:
        """Which images have a pixel that is not ignored (n,)."""
        return (targets != IGNORED).flatten(1).any(1)

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """Mean IoU, mean Dice coefficient, mean boundary IoU, share of right pixels; and 1 - mean IoU of each image.

        Means are over the classes that are true of any pixel, of counts over all images: the usual mIoU of VOC,
        Cityscapes and ADE20K. Boundary IoU is that of bands along edges (Cheng et al. 2021), as wide as 2 % of the
        diagonal of what the network sees. `image_error` is by the classes that are true of any pixel of the image.

        >>> logits = torch.tensor([[[[9.0, 0.0]], [[0.0, 9.0]]]])
        >>> found = SEGMENT.values(logits, torch.tensor([[[0, 0]]], dtype=torch.uint8))
        >>> found["miou"].item(), found["pixel_accuracy"].item()
        (0.5, 0.5)
        """
        kept, _ = self._known(outputs, targets)
        counts, (own, _) = kept[:, :-1], parted(kept[:, :-1])
        found = {
            "miou": linearised(counts, lambda m: _mean(parted(m)[0], lambda c: c.iou)),
            "dice": linearised(counts, lambda m: _mean(parted(m)[0], lambda c: c.dice)),
            "boundary_iou": linearised(counts, lambda m: _mean(parted(m)[1], lambda c: c.iou)),
            "pixel_accuracy": linearised(counts, lambda m: _accuracy(parted(m)[0])),
        }
        return found | {"image_error": 1 - (own.iou * own.occurs).sum(1) / own.occurs.sum(1)}

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The means of `values`."""
        return {name: float(value.mean()) for name, value in self.values(outputs, targets).items()}

    def class_values(self, outputs: Tensor, targets: Tensor) -> dict[int, Values]:
        """Per-image values whose means are IoU, Dice coefficient and boundary IoU of each class that occurs."""
        kept, _ = self._known(outputs, targets)
        counts = kept[:, :-1]

        def of(c: int) -> Values:
            return {
                "iou": linearised(counts, lambda m: parted(m)[0].iou[c]),
                "dice": linearised(counts, lambda m: parted(m)[0].dice[c]),
                "boundary_iou": linearised(counts, lambda m: parted(m)[1].iou[c]),
            }

        return {c: of(c) for c in parted(counts.sum(0))[0].occurs.nonzero().flatten().tolist()}

    def by_class(self, outputs: Tensor, targets: Tensor, classes: Sequence[str]) -> tuple[dict[str, Any], ...]:
        """IoU, Dice coefficient, boundary IoU, share of the pixels and number of images of each class; `None` where it
        is true of no pixel.
        """
        kept, _ = self._known(outputs, targets)
        (region, band), (own, _) = parted(kept[:, :-1].sum(0)), parted(kept[:, :-1])
        true, images = region.right + region.missed, own.occurs.sum(0)
        return tuple(
            {
                "name": name,
                "iou": float(region.iou[i]) if region.occurs[i] else None,
                "dice": float(region.dice[i]) if region.occurs[i] else None,
                "boundary_iou": float(band.iou[i]) if region.occurs[i] else None,
                "share": float(true[i] / true.sum()),
                "count": int(images[i]),
            }
            for i, name in enumerate(classes)
        )

    def _known(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return known_rows(self.answered(outputs, targets), targets, self.known(targets))

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """Logits of the mean of the probabilities.

        Of what is kept the mean counts: how good they are one by one, on average. What they say together is not known
        from counts.
        """
        if outputs[0].ndim == 2:
            return torch.stack(list(outputs)).mean(0)
        logs = torch.stack([each.float().log_softmax(1) for each in outputs])
        return logs.logsumexp(0) - math.log(len(outputs))

    def checked(self, outputs: Tensor) -> Tensor:
        """Mean probability of each class over the pixels (n, C)."""
        return outputs.float().softmax(1).flatten(2).double().mean(2)

    def decode(self, outputs: Tensor, target: Target) -> Sequence[dict[str, Any]]:
        """The share of the pixels that each class has, the largest first; of logits also the map of classes, an array
        uint8 (S, S).

        >>> answer = SEGMENT.decode(torch.tensor([[[[9.0, 9.0]], [[0.0, 0.0]]]]), MaskTarget(("sky", "sea")))[0]
        >>> answer["shares"], answer["mask"].tolist()
        ({'sky': 1.0}, [[0, 0]])
        """
        if outputs.ndim == 2:
            own = parted(outputs[:, :-1].double())[0]
            return [{"shares": _shares(said, target.classes)} for said in own.right + own.too_many]
        masks = outputs.argmax(1).to(torch.uint8).cpu()
        found = [torch.bincount(mask.flatten(), minlength=len(target.classes)).double() for mask in masks]
        return [
            {"shares": _shares(said, target.classes), "mask": mask.numpy()}
            for said, mask in zip(found, masks, strict=True)
        ]


def _mean(counts: Counts, of: Callable[[Counts], Tensor]) -> Tensor:
    """Mean over the classes that occur."""
    return of(counts)[counts.occurs].mean()


def _accuracy(counts: Counts) -> Tensor:
    return counts.right.sum() / (counts.right + counts.missed).sum()


def _shares(pixels: Tensor, classes: Sequence[str]) -> dict[str, float]:
    shares = (pixels / pixels.sum().clamp_min(1)).tolist()
    order = sorted(range(len(classes)), key=lambda i: -shares[i])
    return {classes[i]: shares[i] for i in order if shares[i] > 0}


SEGMENT = Segment()
"""With the default head and loss; it holds no state but these."""
