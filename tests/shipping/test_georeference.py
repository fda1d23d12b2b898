"""What is found in a GeoTIFF lies on the map where the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from warmstart.shipping.georeference import of_boxes, of_mask, place_of
from warmstart.task.mask_matching import code

rasterio = pytest.importorskip("rasterio")
WEST, NORTH, STEP = 500_000.0, 5_000_000.0, 10.0  # UTM zone 32, whose middle is 9 degrees east


@pytest.fixture
def tile(tmp_path: Path) -> Path:
    facts: dict[str, Any] = {"driver": "GTiff", "height": 40, "width": 60, "count": 3, "dtype": "uint8"}
    facts |= {"crs": "EPSG:32632", "transform": rasterio.transform.from_origin(WEST, NORTH, STEP, STEP)}
    path = tmp_path / "tile.tif"
    with rasterio.open(path, "w", **facts) as file:
        file.write(np.zeros((3, 40, 60), np.uint8))
    return path


def test_a_box_is_a_ring_in_longitude_and_latitude(tile: Path) -> None:
    place = place_of(tile)
    assert place is not None
    found = of_boxes(place, [{"label": "tree", "score": 0.9, "box": [0.0, 0.0, 10.0, 20.0]}])
    (feature,) = found["features"]
    assert feature["properties"] == {"label": "tree", "score": 0.9}
    ring = np.array(feature["geometry"]["coordinates"][0])
    expected = rasterio.warp.transform("EPSG:32632", "EPSG:4326", [WEST, WEST + 100], [NORTH - 200, NORTH])
    assert np.allclose(ring[:, 0].min(), expected[0][0], atol=1e-6)
    assert np.allclose(ring[:, 0].max(), expected[0][1], atol=1e-5)
    assert np.allclose(sorted({round(y, 4) for y in ring[:, 1]}), np.round(expected[1], 4), atol=1e-4)
    x, y = ring[:, 0], ring[:, 1]
    assert ring[0].tolist() == ring[-1].tolist()
    assert (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0  # against the clock, as RFC 7946 wants the outside


def test_every_part_of_a_class_is_a_feature_and_the_background_none(tile: Path) -> None:
    place = place_of(tile)
    assert place is not None
    mask = np.zeros((40, 60), np.uint8)
    mask[2:5, 2:9] = 1
    mask[20:30, 20:30] = 1
    mask[35:, 50:] = 2
    found = of_mask(place, mask, ("background", "house", "road"))
    labels = [feature["properties"]["label"] for feature in found["features"]]
    assert sorted(labels) == ["house", "house", "road"]
    assert all(feature["geometry"]["type"] == "Polygon" for feature in found["features"])
    assert of_mask(place, np.zeros((40, 60), np.uint8), ("background", "house"))["features"] == []


def test_an_image_that_does_not_say_where_it_lies_has_no_place(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.tif")
    assert place_of(tmp_path / "a.png") is None
    assert place_of(tmp_path / "a.tif") is None
    assert place_of(Image.new("RGB", (4, 4))) is None


def test_an_outline_is_told_instead_of_its_box_with_all_its_parts(tile: Path) -> None:
    place, pixels = place_of(tile), np.zeros((40, 60), np.uint8)
    assert place is not None
    pixels[2:6, 3:9], pixels[10:12, 3:5] = 1, 1
    box = {"label": "tree", "score": 0.9, "box": [0.0, 0.0, 60.0, 40.0], "segmentation": code(pixels)}
    (feature,) = of_boxes(place, [box])["features"]
    assert feature["geometry"]["type"] == "MultiPolygon"
    parts = [np.array(part[0]) for part in feature["geometry"]["coordinates"]]
    (west, east), _ = rasterio.warp.transform("EPSG:32632", "EPSG:4326", [WEST + 30, WEST + 90], [NORTH - 20] * 2)
    assert sorted(len(part) for part in parts) == [5, 5]
    assert np.isclose(min(part[:, 0].min() for part in parts), west, atol=1e-5)
    assert np.isclose(max(part[:, 0].max() for part in parts), east, atol=1e-5)


@pytest.mark.parametrize("odd", ["a codec that GDAL lacks", "a place of its own"])
def test_an_image_whose_place_cannot_be_told_is_a_warning(
    odd: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "odd.tif"
    if odd == "a place of its own":
        facts: dict[str, Any] = {"driver": "GTiff", "height": 4, "width": 4, "count": 1, "dtype": "uint8"}
        with rasterio.open(path, "w", crs='LOCAL_CS["mine",UNIT["metre",1]]', **facts) as file:
            file.write(np.zeros((1, 4, 4), np.uint8))
    else:
        pytest.importorskip("tifffile").imwrite(path, np.zeros((4, 4), np.uint8), compression="png")
    assert place_of(path) is None
    assert "odd.tif has no GeoJSON" in caplog.text
