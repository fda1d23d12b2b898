"""Rows 1 to 8: images that cannot be read as they are, and files that are not to be touched."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.api.helpers import contents
from tests.faults.conftest import QUICK
from tests.faults.ways import Way


def first(folder: Path, label: str = "0") -> Path:
    return sorted((folder / label).iterdir())[0]


def test_01_a_truncated_image_is_listed_with_its_reason_and_left_out(way: Way, digits_folder: Path) -> None:
    torn = digits_folder / "0" / "torn.png"
    torn.write_bytes(first(digits_folder).read_bytes()[:-40])
    said = way("check", digits_folder)
    assert said.code == 0
    assert said.told("torn.png", "truncated")
    assert way("fit", digits_folder, **QUICK).told("torn.png")
    stopped = way("fit", digits_folder, max_unreadable=0, **QUICK)
    assert stopped.code == 2
    assert stopped.told("torn.png")


def test_02_no_command_changes_the_files_of_the_user(way: Way, digits_folder: Path, bundle: Path) -> None:
    (digits_folder / "1" / "torn.png").write_bytes(first(digits_folder).read_bytes()[:60])
    before = contents(digits_folder), contents(bundle)
    for command, given, options in (
        ("check", [digits_folder], {}),
        ("plan", [digits_folder], {"recipe": "probe", "backbone": "toy"}),
        ("fit", [digits_folder], QUICK),
        ("predict", [bundle, [digits_folder]], {}),
        ("evaluate", [bundle, digits_folder], {}),
    ):
        assert way(command, *given, **options).code == 0, command
    assert (contents(digits_folder), contents(bundle)) == before


def test_03_a_rotation_in_exif_is_obeyed_by_every_command(way: Way, digits_folder: Path, bundle: Path) -> None:
    upright = Image.open(first(digits_folder, "2")).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees to the right to see it upright"
    upright.save("upright.png")
    upright.rotate(90, expand=True).save("turned.png", exif=exif)
    a, b = way("predict", bundle, ["upright.png", "turned.png"]).result
    assert a["probabilities"] == b["probabilities"]


@pytest.mark.parametrize("kind", ["16 bit", "float", "CMYK", "RGBA", "palette", "frames", "1 bit"])
def test_04_odd_pixels_are_read_by_one_stated_rule(kind: str, way: Way, digits_folder: Path, bundle: Path) -> None:
    grey = Image.open(first(digits_folder)).convert("L")
    values = np.asarray(grey)
    odd = {
        "16 bit": lambda: Image.fromarray(values.astype(np.uint16) * 257),
        "float": lambda: Image.fromarray(values.astype(np.float32)),
        "CMYK": lambda: grey.convert("CMYK"),
        "RGBA": lambda: grey.convert("RGBA"),
        "palette": lambda: grey.convert("P"),
        "frames": lambda: grey.convert("P"),
        "1 bit": lambda: grey.point(lambda v: 255 * (v > 127)).convert("1"),
    }[kind]()
    name = {"float": "odd.tif", "CMYK": "odd.jpg", "frames": "odd.gif"}.get(kind, "odd.png")
    path = digits_folder / "0" / name
    if kind == "frames":
        odd.save(path, save_all=True, append_images=[odd.rotate(90)] * 2)
    else:
        odd.save(path)
    assert way("check", digits_folder).code == 0
    (row,) = way("predict", bundle, [path]).result
    assert row["error"] is None
    assert row["label"] in ("0", "1", "2")


def test_05_a_format_that_needs_a_plug_in_names_the_extra(way: Way, digits_folder: Path) -> None:
    pytest.importorskip("PIL")
    try:
        import pillow_heif  # noqa: F401
    except ImportError:
        (digits_folder / "0" / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(200))
        assert way("check", digits_folder).told("phone.heic", "warmstart[heic]")
    else:
        pytest.skip("the plug-in for HEIC is installed, so the fault cannot happen here")


def bomb(path: Path, side: int = 30_000) -> None:
    """A PNG of a few kilobytes whose header claims so many pixels a side, all of them there."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    squeeze = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    packed = b"".join(squeeze.compress(row * 100) for _ in range(side // 100)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def test_06_a_decompression_bomb_is_refused_by_its_header(way: Way, digits_folder: Path, bundle: Path) -> None:
    path = digits_folder / "0" / "bomb.png"
    bomb(path)
    assert path.stat().st_size < 300_000
    assert way("check", digits_folder).told("bomb.png", "pixels")
    (row,) = way("predict", bundle, [path]).result
    assert row["label"] is None
    assert "pixels" in row["error"]


@pytest.mark.parametrize("content", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"SIMPLE  =  T", b"<svg/>"])
def test_07_what_is_no_image_of_the_known_formats_is_never_decoded(
    content: bytes, way: Way, digits_folder: Path, bundle: Path
) -> None:
    (digits_folder / "0" / "crafted.png").write_bytes(content)
    assert way("check", digits_folder).told("crafted.png")
    (row,) = way("predict", bundle, [digits_folder / "0" / "crafted.png"]).result
    assert row["label"] is None
    assert row["error"]


def test_08_odd_paths_are_read_and_a_loop_of_links_ends(way: Way, digits_folder: Path, bundle: Path) -> None:
    names = ["with space.png", "größe, naïve.png", "画像.png", f"{'long' * 50}.png", "#;&'.png"]
    for name in names:
        (digits_folder / "0" / name).write_bytes(first(digits_folder).read_bytes() + name.encode())
    (digits_folder / "0" / "loop").symlink_to(digits_folder)
    (digits_folder / "0" / "dangling.png").symlink_to(digits_folder / "nowhere.png")
    said = way("check", digits_folder)
    assert said.code == 0
    assert said.told("dangling.png")
    rows = way("predict", bundle, [digits_folder / "0" / name for name in names]).result
    assert [row["error"] for row in rows] == [None] * 5
