"""What is asked of images in which something is marked, in the words of the commands, and how large they are read."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmstart.data.outlined import check_outlined
from warmstart.data.scenes import OUTLINED, BoxTarget, MaskTarget, SceneTarget
from warmstart.data.schema import Dataset
from warmstart.data.sources.scenes import layout_of
from warmstart.data.targets import Target, TaskName
from warmstart.data.tiling import tiled
from warmstart.errors import DataError
from warmstart.model.backbone import Backbone
from warmstart.model.detect.catalog import detectors, usual
from warmstart.model.segment.design import designs

WORDS = ("head", "loss", "tile")
"""Options of boxes and masks."""
SIZES: dict[TaskName, int] = {"detect": 320, "segment": 256}
"""Pixels a side where none are asked for, multiples of the coarsest stride, 32: a backbone trained on larger images has
its own. Small objects need more, and a CPU can train no more."""
_STRIDE = 32


def of_scenes(data: Any, task: str | None) -> bool:
    """Whether something is marked in the images of the data, as far as names of files tell, or the user says."""
    if isinstance(data, Dataset):
        return isinstance(data.target, BoxTarget | MaskTarget)
    return task in SIZES or (task is None and layout_of(data, None) is not None)


def posed(
    dataset: Dataset, head: str | None, loss: str | None, tile: int | None, *, backbone: Backbone | None = None
) -> Dataset:
    """The data set whose target asks for a head and a loss, cut into tiles of so many pixels.

    Without a head a backbone that comes of a detector which tells outlines asks for that.

    Raises:
        DataError: any of them where nothing is marked, a loss for boxes, or tiles that cannot be cut; or outlines are
            to be learned and some objects have none.
    """
    target = dataset.target
    if isinstance(target, BoxTarget) and not (head or target.head) and backbone and usual(backbone) in OUTLINED:
        head = usual(backbone)
    _refuse_other_head(target, head)
    given = [name for name, value in zip(WORDS, (head, loss, tile), strict=True) if value is not None]
    if not given:
        return dataset
    if isinstance(target, MaskTarget):
        target = dataclasses.replace(target, head=head or target.head, loss=loss or target.loss)
    elif isinstance(target, BoxTarget) and loss is None:
        target = dataclasses.replace(target, head=head or target.head)
    elif isinstance(target, BoxTarget):
        raise DataError(
            f"the loss {loss!r} for boxes",
            expected="no loss: each detector has its own",
            do="leave --loss out, or choose another detector with --head",
        )
    else:
        raise DataError(
            f"{' and '.join(given)} for the task {target.kind!r}",
            expected="the task 'detect' or 'segment'",
            do=f"leave {' and '.join(given)} out",
        )
    asked = dataclasses.replace(dataset, target=target)
    check_outlined(asked)
    return asked if tile is None else tiled(asked, tile)


def _refuse_other_head(target: Target, head: str | None) -> None:
    """Raise `DataError` for a detector where masks are to be learned, and for a decoder where boxes are."""
    name = (head or "").partition("?")[0]
    if isinstance(target, MaskTarget) and name in detectors and name not in designs:
        found, there, task, others = "boxes", "masks", "segment", sorted(designs)
    elif isinstance(target, BoxTarget) and name in designs and name not in detectors:
        found, there, task, others = "masks", "boxes", "detect", sorted(detectors)
    else:
        return
    raise DataError(
        f"the head {name!r}, which finds {found}, where {there} are to be learned (task {task!r})",
        expected=f"one of {', '.join(others)}",
        do=f"take one of these; or ask for the other task with --task, if the data have {found} too",
    )


def sized(backbone: Backbone, target: SceneTarget, size: int | None) -> Backbone:
    """The backbone for square inputs of `size`, by default of `SIZES`: images keep their aspect on them.

    >>> from warmstart.model.catalog import load_backbone
    >>> sized(load_backbone("toy"), MaskTarget(("sea", "land")), None).preprocess.size
    256
    """
    own = backbone.preprocess.size
    if size is None:
        wanted = max(SIZES[target.kind], -(-own // _STRIDE) * _STRIDE)
        size = own if backbone.card.fixed_size else wanted
    return dataclasses.replace(backbone, spec=dataclasses.replace(backbone.preprocess, size=size, resize="pad"))
