"""Images that are answered in tiles: pixels of one image after the other, never all scores of it at once."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.preprocess.cutting import Tile
from warmstart.preprocess.image import fit_size, normalise, to_image
from warmstart.preprocess.mosaic import Grid, blended
from warmstart.preprocess.resample import from_array, resize
from warmstart.preprocess.rows import opened_rows
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.task.base import Task

Box = tuple[int, int, int, int]
ALIKE = 0.5
"""Overlap from which on two boxes of a class, found in different tiles, are one."""


def mask_in_tiles(
    networks: Sequence[Network], task: Task, spec: PreprocessSpec, source: Any, side: int
) -> npt.NDArray[np.uint8]:
    """The most probable class of each pixel (H, W) of an image of any size, seen in overlapping tiles of `side`.

    Raises:
        ImageError, BandsError, MissingExtraError: as `opened_rows`.
    """

    def answer(tiles: Tensor) -> Tensor:
        batch = normalise([_fitted(tile, spec) for tile in tiles], spec)
        scores = task.combine([network(batch).float() for network in networks])
        if scores.shape[-1] == side:
            return scores
        return functional.interpolate(scores, size=(side, side), mode="bilinear", align_corners=False)

    with contextlib.ExitStack() as stack:
        for network in networks:
            stack.enter_context(evaluating(network))
        stack.enter_context(torch.inference_mode())
        rows = stack.enter_context(opened_rows(source, spec))
        width, height = rows.size
        found = np.empty((height, width), dtype=np.uint8)
        for top, piece in blended(Grid.over(rows.size, side), rows.read, answer):
            found[top : top + piece.shape[1]] = piece.argmax(0).to(torch.uint8).numpy()
    return found


def _fitted(tile: Tensor, spec: PreprocessSpec) -> Tensor:
    """A tile (C, side, side) as the network takes it, resized as in training."""
    if tile.shape[-1] == spec.size:
        return tile
    if spec.banded:
        return from_array(resize(tile.permute(1, 2, 0).numpy(), (spec.size, spec.size), Image.Resampling.BILINEAR))
    return fit_size(to_image(tile), spec)


def part_of(source: Any, box: Box) -> Any:
    """The part (left, top, right, bottom) of an image as a source of its own."""
    if isinstance(source, str | Path):
        return Tile(Path(source), box)
    left, top, right, bottom = box
    return source.crop(box) if isinstance(source, Image.Image) else source[top:bottom, left:right]


def unlike(boxes: Sequence[dict[str, Any]], classes: Sequence[str]) -> list[dict[str, Any]]:
    """Boxes by falling score without those that overlap a surer one of their class by half.

    >>> one, same = {"label": "a", "score": 0.9, "box": [0, 0, 9, 9]}, {"label": "a", "score": 0.5, "box": [0, 0, 9, 8]}
    >>> [box["score"] for box in unlike([same, one], ("a",))]
    [0.9]
    """
    if not boxes:
        return []
    from torchvision.ops import batched_nms

    edges = torch.tensor([box["box"] for box in boxes], dtype=torch.float32)
    scores = torch.tensor([box["score"] for box in boxes], dtype=torch.float32)
    kinds = torch.tensor([list(classes).index(box["label"]) for box in boxes])
    return [boxes[i] for i in batched_nms(edges, scores, kinds, ALIKE).tolist()]
