"""One reader for fit, check, predict and serve. Row numbers are those of the list of known faults."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from warmstart.errors import ImageError, MissingExtraError
from warmstart.preprocess.reader import image_size, read_image, stored_as


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(width: int = 40, height: int = 30) -> Image.Image:
    ramp = np.linspace(0, 255, width * height).reshape(height, width)
    return Image.fromarray(np.stack([ramp, ramp[::-1], ramp[:, ::-1]], -1).astype(np.uint8))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header_only_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that promises width x height pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 10)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_a_lossless_format_is_read_exactly(kind: str) -> None:
    assert np.array_equal(np.asarray(read_image(encoded(gradient(), kind))), np.asarray(gradient()))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "MPO"])
def test_the_other_formats_are_read(kind: str) -> None:
    image = read_image(encoded(gradient(), kind))
    assert (image.mode, image.size) == ("RGB", (40, 30))


def test_path_bytes_image_and_array_give_the_same_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    gradient().save(path)
    read = [read_image(s) for s in (path, str(path), path.read_bytes(), gradient(), np.asarray(gradient()))]
    assert {image.tobytes() for image in read} == {gradient().tobytes()}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_a_truncated_file_is_an_error_that_names_it(kind: str, tmp_path: Path) -> None:
    """Row 1."""
    path = tmp_path / "half.img"
    data = encoded(gradient(200, 200), kind)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match=r"half\.img"):
        read_image(path)


def test_a_truncated_file_is_an_error_though_another_library_lets_it_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 1."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(gradient(200, 200), "JPEG")
    with pytest.raises(ImageError, match="truncated"):
        read_image(data[: len(data) // 2])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "MPO"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    """Row 3: the top left corner is dark, whichever way the camera was held."""
    upright = Image.new("L", (40, 24), 255)
    upright.paste(0, (0, 0, 16, 8))
    back: dict[int, list[Image.Transpose]] = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = upright
    for step in back[orientation]:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, kind, exif=exif)
    image = read_image(data)
    assert image.size == (40, 24)
    assert np.abs(np.asarray(image.convert("L")).astype(int) - np.asarray(upright)).max() < 40
    assert ("turned upright by EXIF orientation" in stored_as(data)[1]) == (orientation != 1)
    assert image_size(data) == (40, 24)


def test_an_orientation_that_a_png_has_behind_its_pixels_is_applied() -> None:
    """Row 3: eXIf may come after IDAT."""
    exif = Image.Exif()
    exif[0x0112] = 6
    whole, end = encoded(gradient()), chunk(b"IEND", b"")
    late = whole.removesuffix(end) + chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")) + end
    assert read_image(late).size == (30, 40)
    image = Image.open(io.BytesIO(late))
    image_size(image)  # must not make the reader believe that there is none
    assert read_image(image).size == (30, 40)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_size_and_mode_are_read_without_decoding(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(gradient(), kind)
    wanted = image_size(data), stored_as(data)[0]

    decoded: list[object] = []
    with Image.open(io.BytesIO(data)) as image:
        monkeypatch.setattr(type(image), "load", lambda self: decoded.append(self))  # a method, unlike `append`
    assert (image_size(data), stored_as(data)[0]) == wanted
    assert (wanted[0], decoded) == ((40, 30), [])


def test_damaged_exif_does_not_make_the_picture_unreadable() -> None:
    data = encoded(gradient(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12")
    assert read_image(data).size == (40, 30)


def test_an_image_in_memory_is_turned_upright_and_not_changed() -> None:
    image = Image.open(
        io.BytesIO(
            encoded(gradient(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")
        )
    )
    assert read_image(image).size == (30, 40)
    assert image.size == (40, 30)
    assert read_image(image).size == (30, 40)


def test_of_several_frames_the_first_is_taken() -> None:
    """Row 4."""
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "TIFF"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert read_image(data).getpixel((0, 0)) == (255, 0, 0)
        assert stored_as(data)[1][-1] == f"first of several frames taken ({kind})"


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_heic_names_the_extra_that_reads_it(brand: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 5, also under another name."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for name in ("IMG_1.HEIC", "IMG_1.jpg"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0" * 16)
        with pytest.raises(MissingExtraError, match=r"(?s)IMG_1.*warmstart\[heic\]"):
            read_image(tmp_path / name)


def test_an_image_without_pixels_is_an_error() -> None:
    with pytest.raises(ImageError, match="no pixels: 0 x 5"):
        read_image(Image.new("RGB", (0, 5)))


def test_a_bomb_is_refused_by_its_header() -> None:
    """Row 6: the error names the size and the limit."""
    with pytest.raises(ImageError, match=r"(?s)10000 x 8000 = 80000000 pixels.*64000000"):
        read_image(header_only_png(10_000, 8_000))
    with pytest.raises(ImageError, match=r"(?s)900000000 pixels.*64000000"):  # beyond what Pillow itself opens
        read_image(header_only_png(30_000, 30_000))
    with pytest.raises(ImageError, match=r"(?s)40 x 30 = 1200 pixels.*1000"):
        read_image(gradient(), max_pixels=1000)
    with pytest.raises(ImageError, match=r"(?s)40 x 30 = 1200 pixels.*1000"):
        read_image(np.asarray(gradient()), max_pixels=1000)


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "SGI", "EPS", "PDF"])
def test_a_format_that_is_not_on_the_list_is_refused(kind: str) -> None:
    """Row 7."""
    with pytest.raises(ImageError, match=r"(?s)known format.*JPEG, PNG"):
        read_image(encoded(gradient(), kind))


@settings(max_examples=80, deadline=None)
@given(kind=st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM"]), data=st.data())
def test_a_crafted_file_gives_an_image_or_an_image_error(kind: str, data: st.DataObject) -> None:
    """Row 7."""
    content = bytearray(encoded(gradient(12, 10), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = read_image(bytes(content), max_pixels=10_000).mode
    except ImageError as error:
        read = error.found
    assert read == "RGB" or read.startswith("the image ")


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "the file is empty"), (b"<html>", "not an image"), (None, "there is no such file")]
)
def test_what_is_no_image_is_an_error_that_says_so(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=rf"x\.jpg.*{reason}"):
        read_image(path)
    assert image_size(path) is None


@pytest.mark.parametrize("name", ["with space.png", "Ünïcødé 猫 🐈.png", "a" * 240 + ".png", "new\nline.png"])
def test_odd_file_names_are_read(name: str, tmp_path: Path) -> None:
    """Row 8."""
    gradient().save(tmp_path / name)
    assert read_image(tmp_path / name).size == (40, 30)
