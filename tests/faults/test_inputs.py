"""Rows 1 to 8: images that cannot be read as they are, and files that are not to be touched."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.api.helpers import contents
from tests.faults.conftest import QUICK
from tests.faults.ways import Way
from tests.serving.clients import sent
from warmstart.serving.app import create_app
from warmstart.serving.limits import Limits
from warmstart.shipping.bundle import Bundle


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


@pytest.mark.slow
def test_02_no_command_that_learns_changes_the_files_of_the_user(
    way: Way, digits_folder: Path, bundle: Path, tmp_path: Path
) -> None:
    before = contents(digits_folder), contents(bundle)
    other = shutil.copytree(digits_folder, tmp_path / "other")
    quick: dict[str, Any] = {"backbone": "toy", "budget": "20s"}
    for command, given, options in (
        ("similarity", [digits_folder, other], {"backbone": "toy"}),
        ("compare", [digits_folder], {"methods": "probe", "backbones": "toy", "folds": 2, "budget": "20s"}),
        ("recommend", [digits_folder], {"backbones": "toy,toy?taps=0", "budget": "20s"}),
        ("adapt", [], {"source": digits_folder, "target": other, **quick}),
        ("tune", [digits_folder], {"recipe": "probe?heads=ridge|lda", "trials": 2, **quick}),
        ("distill", [bundle, digits_folder], quick),
        ("pretrain", [digits_folder], quick),
        ("update", [bundle, digits_folder], {"budget": "20s"}),
        ("explain", [bundle, [digits_folder / "0"]], {"out": "explained"}),
        ("export", [bundle], {"format": "torch", "out": "model.pt2"}),
    ):
        said = way(command, *given, **options)
        assert (contents(digits_folder), contents(bundle)) == before, command
        assert said.code == 0, f"{command}: {said.words[-2000:]}"


def test_03_a_rotation_in_exif_is_obeyed_by_every_command(way: Way, digits_folder: Path, bundle: Path) -> None:
    upright = Image.open(first(digits_folder, "2")).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees to the right to see it upright"
    upright.save("upright.png")
    upright.rotate(90, expand=True).save("turned.png", exif=exif)
    a, b = way("predict", bundle, ["upright.png", "turned.png"]).result
    assert a["probabilities"] == b["probabilities"]
    served = create_app(Bundle.load(bundle), limits=Limits(), token=None, hosts=("127.0.0.1",))
    for name in ("upright.png", "turned.png"):
        (row,) = sent(served, (name, Path(name).read_bytes())).json()["rows"]
        assert row["probabilities"] == pytest.approx(a["probabilities"], abs=1e-6)
    whole = way("fit", digits_folder, seed=3, out="whole", **QUICK)
    for path in sorted(digits_folder.rglob("*.png")):
        picture = Image.open(path).convert("RGB")
        picture.rotate(90, expand=True).save(path, exif=exif)
    turned = way("fit", digits_folder, seed=3, out="turned", **QUICK)
    assert turned.result["test"]["accuracy"] == whole.result["test"]["accuracy"]
    a, b = (contents(Path(name, "bundle"))["weights-0.safetensors"][0] for name in ("whole", "turned"))
    assert a == b


ODD: dict[str, tuple[str, Callable[[Image.Image], Image.Image], bool]] = {
    "16 bit": ("odd.png", lambda grey: Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), True),
    "float": ("odd.tif", lambda grey: Image.fromarray(np.asarray(grey).astype(np.float32) / 255), True),
    "CMYK": ("odd.jpg", lambda grey: grey.convert("CMYK"), False),  # JPEG loses a little
    "RGBA": ("odd.png", lambda grey: grey.convert("RGBA"), True),
    "palette": ("odd.png", lambda grey: grey.convert("P"), True),
    "frames": ("odd.gif", lambda grey: grey.convert("P"), True),
    "1 bit": ("odd.png", lambda grey: grey.point(lambda v: 255 * (v > 127)).convert("1"), False),
}
"""How it is stored, from 8-bit grey, and whether it is the same picture then."""


@pytest.mark.parametrize("kind", ODD)
def test_04_odd_pixels_are_read_by_one_stated_rule(kind: str, way: Way, digits_folder: Path, bundle: Path) -> None:
    name, made, same = ODD[kind]
    plain, path = first(digits_folder), digits_folder / "0" / name
    odd = made(Image.open(plain).convert("L"))
    more: dict[str, Any] = {"save_all": True, "append_images": [odd.rotate(90)] * 2} if kind == "frames" else {}
    odd.save(path, **more)
    found = way("check", digits_folder)
    assert found.code == 0
    assert set(found.result["unusual"].values()) == {1}, "told, with how many there are"
    expected, row = way("predict", bundle, [plain, path]).result
    assert row["error"] is None
    assert row["label"] == expected["label"]
    assert not same or row["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-6)


def test_05_a_format_that_needs_a_plug_in_names_the_extra(way: Way, digits_folder: Path) -> None:
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
