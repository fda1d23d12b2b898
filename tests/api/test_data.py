"""What people bring: in every form, with every fault, and never changed."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytest_socket
from PIL import Image

from tests.api.helpers import contents, quick
from warmstart.api.check import check
from warmstart.api.evaluate import evaluate
from warmstart.api.fit import FitResult
from warmstart.api.inputs.prepare import Loaded, read
from warmstart.api.plan import plan
from warmstart.api.predict import predict
from warmstart.data.sources import load
from warmstart.engine.events import Decided, Event
from warmstart.errors import BackboneError, DataError, RecipeError
from warmstart.model.catalog import load_backbone
from warmstart.planning.plan import CacheLimits
from warmstart.preprocess.kinds import of_images
from warmstart.shipping.bundle import Bundle


def images(folder: Path) -> tuple[list[np.ndarray[Any, Any]], list[str]]:
    files = sorted(folder.rglob("*.png"))
    return [np.asarray(Image.open(file)) for file in files], [file.parent.name for file in files]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def read_quickly(data: Any, told: list[Event] | None = None, **options: Any) -> Loaded:
    given: dict[str, Any] = {
        "size": None,
        "seed": 0,
        "val": 0.2,
        "test": 0.2,
        "group": None,
        "time": None,
        "max_unreadable": 0.05,
    }
    given |= {"path_column": None, "text_column": None, "label_column": None, **options}
    return read(data, load_backbone("toy"), listener=(told if told is not None else []).append, **given)


def test_arrays_pil_images_a_table_and_a_folder_give_the_same_model(digits_folder: Path, tmp_path: Path) -> None:
    pixels, labels = images(digits_folder)
    files = sorted(digits_folder.rglob("*.png"))
    table = tmp_path / "table.csv"
    pd.DataFrame({"path": [str(f) for f in files], "label": labels}).to_csv(table, index=False)
    forms: dict[str, Any] = {
        "arrays": (np.stack(pixels), labels),
        "pil": ([Image.fromarray(p) for p in pixels], labels),
        "csv": table,
        "folder": digits_folder,
    }
    outcomes = {}
    for name, data in forms.items():
        done = quick(data, tmp_path / name, seed=3)
        assert done.outcome.classes == ("0", "1", "2")
        assert done.predict([files[0]])[0]["label"] == "0"
        outcomes[name] = done.outcome
    assert outcomes["arrays"].confusion == outcomes["pil"].confusion
    assert all(outcome.split["train"] == 36 for outcome in outcomes.values())
    assert all(outcome.test["accuracy"].value > 0.6 for outcome in outcomes.values())


def test_a_dataset_is_taken_as_it_is(digits_folder: Path, tmp_path: Path) -> None:
    dataset = load(digits_folder)
    assert quick(dataset.subset(range(45)), tmp_path / "run").outcome.classes == dataset.target.classes


def test_an_unreadable_image_is_left_out_and_listed_with_its_reason(digits_folder: Path, tmp_path: Path) -> None:
    victim = sorted((digits_folder / "1").iterdir())[3]
    truncate(victim)
    done = quick(digits_folder, tmp_path / "run")
    outcome = done.outcome
    assert sum(outcome.split[part] for part in ("train", "val", "test")) == 59
    (name, reason), *more = outcome.audit["corrupt"]
    assert (name, more) == (f"1/{victim.name}", [])
    assert reason
    assert "1 of 60 images cannot be read and are left out" in outcome.decisions
    assert victim.name in done.report.read_text()


def test_above_the_share_that_is_allowed_nothing_is_begun(digits_folder: Path, tmp_path: Path) -> None:
    victims = sorted((digits_folder / "1").iterdir())[:4]
    for path in victims:
        truncate(path)
    with pytest.raises(DataError, match="4 of 60 images cannot be read") as caught:
        quick(digits_folder, tmp_path / "run")
    assert victims[0].name in caught.value.found
    assert "--max-unreadable" in caught.value.do
    assert not (tmp_path / "run").exists()
    assert len(read_quickly(digits_folder, max_unreadable=0.1).dataset) == 56


def test_every_command_leaves_the_data_byte_for_byte_as_it_was(fitted: FitResult, digits_folder: Path) -> None:
    truncate(sorted((digits_folder / "2").iterdir())[0])
    before, place = contents(digits_folder), digits_folder.parent
    assert len(check(digits_folder, picture=place / "sheet.png").corrupt) == 1
    plan(digits_folder, recipe="lp_ft", backbone="toy")
    done = quick(digits_folder, place / "run")
    assert len(predict(done.bundle, digits_folder, out=place / "answers.csv")) == 60
    assert evaluate(done.bundle, digits_folder)["n"] == 59
    assert contents(digits_folder) == before


def test_copies_across_parts_are_counted_and_told(digits_folder: Path) -> None:
    root = digits_folder.parent / "parts"
    for name in "012":
        files = sorted((digits_folder / name).iterdir())
        for part, some in (("train", files[:10]), ("val", files[10:15]), ("test", [*files[15:], files[0]])):
            (root / part / name).mkdir(parents=True)
            for file in some:
                shutil.copy(file, root / part / name / f"{part}-{file.name}")
    told: list[Event] = []
    found = read_quickly(root, told).audit
    assert found.leak_count == 3
    text = "\n".join(event.text for event in told if isinstance(event, Decided))
    assert "3 image(s) of validation or test are also in another part" in text
    assert check(root).leak_count == 3


def test_a_class_with_one_sample_stays_in_train_and_is_reported(digits_folder: Path, tmp_path: Path) -> None:
    (digits_folder / "9").mkdir()
    shutil.copy(sorted((digits_folder / "0").iterdir())[0], digits_folder / "9" / "only.png")
    done = quick(digits_folder, tmp_path / "run")
    assert done.outcome.classes == ("0", "1", "2", "9")
    assert "one sample only, kept in train and not evaluated: 9" in done.outcome.decisions
    assert done.outcome.per_class[3]["count"] == 0
    assert set(done.predict([digits_folder / "9" / "only.png"])[0]["probabilities"]) == {"0", "1", "2", "9"}


@pytest.mark.parametrize("seed", [0, 1])
def test_no_group_is_divided(digits_folder: Path, seed: int) -> None:
    files = sorted(digits_folder.rglob("*.png"))
    patients = [f"patient {i % 13}" for i in range(len(files))]
    frame = pd.DataFrame(
        {"path": [str(f) for f in files], "label": [f.parent.name for f in files], "patient": patients}
    )
    loaded = read_quickly(frame, group="patient", seed=seed)
    parts = [
        {loaded.dataset.samples[i].group for i in indices}
        for indices in (loaded.split.train, loaded.split.val, loaded.split.test)
    ]
    assert set.union(*parts) == set(patients)
    assert sum(map(len, parts)) == 13
    assert loaded.audit.groups_across == ()


def test_no_command_opens_a_socket(digits_folder: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="socket"), pytest.raises(pytest_socket.SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    done = quick(digits_folder, tmp_path / "run")
    assert evaluate(done.bundle, digits_folder)["n"] == 60


def test_too_little_to_validate_with_is_an_error_that_says_what_to_do() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (2, 32, 32), dtype=np.uint8)
    with pytest.raises(DataError) as caught:
        read_quickly((pixels, ["a", "b"]))
    assert "--val" in caught.value.do


def test_a_size_below_what_the_backbone_takes_is_refused(digits_folder: Path) -> None:
    with pytest.raises(RecipeError, match="size 4 is too small"):
        read_quickly(digits_folder, size=4)


def test_a_network_of_one_size_is_planned_at_the_size_that_is_asked_for(digits_folder: Path) -> None:
    asked: dict[str, Any] = {"backbone": "timm:test_vit?pretrained=false", "recipe": "probe", "size": 64}
    found = plan(digits_folder, **asked)
    assert (found.data.size, found.backbone) == (64, "timm:test_vit?pretrained=false&size=64")
    with pytest.raises(BackboneError, match="a multiple of 16"):
        plan(digits_folder, **asked | {"size": 50})


def test_a_grey_network_is_fitted_and_shipped(digits_folder: Path, tmp_path: Path) -> None:
    done = quick(digits_folder, tmp_path / "run", backbone="toy?channels=1")
    assert Bundle.load(done.bundle).preprocess.channels == 1
    assert evaluate(done.bundle, digits_folder)["n"] == 60


def test_images_are_squashed_only_where_that_bends_them_little(digits_folder: Path, tmp_path: Path) -> None:
    assert of_images(read_quickly(digits_folder).store.spec).resize == "squash"
    for file in digits_folder.rglob("*.png"):
        Image.open(file).resize((64, 32)).save(file)
    assert of_images(read_quickly(digits_folder).store.spec).resize == load_backbone("toy").preprocess.resize


def test_a_bundle_says_that_large_photos_are_decoded_reduced_as_fit_did(fitted: FitResult) -> None:
    assert Bundle.load(fitted.bundle).preprocess.decode == "reduced"
    assert load_backbone("toy").preprocess.decode == "full"


def test_the_next_run_on_the_same_photos_decodes_nothing_and_says_so(digits_folder: Path) -> None:
    for file in digits_folder.rglob("*.png"):
        Image.open(file).resize((96, 96)).save(file)
    texts = []
    for options in ({"limits": CacheLimits(0)}, {}, {}):
        told: list[Event] = []
        loaded = read_quickly(digits_folder, told, **options)
        texts.append("\n".join(event.text for event in told if isinstance(event, Decided)))
        if not options:
            assert loaded.audit.sizes["median"] == [96, 96]
    assert "cache" not in texts[0]
    assert "the resized pixels of 60 images are kept in the cache" in texts[1]
    assert "60 of 60 images are not decoded" in texts[2]


def test_a_plan_and_a_check_see_the_parts_that_fit_makes(digits_folder: Path) -> None:
    loaded = read_quickly(digits_folder, seed=5, val=0.25, test=0.1)
    sizes = [len(loaded.split.train), len(loaded.split.val), len(loaded.split.test)]
    assert list(check(digits_folder, seed=5, val=0.25, test=0.1).parts.values()) == sizes
    planned = plan(digits_folder, recipe="finetune", backbone="toy", seed=5, val=0.25, test=0.1)
    assert (planned.data.train, planned.data.val) == (sizes[0], sizes[1])


def test_a_plan_of_a_recipe_that_does_not_fit_is_an_error(digits_folder: Path) -> None:
    with pytest.raises(RecipeError, match="probee"):
        plan(digits_folder, recipe="probee", backbone="toy")


def test_the_picture_of_a_check_shows_every_class(digits_folder: Path, tmp_path: Path) -> None:
    found = check(digits_folder, picture=tmp_path / "new folder" / "sheet.png")
    assert found.counts == {"0": 20, "1": 20, "2": 20}
    with Image.open(tmp_path / "new folder" / "sheet.png") as sheet:
        assert sheet.height > 3 * 96
