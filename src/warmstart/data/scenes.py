"""What is asked of images in which something is marked: boxes around objects, or a class for every pixel.

Labels stay what they are until an image has been read: where a box lies in what a network sees depends on how the image
was resized, cropped and mirrored. `warmstart.data.scenestore` makes targets of them:

* of boxes float32 (n, most boxes, 6): class, left, upper, right, lower edge in pixels of the network's input, and the
  area in pixels of the image as it was read. A row of class -1 is none; its last column may say how many pixels of the
  image as it was read one of the network's input stands for, by area. One of class -2 - c is a crowd of class c. All
  is NaN in an image whose objects are not known. Where the target is `outlined` the lengths of the runs of what each
  object covers of the network's input come behind (`warmstart.preprocess.runs`), and zeros up to the longest of them.
* of masks uint8 (n, size, size): the class of each pixel, 255 where it is ignored or not known.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from warmstart.data.annotations import Boxes, Mask
from warmstart.data.targets import IntArray, Labels, rarest

NOTHING, CROWD = -1, -2
"""Class of a row that holds no box, and of one around a crowd of the first class; that of class c is `CROWD - c`."""


OUTLINED = ("maskrcnn",)
"""Detectors that learn and tell an outline for each box."""


@dataclasses.dataclass(frozen=True)
class BoxTarget:
    """Boxes around objects. `head` names what finds them (`fasterrcnn`, `ssd?...`); empty: the task's default."""

    classes: tuple[str, ...]
    head: str = ""
    kind: Literal["detect"] = "detect"

    @property
    def outlined(self) -> bool:
        """Whether objects have an outline beside their box.

        >>> BoxTarget(("ant",), "maskrcnn?convs=4").outlined, BoxTarget(("ant",)).outlined
        (True, False)
        """
        return self.head.partition("?")[0] in OUTLINED

    def encode(self, labels: Labels) -> npt.NDArray[Any]:
        """The labels as they are."""
        return _as_they_are(labels)

    def strata(self, labels: Labels) -> IntArray:
        """The rarest class in each image; one more for an image without objects.

        >>> some = Boxes(("bee", "ant"), np.zeros((2, 4)))
        >>> BoxTarget(("ant", "bee")).strata([some, Boxes((), np.zeros((0, 4))), None]).tolist()
        [0, 2, -1]
        """
        return rarest([boxes_of(label).names if label is not None else None for label in labels], self.classes)

    def to_dict(self) -> dict[str, Any]:
        """What a bundle has to know beside the classes."""
        return {"head": self.head}


@dataclasses.dataclass(frozen=True)
class MaskTarget:
    """A class for every pixel. `head` names what finds it (`unet`, `deeplabv3plus?...`), `loss` what it is trained with
    (`cross_entropy+dice`); empty: the task's default.
    """

    classes: tuple[str, ...]
    head: str = ""
    loss: str = ""
    kind: Literal["segment"] = "segment"

    def encode(self, labels: Labels) -> npt.NDArray[Any]:
        """The labels as they are."""
        return _as_they_are(labels)

    def strata(self, labels: Labels) -> IntArray:
        """The rarest class in each image, so far as it is known without decoding masks."""
        return rarest([mask_of(label).names if label is not None else None for label in labels], self.classes)

    def to_dict(self) -> dict[str, Any]:
        """What a bundle has to know beside the classes."""
        return {"head": self.head, "loss": self.loss}


SceneTarget = BoxTarget | MaskTarget


def _as_they_are(labels: Labels) -> npt.NDArray[Any]:
    found = np.empty(len(labels), dtype=object)
    found[:] = labels
    return found


def boxes_of(label: object) -> Boxes:
    """The label, which must be one of boxes."""
    assert isinstance(label, Boxes), f"a label of {type(label).__name__} where boxes belong"
    return label


def mask_of(label: object) -> Mask:
    """The label, which must be a mask."""
    assert isinstance(label, Mask), f"a label of {type(label).__name__} where a mask belongs"
    return label
