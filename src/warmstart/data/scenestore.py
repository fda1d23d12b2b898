"""Images with what is marked in them: the pixels as of any image, and targets that lie where the pixels came to lie.

Whatever view of an image is asked for, the same is drawn for its boxes or its mask: both go by the size of the image,
the way in which it is resized, and `warmstart.data.views.View`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from warmstart.data.annotations import IGNORED, Boxes, Mask
from warmstart.data.masks import Classes, class_indices
from warmstart.data.names import reason
from warmstart.data.outlined import outline_rows
from warmstart.data.pixels import BUDGET, PixelStore, Shelf
from warmstart.data.scan import Look
from warmstart.data.scenes import CROWD, NOTHING, BoxTarget, boxes_of, mask_of
from warmstart.data.schema import Dataset, IntArray, Sample
from warmstart.data.views import View
from warmstart.errors import DataError
from warmstart.preprocess.augment import Drawn, draw
from warmstart.preprocess.augment_scene import LEAST_SHARE, Edges, boxes_at, boxes_seen, mask_at, mask_seen
from warmstart.preprocess.bands import Bands
from warmstart.preprocess.geometry import Placed, placed
from warmstart.preprocess.reader import Decoded, orientation
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import image_size

T = TypeVar("T")
_COLUMNS = 6


class SceneStore(PixelStore):
    """A `PixelStore` whose targets are what `warmstart.data.scenes` says. Safe to use from several threads.

    Masks are decoded once, resized, and kept beside the pixels while the budget lasts; one that cannot be read, or does
    not belong to its image, is told by `preload` as an image that cannot be read is.

    Args:
        dataset: the samples; their target is one of scenes.
        spec: how images are resized.
        budget_bytes: memory for images and masks.
        shelf: as `PixelStore` has it.
        masks: where resized masks outlast a run.
    """

    def __init__(
        self,
        dataset: Dataset,
        spec: PreprocessSpec,
        *,
        budget_bytes: int = BUDGET,
        shelf: Shelf | None = None,
        masks: Shelf | None = None,
    ) -> None:
        super().__init__(dataset, spec, budget_bytes=budget_bytes, shelf=shelf)
        self._mask_shelf = masks
        self._sizes: dict[int, tuple[int, int]] = {}
        self._masks: dict[int, Classes] = {}
        self._index = {name: i for i, name in enumerate(dataset.target.classes)}

    def targets(self, indices: IntArray, view: View | None = None) -> Tensor:
        """What a loss takes of the samples at `indices`, as evaluation sees them or in a view.

        Raises:
            DataError: a mask does not belong to its image, or something has a class that the target lacks.
            ImageError: an image or a mask cannot be read; names it.
        """
        return self.collated(indices, [self.marked(int(i), view) for i in indices])

    def marked(self, i: int, view: View | None = None) -> Tensor:
        """What is marked in sample `i`: boxes (k + 1, 6) or wider, the last row of class -1, or a mask (size, size)."""
        label, place = self.dataset.samples[i].label, placed(self._size(i), self.spec)
        least = 0.0 if view is None else LEAST_SHARE
        drawn = self._drawn(i, place, view)
        if isinstance(self.dataset.target, BoxTarget):
            rows = np.full((1, _COLUMNS), np.nan) if label is None else self._boxes(i, place, drawn, least)
            return torch.from_numpy(rows.astype(np.float32))
        if label is None:
            return torch.full((self.spec.size, self.spec.size), IGNORED, dtype=torch.uint8)
        return torch.from_numpy(mask_seen(drawn, self._mask(i), self.spec.size))

    def collated(self, indices: IntArray, marked: Sequence[Tensor | None]) -> Tensor:
        """The targets of several samples as one: after boxes come rows of class -1, to one more than the most of them.

        The first such row of a sample is among what is `marked`, with how large a pixel is; the others are copies.
        """
        size, each = self.spec.size, [one for one in marked if one is not None]
        if not isinstance(self.dataset.target, BoxTarget):
            return torch.stack(each) if each else torch.empty(0, size, size, dtype=torch.uint8)
        most = max((len(rows) for rows in each), default=1)
        found = torch.zeros(len(indices), most, max((rows.shape[1] for rows in each), default=_COLUMNS))
        for out, rows in zip(found, each, strict=True):
            out[: len(rows), : rows.shape[1]], out[len(rows) :, : rows.shape[1]] = rows, rows[-1]
        return found

    def _drawn(self, i: int, place: Placed, view: View | None) -> Drawn:
        name, rng = ("none", np.random.default_rng(0)) if view is None else (view.augment, view.generator(i))
        return draw(name, place.shape, self.spec.size, rng, banded=self.spec.banded)

    def _boxes(self, i: int, place: Placed, drawn: Drawn, least: float) -> Edges:
        label = boxes_of(self.dataset.samples[i].label)
        width, height = self._size(i)
        own = label.xyxy.clip(0, (width, height, width, height))
        area = (own[:, 2] - own[:, 0]) * (own[:, 3] - own[:, 1])
        edges, kept = boxes_seen(drawn, boxes_at(place, label.xyxy), self.spec.size, inside=place.inside, least=least)
        classes = np.array([self._class(name, label, i) for name in label.names], dtype=np.float64)
        crowd = np.array(label.crowd or (False,) * len(classes), dtype=bool)
        classes[crowd] = CROWD - classes[crowd]
        rows: Edges = np.concatenate([classes[:, None], edges, area[:, None]], axis=1)[kept]
        pixel = math.prod(drawn.box[2:]) / (self.spec.size**2 * math.prod(place.scale))
        last = [[NOTHING, 0.0, 0.0, 0.0, 0.0, pixel]]
        if not (isinstance(self.dataset.target, BoxTarget) and self.dataset.target.outlined):
            return np.concatenate([rows, last])
        sample = self.dataset.samples[i]
        shapes = outline_rows(label, np.flatnonzero(kept), place, drawn, self.spec, sample, (width, height))
        return np.concatenate([np.concatenate([rows, shapes], axis=1), np.pad(last, ((0, 0), (0, shapes.shape[1])))])

    def _class(self, name: str, label: Boxes, i: int) -> int:
        if name not in self._index:
            where = label.where or self.dataset.samples[i].id
            raise DataError(f"{where}: a box with the class {name!r}", expected=f"one of {', '.join(self._index)}")
        return self._index[name]

    def _size(self, i: int) -> tuple[int, int]:
        """(width, height) of the upright image: as it was decoded, or else as its header says."""
        if i not in self._sizes:
            found = image_size(self.dataset.samples[i].source)
            if found is None:
                self.get(i, crop=False)  # says what is wrong with it, or how large it is after all
            else:
                self._sizes[i] = found
        return self._sizes[i]

    def put(self, i: int, image: Decoded | Bands) -> Tensor:
        """As `PixelStore.put`, and the size of the image is known from then on."""
        self._sizes[i] = image.size
        return super().put(i, image)

    def _shelved(self, i: int) -> tuple[Tensor, Look] | None:
        found = super()._shelved(i)
        if found is not None:
            self._sizes[i] = found[1].size
        return found

    def _mask(self, i: int) -> Classes:
        """The mask of sample `i`, resized and uncropped; not to be changed."""
        if i in self._masks:
            return self._masks[i]
        sample, size = self.dataset.samples[i], self._size(i)
        label, shelf = mask_of(sample.label), self._mask_shelf
        key = None if shelf is None else _address(label, self.dataset.target.classes, sample.source, size)
        kept = None if shelf is None or key is None else shelf.get(key)
        if kept is not None:
            self._masks[i] = kept[0].numpy()[0]  # mapped from the disk, as pixels are
            return self._masks[i]
        mask = mask_at(class_indices(label, self.dataset.target.classes, sample.source, size), self.spec, IGNORED)
        if shelf is not None and key is not None:
            shelf.put(key, torch.from_numpy(mask)[None], Look(size=size))
        with self._lock:
            if i not in self._masks and mask.nbytes <= self._left:
                self._masks[i] = mask
                self._left -= mask.nbytes
        return mask

    def holds(self, i: int) -> bool:
        """Whether neither the image nor a mask has to be decoded."""
        return super().holds(i) and (i in self._masks or not isinstance(self.dataset.samples[i].label, Mask))

    def preload(
        self, indices: Iterable[int], *, workers: int = 2, progress: Callable[[int], None] | None = None
    ) -> list[Look]:
        """As `PixelStore.preload`; a mask that cannot be used is an error of its image."""
        try:
            return super().preload(indices, workers=workers, progress=progress)
        finally:
            if self._mask_shelf is not None:
                self._mask_shelf.flush()

    def _read(self, i: int) -> Look:
        found, sample = super()._read(i), self.dataset.samples[i]
        if not found.error and isinstance(sample.label, Mask):
            try:
                self._mask(i)
            except DataError as error:
                return Look(error=reason(error, sample.source))
        return found

    def resized(self, spec: PreprocessSpec, budget_bytes: int = BUDGET) -> SceneStore:
        """The same images at another size; nothing is read yet, and how large they are is known."""
        other = SceneStore(self.dataset, spec, budget_bytes=budget_bytes)
        other._sizes.update(self._sizes)
        return other

    def subset(self, indices: Sequence[int] | IntArray) -> SceneStore:
        """As `PixelStore.subset`, with the masks that are kept already."""
        chosen = [int(i) for i in indices]
        dataset, masks = self.dataset.subset(chosen), self._mask_shelf
        other = SceneStore(dataset, self.spec, budget_bytes=self._left, shelf=self._shelf, masks=masks)
        with self._lock:
            other._kept, other._sizes = _chosen(self._kept, chosen), _chosen(self._sizes, chosen)
            other._masks = _chosen(self._masks, chosen)
        return other


@dataclasses.dataclass(frozen=True)
class TargetRows:
    """Targets of the samples at `indices`, made when they are asked for, by position.

    `views` are those that were drawn, `None` what evaluation sees; `turns` (n,) says which of them each sample shows.
    """

    store: SceneStore
    indices: IntArray
    views: Sequence[View | None] = (None,)
    turns: Tensor | None = None

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, positions: Tensor) -> Tensor:
        chosen = self.indices[positions.numpy()]
        turns = [0] * len(chosen) if self.turns is None else self.turns[positions].tolist()
        seen = zip(chosen.tolist(), turns, strict=True)
        return self.store.collated(chosen, [self.store.marked(i, self.views[turn]) for i, turn in seen])


def _chosen(kept: dict[int, T], indices: Sequence[int]) -> dict[int, T]:
    return {new: kept[old] for new, old in enumerate(indices) if old in kept}


def _address(label: Mask, classes: tuple[str, ...], source: Any, size: tuple[int, int]) -> Sample | None:
    """What a resized mask depends on, as content by which a shelf finds it; `None` of what is not in a file."""
    if not isinstance(label.source, Path):
        return None
    try:
        content = label.source.read_bytes()
    except OSError:  # `class_indices` says so
        return None
    facts = f"mask {label.legend} {classes} {size} {orientation(source)} {label.window}"
    return Sample("", facts.encode("utf-8", "surrogatepass") + content)
