"""The parts of LibreYOLO that a YOLO head is made of (`pip install 'warmstart[yolo]'`).

LibreYOLO's code is under MIT; its YOLOX is Megvii's, under Apache-2.0, and its YOLO9 MultimediaTechLab's, under MIT
(THIRD_PARTY_NOTICES.txt of the package).

Importing any of its models imports all of them: more than 600 modules, among them OpenCV, which does not load where a
machine has no libGL, as a server or a container often has none. A head needs a few files of it that need nothing but
torch. So they are imported as if the `__init__` of the packages above them were empty, and forgotten afterwards: who
imports LibreYOLO later gets it whole.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from warmstart.errors import MissingExtraError

_EAGER = (
    "libreyolo.models",
    "libreyolo.models.yolox",
    "libreyolo.models.yolo9",
    "libreyolo.training",
    "libreyolo.data",
)
_LOCK = threading.Lock()
SIZES = ("n", "t", "s", "m", "l", "x")
"""Of YOLOX, as published."""
SIZES_9 = ("t", "s", "m", "c")
"""Of YOLO9, as published."""


@functools.cache
def yolox() -> Any:
    """The module of YOLOX: `YOLOPAFPN`, `YOLOXHead`, `CSPDarknet`, `LibreYOLOXModel`.

    Raises:
        MissingExtraError: LibreYOLO is not installed.
    """
    return _part("libreyolo.models.yolox.nn")


@functools.cache
def yolo9() -> Any:
    """The module of YOLO9: `Backbone9`, `Neck9`, `DDetect`, `YOLO9_CONFIGS`, `LibreYOLO9Model`.

    Raises:
        MissingExtraError: LibreYOLO is not installed.
    """
    return _part("libreyolo.models.yolo9.nn")


@functools.cache
def yolo9_loss() -> Any:
    """`YOLO9Loss`, a function of what a head says and of the truth."""
    return _part("libreyolo.models.yolo9.loss").YOLO9Loss


@functools.cache
def coco_classes() -> tuple[str, ...]:
    """The 80 that YOLOX and YOLO9 are published for."""
    return tuple(map(str, _part("libreyolo.utils.general").COCO_CLASSES))


def normalised_as_published(module: nn.Module, momentum: float = 0.03) -> None:
    """Give batch normalisation the constants that both have at every size; torch's are others."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps, part.momentum = 1e-3, momentum


def _part(name: str) -> Any:
    if importlib.util.find_spec("libreyolo") is None:
        raise MissingExtraError("YOLO", "yolo")
    with _LOCK, _empty_packages():
        return importlib.import_module(name)


@contextmanager
def _empty_packages() -> Iterator[None]:
    root = importlib.import_module("libreyolo")
    before = set(sys.modules)
    added = [name for name in _EAGER if name not in before]
    for name in added:
        package = types.ModuleType(name)
        package.__path__ = [str(Path(root.__path__[0], *name.split(".")[1:]))]
        sys.modules[name] = package
    if "libreyolo.data" in added:  # the loss of YOLO9 asks the package for what only that of key points needs
        points = importlib.import_module("libreyolo.data.pose_metadata")
        sys.modules["libreyolo.data"].__dict__["default_oks_sigmas"] = points.default_oks_sigmas
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name not in before and name.startswith(tuple(added))]:
            del sys.modules[name]
