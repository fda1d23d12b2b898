"""What a bundle finds in images: in pixels of each image, whole or in tiles, as rows and as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from warmstart.api.evaluate import evaluate
from warmstart.api.predict import predict
from warmstart.data.annotations import Boxes, Legend, Mask
from warmstart.data.drawing import colours
from warmstart.data.scenes import BoxTarget, MaskTarget
from warmstart.data.schema import Sample
from warmstart.data.sources import load
from warmstart.data.synthetic.scenes import GROUND, SHAPES, write_scenes
from warmstart.data.tiling import tiled
from warmstart.errors import DataError, RunError
from warmstart.evaluation.outcome import Marked, PrecisionRecall
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.report.marked import curve
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.scenefiles import written
from warmstart.shipping.scenes import Marker
from warmstart.shipping.stored_size import at_stored_size, whole_images
from warmstart.shipping.write import Use, write_bundle
from warmstart.task.base import suited, task_of
from warmstart.task.detect import Detect
from warmstart.task.network import network_for
from warmstart.task.segment import Segment

CLASSES = ("dark", "light")
SPEC = PreprocessSpec(size=32, resize="pad", mean=(0.0,) * 3, std=(1.0,) * 3, interpolation="bilinear")


class Brightness(nn.Module):
    """Says of each pixel whether it is dark or light: what is right is plain to see, also at the seams of tiles."""

    def forward(self, x: Tensor) -> Tensor:
        light = x.mean(1) - 0.5
        return torch.stack([-light, light], 1)


class Bright(nn.Module):
    """Finds one box around all that is bright."""

    def forward(self, x: Tensor) -> Tensor:
        found = torch.zeros(len(x), 2, 6)
        found[:, :, 0] = -1
        for out, image in zip(found, x.mean(1), strict=True):
            rows, columns = (torch.nonzero((image > 0.75).any(axis)).flatten() for axis in (1, 0))
            if len(rows):
                edges = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
                out[0] = torch.tensor([1.0, 0.9, *(float(edge) for edge in edges)])
        return found


class Whole(nn.Module):
    """A head on the pixels themselves."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = nn.Identity(), head

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(x)
        return found


def marker(head: nn.Module, target: MaskTarget | BoxTarget, **how: Any) -> Marker:
    task = Segment() if isinstance(target, MaskTarget) else Detect(CLASSES)
    networks: Any = [Whole(head)]
    return Marker(networks, SPEC, task, target, **how)


def half_light(size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size)
    image.paste((255, 255, 255), (size[0] // 2, 0, *size))
    return image


@pytest.mark.parametrize("tile", [None, 32, 48])
@pytest.mark.parametrize("size", [(64, 32), (32, 64), (100, 70), (20, 20)])
def test_a_mask_has_the_size_of_the_image(size: tuple[int, int], tile: int | None) -> None:
    image = half_light(size)
    ((row, error),) = marker(Brightness(), MaskTarget(CLASSES), tile=tile).rows([Sample("a", image)])
    assert error is None
    assert row["size"] == list(size)
    expected = (np.asarray(image)[..., 0] > 127).astype(np.uint8)
    assert row["mask"].shape == expected.shape
    assert (row["mask"] == expected).mean() > 0.95  # an edge may be off by the pixel that the network sees
    assert row["shares"]["light"] == pytest.approx(expected.mean(), abs=0.05)


def test_tiles_of_the_size_that_the_network_sees_are_answered_to_the_pixel() -> None:
    image = half_light((100, 70))
    ((row, _),) = marker(Brightness(), MaskTarget(CLASSES), tile=32).rows([Sample("a", image)])
    assert np.array_equal(row["mask"], (np.asarray(image)[..., 0] > 127).astype(np.uint8))


@pytest.mark.parametrize("tile", [None, 64])
def test_boxes_are_in_pixels_of_the_image_and_told_once(tile: int | None) -> None:
    image = Image.new("RGB", (160, 120))
    image.paste((255, 255, 255), (30, 40, 60, 60))  # in the overlap of several tiles
    ((row, _),) = marker(Bright(), BoxTarget(CLASSES), tile=tile).rows([Sample("a", image)])
    assert row["size"] == [160, 120]
    best = row["boxes"][0]
    assert best["label"] == "light"
    assert np.abs(np.array(best["box"]) - [30, 40, 60, 60]).max() <= 6  # five pixels for each that the network sees
    scores = [box["score"] for box in row["boxes"]]
    assert scores == sorted(scores, reverse=True)
    (few,) = marker(Bright(), BoxTarget(CLASSES), least_score=0.95).rows([Sample("a", image)])
    assert few[0]["boxes"] == []


def test_an_image_that_cannot_be_read_has_a_row_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    samples = [Sample("a", half_light((40, 30))), Sample("broken.png", tmp_path / "broken.png")]
    for tile in (None, 32):
        rows = [row for row, _ in marker(Brightness(), MaskTarget(CLASSES), tile=tile).rows(samples)]
        assert [row["input"] for row in rows] == ["a", "broken.png"]
        assert rows[0]["error"] is None
        assert rows[1]["mask"] is None
        assert "broken.png" in rows[1]["error"]


def test_masks_that_are_written_are_read_again_as_labels(tmp_path: Path) -> None:
    place = tmp_path / "found"
    (place / "images").mkdir(parents=True)
    samples = []
    for name in ("a", "b"):
        half_light((64, 48)).save(place / "images" / f"{name}.png")
        samples.append(Sample(f"images/{name}.png", place / "images" / f"{name}.png"))
    rows = [row for row, _ in marker(Brightness(), MaskTarget(CLASSES)).rows(samples)]
    told = written(place, CLASSES, zip(samples, rows, strict=True))
    assert [row["mask"] for row in told] == ["masks/a.png", "masks/b.png"]
    with Image.open(place / "masks" / "a.png") as mask:
        assert mask.mode == "P"
        assert np.array_equal(np.asarray(mask), rows[0]["mask"])
        assert mask.getpalette()[:6] == [value for colour in colours(2) for value in colour]  # type: ignore[index]
    again = load(place, task="segment")
    assert sorted(again.target.classes) == sorted(CLASSES)
    assert len(again) == 2
    assert (place / "drawn" / "a.jpg").exists()


def test_boxes_that_are_written_are_read_by_coco(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    image = Image.new("RGB", (160, 120))
    image.paste((255, 255, 255), (30, 40, 60, 60))
    samples = [Sample("x/a.png", image), Sample("y/a.png", image), Sample("dark", Image.new("RGB", (8, 8)))]
    rows = [row for row, _ in marker(Bright(), BoxTarget(CLASSES)).rows(samples)]
    written(tmp_path, CLASSES, zip(samples, rows, strict=True))
    found = coco.COCO(str(tmp_path / "boxes.json"))
    assert [found.imgs[i]["file_name"] for i in (1, 2, 3)] == ["x/a.png", "y/a.png", "dark"]
    (first, _) = found.loadAnns(found.getAnnIds())
    left, top, right, bottom = rows[0]["boxes"][0]["box"]
    assert first["bbox"] == pytest.approx([left, top, right - left, bottom - top])
    assert found.cats[first["category_id"]]["name"] == "light"
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["a-2.jpg", "a.jpg", "dark.jpg"]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes") / "shapes", 6, size=(48, 36), most=2)


@pytest.fixture(scope="module")
def bundle(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = MaskTarget((GROUND, *SHAPES), head="unet?channels=8,8", loss="dice")
    backbone = load_backbone("toy")
    network = network_for(suited(backbone, target), target)
    spec = PreprocessSpec(size=32, resize="pad", mean=backbone.preprocess.mean, std=backbone.preprocess.std)
    golden = sorted((shapes / "images").iterdir())[:2]
    return write_bundle(
        tmp_path_factory.mktemp("bundle") / "bundle",
        network,
        target=target,
        preprocess=spec,
        golden=golden,
        recipes=["none"],
        recipe="steps: []",
        use=Use(tile=64),
    )


def test_a_bundle_answers_in_another_process_as_the_network_did(bundle: Path, shapes: Path) -> None:
    loaded = Bundle.load(bundle)  # compares the golden samples
    assert loaded.manifest.target == MaskTarget((GROUND, *SHAPES), head="unet?channels=8,8", loss="dice")
    assert loaded.manifest.tile == 64
    (row,) = loaded.predict([str(shapes / "images" / "00000.png")])
    assert row["mask"].shape == (36, 48)
    assert isinstance(loaded.networks[0], Network)
    assert task_of(loaded.manifest.target).name == "segment"


def test_predict_writes_files_into_a_new_folder_alone(bundle: Path, shapes: Path, tmp_path: Path) -> None:
    inputs = [str(path) for path in sorted((shapes / "images").iterdir())[:2]]
    rows = predict(bundle, inputs, out=tmp_path / "found")
    predict(bundle, inputs, out=tmp_path / "found.csv")
    assert sorted(path.name for path in (tmp_path / "found").iterdir()) == ["drawn", "masks"]
    assert [row["mask"] for row in rows] == ["masks/00000.png", "masks/00001.png"]
    assert json.loads((tmp_path / "found" / "masks" / "legend.json").read_text())["0"] == GROUND
    assert (tmp_path / "found.csv").read_text().startswith("input,label,share,error")
    with pytest.raises(RunError, match="exists already"):
        predict(bundle, inputs, out=tmp_path / "found")
    with pytest.raises(DataError):
        predict(bundle, [*inputs, str(tmp_path / "missing.png")], out=tmp_path / "other", on_error="stop")
    assert not (tmp_path / "other").exists()


def test_evaluate_tells_each_class(bundle: Path, shapes: Path) -> None:
    found = evaluate(bundle, str(shapes))
    assert found["n"] == 6
    assert {"miou", "dice", "boundary_iou", "pixel_accuracy"} <= set(found["metrics"])
    assert [row["name"] for row in found["by_class"]] == [GROUND, *SHAPES]
    assert sum(row["count"] for row in found["by_class"]) == pytest.approx(1.0)
    assert found["at_size"] == "of each image as it is stored"
    assert found["independent"] is None


@pytest.mark.parametrize("size", [(64, 32), (100, 70), (33, 95)])
def test_masks_are_measured_at_the_size_of_the_image(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image, own = half_light(size), Legend({0: "dark", 1: "light"})
    true = (np.asarray(image)[..., 0] > 127).astype(np.uint8)
    true ^= (rng.random(true.shape) < 0.1).astype(np.uint8)
    samples = [Sample("a", image, Mask(true, own, CLASSES)), Sample("none", image)]
    seen = marker(Brightness(), MaskTarget(CLASSES), tile=32)
    found = at_stored_size(seen, samples)
    assert found.index.tolist() == [0]
    assert found.outputs[0, :-1].reshape(6, 2)[[0, 2]].sum() == true.size, "every pixel as it is stored counts once"
    ((row, _),) = seen.rows(samples[:1])
    right = float((row["mask"] == true).mean())
    assert Segment().values(found.outputs, found.targets)["pixel_accuracy"].item() == pytest.approx(right)


def test_thin_things_that_the_network_cannot_see_count_where_they_are_stored() -> None:
    """A line of one pixel in an image that is seen at an eighth of its size: gone from answer and resized truth."""
    image = Image.new("RGB", (256, 256))
    image.paste((255, 255, 255), (128, 0, 129, 256))
    true = (np.asarray(image)[..., 0] > 127).astype(np.uint8)
    sample = Sample("a", image, Mask(true, Legend({0: "dark", 1: "light"}), CLASSES))
    found = at_stored_size(marker(Brightness(), MaskTarget(CLASSES)), [sample])
    assert Segment().values(found.outputs, found.targets)["miou"].item() < 0.51
    in_tiles = at_stored_size(marker(Brightness(), MaskTarget(CLASSES), tile=32), [sample])
    assert Segment().values(in_tiles.outputs, in_tiles.targets)["miou"].item() == 1.0


def test_a_mask_that_does_not_belong_to_its_image_is_told_and_left_out() -> None:
    mask = Mask(np.zeros((5, 5), np.uint8), Legend({0: "dark"}), CLASSES[:1])
    found = at_stored_size(marker(Brightness(), MaskTarget(CLASSES)), [Sample("a", half_light((40, 30)), mask)])
    assert len(found.index) == 0
    assert "5" in found.errors[0]


def test_tiles_are_put_together_again(shapes: Path) -> None:
    dataset = load(str(shapes), task="segment")
    cut = tiled(dataset, 32).samples
    assert len(cut) > len(dataset)
    whole = whole_images(cut)
    assert [sample.id for sample in whole] == [sample.id for sample in dataset.samples]
    assert [str(sample.source) for sample in whole] == [str(sample.source) for sample in dataset.samples]
    assert all(isinstance(sample.label, Mask) and sample.label.window is None for sample in whole)


def test_a_curve_says_what_it_shows() -> None:
    drawn = curve(PrecisionRecall("a<b", (0.0, 0.5, 1.0), (1.0, 0.5, 0.0), 0.5))
    assert "precision over recall of a&lt;b, average precision 0.50" in drawn
    assert Marked("a", "1 bee", "none", 1.0, True).true_picture == ""
    assert Boxes((), np.zeros((0, 4))).names == ()
