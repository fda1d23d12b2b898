"""From a folder of 13-band tiles to a bundle that answers, by a backbone of 13 channels."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from tests.api.helpers import contents, quick
from tests.preprocess.tiles import SENTINEL, gdal_names, npy, tiff
from warmstart.api.check import check
from warmstart.api.evaluate import evaluate
from warmstart.api.fit import FitResult
from warmstart.api.plan import plan
from warmstart.api.predict import predict
from warmstart.data.sources import load
from warmstart.errors import BandsError, DataError
from warmstart.model.adapters import toy
from warmstart.model.catalog import backbones
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.shipping.bundle import Bundle

NAMED = PreprocessSpec(32, "squash", 1.0, "bilinear", (0.2,) * 13, (0.1,) * 13, 13, bands=SENTINEL, scale=10_000.0)
UNNAMED = dataclasses.replace(NAMED, bands=(), scale=255.0, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
BACKBONES = {"satellite": NAMED, "thirteen": UNNAMED.with_channels(13), "two": UNNAMED.with_channels(2, ("B08", "B04"))}
NIR = SENTINEL.index("B08")


def supplier(name: str, spec: PreprocessSpec) -> toy.ToySupplier:
    """The toy with a first convolution of as many channels as a spec has."""

    def network() -> nn.Module:
        net = toy.ToyNet()
        net.stem[0] = nn.Conv2d(spec.channels, 8, 3, 1, 1, bias=False)
        return net

    return toy.ToySupplier(name, network, spec)


@pytest.fixture(scope="module", autouse=True)
def _suppliers() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, spec in BACKBONES.items():
            patch.setitem(backbones._entries, name, supplier(name, spec))
        yield


def tile(seed: int, bright: bool) -> Any:
    """(32, 32, 13) reflectances; the classes differ in the near infrared alone."""
    values = np.random.default_rng(seed).normal(2000, 300, (32, 32, 13))
    values[..., NIR] += 1500 * bright
    return values.clip(0, 10_000).astype(np.uint16)


def write_tile(path: Path, values: Any) -> None:
    named = [gdal_names(*SENTINEL)]
    path.write_bytes(npy(values) if path.suffix == ".npy" else tiff(values, compression="zlib", extratags=named))


def write_tiles(root: Path, suffixes: tuple[str, ...], seed: int = 0) -> Path:
    for i in range(20):
        path = root / ("forest", "roof")[i % 2] / f"{i}{suffixes[i // 2 % len(suffixes)]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tile(path, tile(seed + i, i % 2 == 0))
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiles(tmp_path_factory.mktemp("data") / "tiles", (".npy", ".tif"))


@pytest.fixture(scope="module")
def shipped(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    before = contents(folder)
    place = tmp_path_factory.mktemp("run")
    found = quick(folder, place / "run", backbone="satellite", baseline="simple", cache=place / "cache")
    assert contents(folder) == before
    return found


def test_tiles_that_differ_in_the_near_infrared_are_told_apart(shipped: FitResult) -> None:
    assert shipped.outcome.test["accuracy"].value == 1.0
    assert PreprocessSpec.from_dict(shipped.outcome.preprocess) == dataclasses.replace(NAMED, decode="reduced")


def test_the_bundle_answers_for_new_tiles_of_either_kind_and_in_memory(shipped: FitResult, tmp_path: Path) -> None:
    values = tile(99, True)
    for name in ("a.npy", "a.tif"):
        write_tile(tmp_path / name, values)
    rows = predict(shipped.bundle, [tmp_path / "a.npy", tmp_path / "a.tif", values])
    assert [row["label"] for row in rows] == ["forest"] * 3
    assert len({row["probability"] for row in rows}) == 1


def test_bands_in_another_order_are_put_right_by_their_names(shipped: FitResult, tmp_path: Path) -> None:
    values, order = tile(99, True), np.random.default_rng(0).permutation(13)
    write_tile(tmp_path / "a.tif", values)
    shuffled = tiff(values[:, :, order], extratags=[gdal_names(*(SENTINEL[i] for i in order))])
    (first, second) = predict(shipped.bundle, [tmp_path / "a.tif", shuffled])
    assert first["probabilities"] == second["probabilities"]


def test_a_tile_that_does_not_fit_gets_a_row_that_says_why(shipped: FitResult) -> None:
    (row,) = predict(shipped.bundle, [tile(1, True)[:, :, :4]])
    assert row["label"] is None
    assert "4 bands of uint16, and the backbone takes 13 (B01, B02" in row["error"]


def test_it_is_evaluated_on_tiles_it_has_not_seen(shipped: FitResult, tmp_path: Path) -> None:
    found = evaluate(shipped.bundle, write_tiles(tmp_path / "new", (".tif",), seed=500))
    assert found["n"] == 20
    assert found["metrics"]["accuracy"].value == 1.0


def test_pictures_are_not_evaluated_by_a_bundle_of_bands(shipped: FitResult, digits_folder: Path) -> None:
    for old, new in (("0", "forest"), ("1", "roof")):
        (digits_folder / old).rename(digits_folder / new)
    shutil.rmtree(digits_folder / "2")
    with pytest.raises(DataError, match=r"the first: .* has 1 band of uint8, and the backbone takes 13"):
        evaluate(shipped.bundle, digits_folder)


def test_the_golden_sample_has_all_bands_and_is_asked_again(shipped: FitResult) -> None:
    stored = np.load(shipped.bundle / "golden.npy", allow_pickle=False)
    assert (stored.shape, stored.dtype) == ((32, 32, 13), np.uint16)
    assert Bundle.load(shipped.bundle).preprocess.bands == SENTINEL
    assert not list(shipped.bundle.glob("*.png"))


def test_report_and_card_name_the_bands(shipped: FitResult) -> None:
    report, card = shipped.report.read_text(), (shipped.bundle / "README.md").read_text()
    for text in (report, card):
        assert "B01, B02, B03" in text
        assert "values over 10000" in text
    assert "13 bands of uint16" in report
    assert "8 bits" not in report
    assert "plain RGB" not in report


def test_bands_without_names_are_normalised_by_what_the_data_is_like(folder: Path, tmp_path: Path) -> None:
    told: list[str] = []
    found = quick(folder, tmp_path / "run", backbone="thirteen", listener=lambda e: told.append(getattr(e, "text", "")))
    spec = PreprocessSpec.from_dict(json.loads((found.folder / "results.json").read_text())["preprocess"])
    assert spec.scale == 1.0
    assert spec.mean[0] == pytest.approx(2000, rel=0.02)
    assert spec.std[0] == pytest.approx(300, rel=0.05)
    assert spec.mean[NIR] == pytest.approx(2750, rel=0.02)
    assert any("B11, B12) is normalised by its mean and standard deviation in 20 images" in text for text in told)
    assert found.outcome.test["accuracy"].value == 1.0
    assert Bundle.load(found.bundle).preprocess == spec


def test_names_that_the_files_alone_have_are_kept_and_put_their_bands_right(tmp_path: Path) -> None:
    root = write_tiles(tmp_path / "tiles", (".tif", ".tif", ".npy"))
    reverse = SENTINEL[::-1]
    for path in (root / "roof").glob("1*.tif"):
        seed = int(path.stem)
        path.write_bytes(tiff(tile(seed, False)[:, :, ::-1], extratags=[gdal_names(*reverse)]))
    found = quick(root, tmp_path / "run", backbone="thirteen")
    spec = PreprocessSpec.from_dict(found.outcome.preprocess)
    assert spec.bands == SENTINEL
    assert spec.mean[NIR] == pytest.approx(2750, rel=0.02)
    values = tile(99, True)
    rows = predict(found.bundle, [values, tiff(values[:, :, ::-1], extratags=[gdal_names(*reverse)])])
    assert rows[0]["probabilities"] == rows[1]["probabilities"]


def test_a_backbone_of_two_bands_takes_them_by_name(tmp_path: Path) -> None:
    found = quick(write_tiles(tmp_path / "tiles", (".tif",)), tmp_path / "run", backbone="two")
    assert found.outcome.audit["bands"]["roof"]["names"] == ["B08", "B04"]
    assert found.outcome.test["accuracy"].value == 1.0


def test_arrays_in_memory_are_tiles_as_well(tmp_path: Path) -> None:
    images = np.stack([tile(i, i % 2 == 0) for i in range(20)])
    found = quick((images, ["forest", "roof"] * 10), tmp_path / "run", backbone="satellite")
    assert found.outcome.test["accuracy"].value == 1.0


@pytest.mark.parametrize("recipe", ["finetune", "probe"])
def test_the_plan_counts_the_bytes_of_bands(folder: Path, recipe: str) -> None:
    found = plan(folder, recipe=recipe, backbone="satellite", cache_budget="1KB")
    assert (found.data.value_bytes, found.data.banded) == (2, True)


def test_a_backbone_of_pictures_refuses_bands_before_anything_is_decoded(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BandsError, match="takes 3"):
        plan(folder, recipe="probe", backbone="toy")
    with pytest.raises(BandsError, match="13 bands of uint16, and the backbone takes 3") as caught:
        quick(folder, tmp_path / "run")
    assert "--backbone 'lite0?channels=13'" in caught.value.do
    assert not (tmp_path / "run").exists()


def test_pictures_are_refused_by_a_backbone_of_bands(digits_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BandsError, match="1 band of uint8, and the backbone takes 13") as caught:
        quick(digits_folder, tmp_path / "run", backbone="satellite")
    assert "lite0?channels=1'" in caught.value.do


def test_one_tile_that_does_not_fit_is_left_out_and_told(tmp_path: Path) -> None:
    root = write_tiles(tmp_path / "tiles", (".npy",))
    write_tile(root / "roof" / "odd.npy", tile(1, True)[:, :, :12])
    found = quick(root, tmp_path / "run", backbone="thirteen")
    assert [name for name, _ in found.outcome.audit["corrupt"]] == ["roof/odd.npy"]
    assert "12 bands" in found.outcome.audit["corrupt"][0][1]


def test_check_reports_bands_and_draws_them(folder: Path, tmp_path: Path) -> None:
    found = check(folder, picture=tmp_path / "sheet.png")
    assert found.bands["forest"]["stored"] == {"13 bands of uint16": 10}
    assert found.bands["roof"]["names"] == list(SENTINEL)
    assert found.problems == load(folder).notes
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_training_reaches_the_first_layer_with_augmented_bands(folder: Path, tmp_path: Path) -> None:
    phase = Phase(rates=(("*", 1e-3),), epochs=2, batch_size=8, augment="standard")
    found = quick(folder, tmp_path / "run", backbone="satellite", recipe=Recipe(name="mine", steps=(phase,)))
    assert "augmentation standard without changes of colour" in found.outcome.plan or found.outcome.chosen == "probe"
    assert any(rung.name == "mine" and not rung.skipped for rung in found.outcome.rungs)
