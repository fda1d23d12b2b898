"""Weights of whole detectors of torchvision in ours: what tells classes apart by the names of these, and all else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from warmstart.errors import BackboneError
from warmstart.model.detect.base import Detector
from warmstart.model.shared_classes import shared

_NAMES = {
    r"(rpn|roi_heads)\.": r"\1.",
    r"backbone\.fpn\.": "fpn.",
    r"head\.(classification|regression)_head\.": r"\1_head.",
    r"backbone\.scale_weight$": "scale_weight",
    r"backbone\.extra\.0\.\d+\.(\d+)\.": r"fc.\1.",  # SSD on VGG: conv5 and then fc6 and fc7
}
"""Starts of torchvision's names, and ours for them."""
_EXTRA = re.compile(r"backbone\.extra\.(\d+)\.(?=\d+\.)")
_PREDICTORS = {
    r"roi_heads\.box_predictor\.cls_score\.": 1,
    r"roi_heads\.box_predictor\.bbox_pred\.": 4,
    r"classification_head\.(cls_logits|module_list\.\d+(\.1)?)\.(weight|bias)$": 1,
}
"""Layers with outputs for each class, and how many. Where there are several anchors, they lie anchor by anchor."""


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a detector of torchvision that lie above its body, by our names."""
    on_vgg = "backbone.scale_weight" in state

    def names(key: str) -> Iterator[str]:
        for start, ours in _NAMES.items():
            if re.match(start, key) and (on_vgg or not ours.startswith("fc")):
                yield re.sub(start, ours, key, count=1)
        extra = _EXTRA.match(key)
        if extra and not (on_vgg and extra[1] == "0"):
            yield f"extra.{int(extra[1]) - on_vgg}.{key[extra.end() :]}"

    return {name: value for key, value in state.items() for name in names(key)}


@torch.no_grad()
def adopt(
    detector: Detector, state: Mapping[str, Tensor], source: Sequence[str], classes: Sequence[str]
) -> tuple[str, ...]:
    """Put published weights in place of random ones; names of the classes whose own weights were among them.

    Args:
        detector: of the kind that the weights are of, with the options that they were trained with.
        state: all tensors of torchvision's detector.
        source: names of its classes by number, the background's first; empty where they are not known.
        classes: those of `detector`.

    Raises:
        BackboneError: the weights are of another kind of detector.
    """
    ours, theirs = detector.state_dict(), renamed(state)
    first = detector.first
    pairs = {new + first: old for new, old in shared(classes, source).items()}
    if first and len(theirs):
        pairs[0] = 0
    for name, value in theirs.items():
        many = next((many for start, many in _PREDICTORS.items() if re.match(start, name)), 0)
        if name not in ours or (not many and ours[name].shape != value.shape):
            raise BackboneError(
                f"published weights have {name} {tuple(value.shape)}",
                expected=f"weights for {detector.name}"
                + (f", whose {name} is {tuple(ours[name].shape)}" if name in ours else ""),
                do="name the detector that they are of with --head",
            )
        if many:
            _of_classes(ours[name], value, many, len(classes) + first, pairs)
        else:
            ours[name].copy_(value)
    missing = sorted(name for name in ours.keys() - theirs.keys() if not name.endswith("num_batches_tracked"))
    if missing:
        raise BackboneError(
            f"published weights lack {missing[0]}" + (f" and {len(missing) - 1} more" if missing[1:] else ""),
            expected=f"all weights of {detector.name}",
            do="name the detector that they are of with --head",
        )
    return tuple(classes[new - first] for new in pairs if new >= first)


def _of_classes(ours: Tensor, theirs: Tensor, many: int, count: int, pairs: Mapping[int, int]) -> None:
    """Copy the outputs for some classes; `pairs` are numbers of classes here and there."""
    anchors = len(ours) // (count * many)
    new, old = ours.view(anchors, count, many, *ours.shape[1:]), theirs.view(anchors, -1, many, *theirs.shape[1:])
    for here, there in pairs.items():
        new[:, here] = old[:, there]
