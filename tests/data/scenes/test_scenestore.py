from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from warmstart.cache.shelf import PixelShelf
from warmstart.data.annotations import Boxes, Legend, Mask
from warmstart.data.batches import ImageBatches
from warmstart.data.scenes import CROWD, NOTHING, BoxTarget, MaskTarget
from warmstart.data.scenestore import SceneStore
from warmstart.data.schema import Dataset, Sample
from warmstart.data.stores import store_of
from warmstart.data.views import View
from warmstart.errors import DataError
from warmstart.preprocess.augment import AUGMENTATIONS
from warmstart.preprocess.spec import PreprocessSpec

SIZE = 64
PLACES = [(40, 30, 120, 90), (10, 50, 60, 110), (100, 5, 150, 100), (60, 60, 75, 119)]
"""Left, upper, right, lower edge of what is red in each picture of 160 x 120."""
LEGEND = Legend({0: "ground", 7: "thing", 9: None})


def picture(box: tuple[int, int, int, int], size: tuple[int, int] = (160, 120)) -> np.ndarray:
    """Blue, with a red rectangle."""
    found = np.zeros((size[1], size[0], 3), np.uint8)
    found[..., 2] = 200
    left, top, right, bottom = box
    found[top:bottom, left:right] = (250, 0, 0)
    return found


def spec(resize: str = "pad", size: int = SIZE, **how: object) -> PreprocessSpec:
    zeros, ones = (0.0,) * 3, (1.0,) * 3
    plain = PreprocessSpec(size=size, interpolation="bilinear", mean=zeros, std=ones, **how)  # type: ignore[arg-type]
    return dataclasses.replace(plain, resize=resize)  # type: ignore[arg-type]


def boxed() -> Dataset:
    samples = [Sample(str(i), picture(box), Boxes(("thing",), np.array([box], float))) for i, box in enumerate(PLACES)]
    return Dataset(tuple(samples), BoxTarget(("other", "thing")))


def masked() -> Dataset:
    samples = [Sample(str(i), picture(box), Mask(7 * red_of(picture(box)), LEGEND)) for i, box in enumerate(PLACES)]
    return Dataset(tuple(samples), MaskTarget(("thing", "ground")))


def red_of(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., 0] > 125).astype(np.uint8)


def red_in(inputs: torch.Tensor) -> np.ndarray:
    """What is red in each of the inputs of a network, (n, size, size)."""
    return (inputs[:, 0] > inputs[:, 2]).numpy()


@pytest.mark.parametrize("augment", AUGMENTATIONS)
@pytest.mark.parametrize("resize", ["pad", "squash", "shortest"])
def test_boxes_lie_where_the_object_lies_in_what_the_network_sees(resize: str, augment: str) -> None:
    store = SceneStore(boxed(), spec(resize))
    for epoch in range(8):
        (batch,) = ImageBatches(store, range(4), batch_size=4, augment=augment, seed=3, epoch=epoch)
        for red, rows in zip(red_in(batch.inputs), batch.targets.numpy(), strict=True):
            ys, xs = np.nonzero(red)
            if rows[0, 0] == NOTHING:
                assert len(xs) < 0.25 * SIZE**2
                continue
            seen = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            assert rows[0, 0] == 1
            assert np.abs(rows[0, 1:5] - seen).max() < 1.6  # half a pixel is blended, and magnified by a crop


@pytest.mark.parametrize("augment", AUGMENTATIONS)
@pytest.mark.parametrize("resize", ["pad", "squash", "shortest"])
def test_a_mask_lies_where_the_object_lies_in_what_the_network_sees(resize: str, augment: str) -> None:
    store = SceneStore(masked(), spec(resize))
    for epoch in range(8):
        (batch,) = ImageBatches(store, range(4), batch_size=4, augment=augment, seed=3, epoch=epoch)
        assert batch.targets.shape == (4, SIZE, SIZE)
        assert batch.targets.dtype == torch.uint8
        inside = (batch.targets != 255).numpy()
        assert inside.all() == (resize != "pad")
        assert np.mean(red_in(batch.inputs)[inside] == (batch.targets.numpy() == 0)[inside]) > 0.97


def test_the_targets_of_a_view_are_those_of_the_batches_that_show_it() -> None:
    for data in (boxed(), masked()):
        store = SceneStore(data, spec())
        batches = ImageBatches(store, range(4), batch_size=2, augment="standard", seed=5, epoch=2)
        shown = torch.cat([batch.targets for batch in batches])
        assert torch.equal(store.targets(np.arange(4), View("standard", 5, 2)), shown)
        assert not torch.equal(store.targets(np.arange(4), View("standard", 5, 3)), shown)
        assert not torch.equal(store.targets(np.arange(4)), shown)


def test_how_many_threads_read_and_what_is_kept_changes_nothing() -> None:
    def read(budget: int, workers: int) -> list[torch.Tensor]:
        store = SceneStore(masked(), spec(), budget_bytes=budget)
        batches = ImageBatches(store, [3, 1, 0], batch_size=2, augment="light", workers=workers)
        return [part for _ in range(2) for batch in batches for part in (batch.inputs, batch.targets)]

    first = read(0, 0)
    for budget, workers in [(0, 3), (20_000, 2), (10**9, 0)]:
        assert all(torch.equal(a, b) for a, b in zip(first, read(budget, workers), strict=True))


def test_classes_crowds_areas_and_images_without_or_with_unknown_objects() -> None:
    wide = np.zeros((100, 200, 3), np.uint8)
    rows = np.array([[0.0, 0.0, 100.0, 50.0], [150.0, 20.0, 250.0, 60.0], [30.0, 30.0, 30.0, 80.0]])
    three = Boxes(("b", "b", "a"), rows, crowd=(False, True, False))
    labels = [three, Boxes((), np.zeros((0, 4))), None]
    data = Dataset(tuple(Sample(str(i), wide, label) for i, label in enumerate(labels)), BoxTarget(("a", "b")))
    store = SceneStore(data, spec(size=100))
    targets, nothing = store.targets(np.arange(3)), [NOTHING, 0, 0, 0, 0, 4]  # a pixel stands for 4 of the image
    assert targets.shape == (3, 3, 6)
    boxes = [[1, 0, 25, 50, 50, 5000], [CROWD - 1, 75, 35, 100, 55, 2000]]  # the flat one is dropped
    assert targets[0].tolist() == [*boxes, nothing]
    assert targets[1].tolist() == [nothing, nothing, nothing]
    assert bool(targets[2].isnan().all())
    assert store.targets(np.array([1])).tolist() == [[nothing]]


def test_an_object_of_which_a_crop_leaves_little_is_not_there_and_others_are_clipped() -> None:
    data, view = boxed(), View("standard", 0, 0)
    store = SceneStore(data, spec("squash"))
    found = [
        store.targets(np.array([i]), dataclasses.replace(view, number=n))[0, 0] for n in range(100) for i in (1, 2)
    ]
    there = torch.stack([row for row in found if row[0] != NOTHING])
    assert 0 < len(there) < len(found)
    assert float(there[:, 1:5].min()) == 0
    assert float(there[:, 1:5].max()) == SIZE


def test_a_class_that_the_target_lacks_is_an_error_that_says_where() -> None:
    label = Boxes(("cat",), np.array([[0.0, 0, 5, 5]]), where="boxes.json, annotation 3")
    data = Dataset((Sample("a", picture(PLACES[0]), label),), BoxTarget(("dog",)))
    with pytest.raises(DataError, match=r"(?s)boxes.json, annotation 3.*'cat'.*dog"):
        SceneStore(data, spec()).targets(np.array([0]))


def turned(folder: Path) -> tuple[Path, np.ndarray]:
    """A photo that EXIF turns by a quarter, and its pixels as stored."""
    stored = picture((40, 30, 120, 90))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stored).save(folder / "a.jpg", quality=95, exif=exif)
    return folder / "a.jpg", stored


@pytest.mark.parametrize("upright", [True, False])
def test_masks_of_a_photo_that_exif_turns(tmp_path: Path, upright: bool) -> None:
    path, stored = turned(tmp_path)
    values = 7 * red_of(stored)
    Image.fromarray(np.rot90(values, 3) if upright else values).save(tmp_path / "a.png")
    data = Dataset((Sample("a", path, Mask(tmp_path / "a.png", LEGEND)),), MaskTarget(("thing", "ground")))
    (batch,) = ImageBatches(SceneStore(data, spec()), [0], batch_size=1)
    inside = (batch.targets != 255).numpy()
    assert np.mean(red_in(batch.inputs)[inside] == (batch.targets.numpy() == 0)[inside]) > 0.98


def test_boxes_of_a_photo_that_exif_turns_are_those_of_the_upright_image(tmp_path: Path) -> None:
    path, _ = turned(tmp_path)
    box = np.array([[30.0, 40, 90, 120]])  # the red of (40, 30, 120, 90), turned clockwise in 120 x 160
    data = Dataset((Sample("a", path, Boxes(("thing",), box)),), BoxTarget(("thing",)))
    store = SceneStore(data, spec(size=160))
    (batch,) = ImageBatches(store, [0], batch_size=1)
    ys, xs = np.nonzero(red_in(batch.inputs)[0])
    assert store.targets(np.array([0]))[0, 0, 1:5].tolist() == [50, 40, 110, 120]
    assert np.abs(np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) - [50, 40, 110, 120]).max() <= 1


def on_disk(folder: Path, wrong: bool = False) -> Dataset:
    """Pictures and masks in files; with one mask of another size, and one that is cut off."""
    samples = []
    for i, box in enumerate(PLACES):
        Image.fromarray(picture(box, (320, 240))).save(folder / f"{i}.png")
        Image.fromarray(7 * red_of(picture(box, (320, 240)))).save(folder / f"{i}-mask.png")
        samples.append(Sample(f"{i}.png", folder / f"{i}.png", Mask(folder / f"{i}-mask.png", LEGEND)))
    if wrong:
        Image.new("L", (30, 40)).save(folder / "1-mask.png")
        content = (folder / "2-mask.png").read_bytes()
        (folder / "2-mask.png").write_bytes(content[: len(content) // 2])
    return Dataset(tuple(samples), MaskTarget(("thing", "ground")))


def test_masks_that_cannot_be_used_are_told_as_images_that_cannot_be_read(tmp_path: Path) -> None:
    store = SceneStore(on_disk(tmp_path, wrong=True), spec())
    errors = [look.error for look in store.preload(range(4))]
    assert [bool(error) for error in errors] == [False, True, True, False]
    assert "1-mask.png" in errors[1]
    assert "30 x 40" in errors[1]
    assert "320 x 240" in errors[1]
    assert "2-mask.png cannot be read" in errors[2]
    with pytest.raises(DataError, match="1-mask"):
        store.targets(np.array([1]))


def test_masks_are_read_once_and_then_from_the_shelf(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = on_disk(tmp_path / "data")

    def store() -> tuple[SceneStore, PixelShelf]:
        shelf, masks = (PixelShelf(tmp_path / "cache", 10**8, spec()) for _ in range(2))
        return SceneStore(data, spec(), shelf=shelf, masks=masks), masks

    first, masks = store()
    looks, targets = first.preload(range(4)), first.targets(np.arange(4))
    assert masks.stored == 4
    later, masks = store()
    assert later.preload(range(4)) == looks
    assert (masks.found, masks.stored) == (4, 0)
    assert torch.equal(later.targets(np.arange(4)), targets)
    other = dataclasses.replace(data, target=MaskTarget(("ground", "thing")))
    swapped = SceneStore(other, spec(), masks=PixelShelf(tmp_path / "cache", 10**8, spec())).targets(np.arange(4))
    assert torch.equal(swapped == 0, targets == 1)


def test_a_part_of_a_store_has_what_was_read_and_another_size_its_own_targets(tmp_path: Path) -> None:
    store = SceneStore(on_disk(tmp_path), spec())
    store.preload(range(4))
    part = store.subset([2, 0])
    assert part.holds(0)
    assert torch.equal(part.targets(np.array([0, 1])), store.targets(np.array([2, 0])))
    assert store.resized(spec(size=32)).targets(np.array([1])).shape == (1, 32, 32)


def test_the_store_of_scenes_is_one_of_scenes() -> None:
    assert isinstance(store_of(boxed(), spec()), SceneStore)
    assert isinstance(store_of(masked(), spec()), SceneStore)
