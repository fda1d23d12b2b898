"""A tile reads as the part of its image that it is, whatever the image is stored as."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from warmstart.cache.key import sample_key
from warmstart.data.schema import Sample
from warmstart.errors import ImageError
from warmstart.preprocess.cutting import Tile
from warmstart.preprocess.geometry import Placement
from warmstart.preprocess.image import read_pixels
from warmstart.preprocess.reader import read_image, stored_as
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import header_of, image_size, read_bands

BOX = (10, 5, 40, 25)


@pytest.fixture
def picture() -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_a_tile_is_that_part_of_the_picture(ending: str, picture: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    picture.save(path)
    tile = Tile(path, BOX)
    assert np.array_equal(np.asarray(read_image(tile)), np.asarray(picture.crop(BOX)))
    assert image_size(tile) == tile.size == (30, 20)
    assert stored_as(tile) == stored_as(path)


def test_a_tile_of_a_photo_that_lies_on_its_side_is_cut_from_the_upright_one(
    picture: Image.Image, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.png", exif=exif)
    whole = read_image(tmp_path / "a.png")
    assert whole.size == (48, 64)
    assert np.array_equal(np.asarray(read_image(Tile(tmp_path / "a.png", BOX))), np.asarray(whole.crop(BOX)))


def test_an_image_beyond_the_limit_can_be_read_in_tiles(tmp_path: Path) -> None:
    Image.new("L", (12_000, 6_000)).save(tmp_path / "large.png")
    with pytest.raises(ImageError, match="72000000 pixels"):
        read_image(tmp_path / "large.png")
    assert read_image(Tile(tmp_path / "large.png", (11_000, 0, 12_000, 500))).size == (1000, 500)


@pytest.mark.parametrize("ending", ["npy", "tif"])
def test_a_tile_of_bands_keeps_their_values(ending: str, tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    values = np.random.default_rng(0).integers(0, 9000, (48, 64, 5)).astype(np.uint16)
    path = tmp_path / f"a.{ending}"
    if ending == "npy":
        np.save(path, values)
    else:
        facts = {"driver": "GTiff", "height": 48, "width": 64, "count": 5, "dtype": "uint16"}
        with rasterio.open(path, "w", **facts) as file:
            file.write(np.moveaxis(values, 2, 0))
            file.descriptions = ("B02", "B03", "B04", "B08", "B11")
    spec = PreprocessSpec().with_channels(5)
    found = read_bands(Tile(path, BOX), spec)
    assert np.array_equal(found.values, values[5:25, 10:40])
    assert header_of(Tile(path, BOX)).size == (30, 20)
    assert header_of(Tile(path, BOX)).channels == 5
    if ending == "tif":
        assert found.names == read_bands(path, spec).names == ("B02", "B03", "B04", "B08", "B11")


def test_tiles_of_one_image_have_addresses_of_their_own(picture: Image.Image, tmp_path: Path) -> None:
    picture.save(tmp_path / "a.png")
    keys = {
        sample_key(Sample("a", source))
        for source in (tmp_path / "a.png", Tile(tmp_path / "a.png", BOX), Tile(tmp_path / "a.png", (0, 0, 30, 20)))
    }
    assert len(keys) == 3


@pytest.mark.parametrize("resize", ["pad", "squash", "shortest"])
@pytest.mark.parametrize("size", [(64, 48), (48, 64), (50, 50), (301, 200)])
def test_placement_says_where_a_mark_in_the_image_is_seen(resize: str, size: tuple[int, int]) -> None:
    """A bright rectangle is found where the placement puts it, to within a pixel."""
    spec = PreprocessSpec(size=32, resize=resize, interpolation="bilinear")  # type: ignore[arg-type]
    image = Image.new("RGB", size)
    box = (size[0] // 3, size[1] // 3, 2 * size[0] // 3, 2 * size[1] // 3)
    image.paste((255, 255, 255), box)
    seen = read_pixels(image, spec)[0].numpy()
    inside = np.argwhere(seen > 127 if spec.resize != "pad" else seen > 190)  # padding is grey
    found = np.array([*inside.min(0)[::-1], *(inside.max(0)[::-1] + 1)])
    place = Placement.of(size, spec)
    expected = place.seen(np.array([box], dtype=np.float64))
    assert np.abs(found - expected[0]).max() <= 1
    assert np.allclose(place.stored(expected)[0], box)
