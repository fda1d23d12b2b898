"""Where on the earth what was found lies, for images that say where they are: GeoJSON in longitude and latitude.

RFC 7946: coordinates are WGS 84, rings of the outside run against the clock. Needs rasterio (the extra `raster`).
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from warmstart.errors import MissingExtraError
from warmstart.preprocess.opening import begins
from warmstart.shipping.scenes import pixels_of

_log = logging.getLogger(__name__)
_TIFF = (b"II", b"MM")
_EARTH = "EPSG:4326"


def place_of(source: Any) -> tuple[Any, Any] | None:
    """Reference system and affine transform (pixels to its coordinates) of a GeoTIFF; `None` of all else.

    Also of a TIFF image that GDAL cannot open (it lacks some of the codecs that we read) and of one in a system of its
    own that lies nowhere on the earth: a warning says so, and what was found in the image is kept.

    Raises:
        MissingExtraError: it is a TIFF image, and rasterio is not installed.
    """
    if not isinstance(source, (str, Path)) or begins(source, 2) not in _TIFF:
        return None
    try:
        rasterio = importlib.import_module("rasterio")
    except ImportError as error:
        raise MissingExtraError(f"where on the map {source} lies", "raster") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has no georeference, which is no fault
        try:
            with rasterio.open(source) as file:
                place = None if file.crs is None else (file.crs, file.transform)
            if place is not None:
                _on_earth(place, {"type": "Point", "coordinates": place[1] @ (0.0, 0.0)})
        except Exception as error:  # GDAL's, PROJ's and rasterio's own have no tree in common
            _log.warning("%s has no GeoJSON, for where it lies on the earth cannot be told: %s", source, error)
            return None
    return place


def of_boxes(place: tuple[Any, Any], boxes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A feature for each box, with its label and score: its outline where it has one, with all parts of it."""
    return _collection((_shape(place, box), {"label": box["label"], "score": box["score"]}) for box in boxes)


def of_mask(
    place: tuple[Any, Any], mask: npt.NDArray[np.uint8], classes: Sequence[str], leave_out: str = "background"
) -> dict[str, Any]:
    """A feature for each connected part of a class in a mask (H, W), with its label, but of `leave_out`."""
    features = importlib.import_module("rasterio.features")
    names = {i: name for i, name in enumerate(classes) if name != leave_out}
    told = np.isin(mask, list(names))
    _, transform = place
    found = features.shapes(mask, mask=told, transform=transform) if told.any() else ()
    return _collection((_on_earth(place, shape), {"label": names[int(value)]}) for shape, value in found)


def _shape(place: tuple[Any, Any], box: dict[str, Any]) -> dict[str, Any]:
    pixels = pixels_of(box["segmentation"]) if "segmentation" in box else np.zeros((0, 0), np.uint8)
    if not pixels.any():
        return _polygon(place, _ring(box["box"]))
    features = importlib.import_module("rasterio.features")
    found = features.shapes(pixels, mask=pixels.astype(bool), transform=place[1])
    parts = [shape["coordinates"] for shape, _ in found]
    return _on_earth(place, {"type": "MultiPolygon", "coordinates": parts})


def _ring(box: Sequence[float]) -> list[tuple[float, float]]:
    left, top, right, bottom = box
    return [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]


def _polygon(place: tuple[Any, Any], ring: Sequence[tuple[float, float]]) -> dict[str, Any]:
    _, transform = place
    return _on_earth(place, {"type": "Polygon", "coordinates": [[transform @ point for point in ring]]})


def _on_earth(place: tuple[Any, Any], shape: dict[str, Any]) -> dict[str, Any]:
    crs, _ = place
    found: dict[str, Any] = importlib.import_module("rasterio.warp").transform_geom(crs, _EARTH, shape)
    return {"type": found["type"], "coordinates": found["coordinates"]}


def _collection(features: Iterator[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    told = [{"type": "Feature", "geometry": shape, "properties": facts} for shape, facts in features]
    return {"type": "FeatureCollection", "features": told}
