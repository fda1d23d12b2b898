"""A planted leak is found from end to end, or does not come about. Row 19 of the list of known faults."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.api.helpers import quick
from warmstart.api.check import check
from warmstart.api.fit import FitResult
from warmstart.engine.events import Decided, Event
from warmstart.errors import DataError

PLANTED = 12
SIDE = 48


def in_parts(root: Path, folder: Path) -> Path:
    """The pictures of `folder`, the first fourteen of each class in train/ and the others in test/."""
    for place in sorted(folder.iterdir()):
        for i, file in enumerate(sorted(place.iterdir())):
            part = root / ("train" if i < 14 else "test") / place.name
            part.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, part)
    return root


def test_given_parts_are_left_as_they_are_and_what_they_share_is_told(digits_folder: Path, tmp_path: Path) -> None:
    root = in_parts(tmp_path / "parts", digits_folder)
    shared = sorted((root / "train/0").iterdir())[:2]
    for file in shared:
        shutil.copy(file, root / "test/0" / f"copy-{file.name}")
    found = check(root)
    assert [a for a, _ in found.leaks] == [f"train/0/{file.name}" for file in shared]
    assert found.parts["test"] == 20
    told: list[Event] = []
    outcome = quick(root, tmp_path / "run", listener=told.append).outcome
    assert outcome.split["test"] == 20
    assert any("2 image(s) of validation or test are also in another part" in e.text for e in decided(told))


def test_parts_of_our_own_divide_no_copies(digits_folder: Path, tmp_path: Path) -> None:
    for name in ("0", "1"):
        for file in sorted((digits_folder / name).iterdir())[:5]:
            shutil.copy(file, file.with_name(f"copy-{file.name}"))
    found = check(digits_folder)
    assert (found.leak_count, found.near_leak_count, found.duplicate_count) == (0, 0, 10)
    kept = "10 image(s) are copies of another, or look just like it, and are kept in its part"
    assert kept in found.problems
    outcome = quick(digits_folder, tmp_path / "run").outcome
    assert kept in outcome.decisions
    assert outcome.audit["leak_count"] == 0


def decided(told: list[Event]) -> list[Decided]:
    return [event for event in told if isinstance(event, Decided)]


def again(tile: Image.Image, cropped: bool) -> Image.Image:
    """The same tile in less light, and cropped by a pixel on each side."""
    darker = tile.point([round(0.8 * value) for value in range(256)] * 3)
    inner = darker.crop((1, 1, SIDE - 1, SIDE - 1)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return inner if cropped else darker


def tiles_again(place: Path, photos: dict[str, Image.Image]) -> Path:
    """A table of tiles of two photos, whose test part has 12 training tiles again, each changed a little."""
    tiles = [
        (photo.crop((x, y, x + SIDE, y + SIDE)), label)
        for label, photo in photos.items()
        for x in range(0, photo.width - SIDE, SIDE)
        for y in range(0, photo.height - SIDE, SIDE)
    ]
    tiles = [tiles[i] for i in np.random.default_rng(0).permutation(len(tiles))]
    parts = ["test" if i >= len(tiles) - 40 else "train" for i in range(len(tiles))] + ["test"] * PLANTED
    tiles += [(again(tile, i % 2 == 0), label) for i, (tile, label) in enumerate(tiles[:PLANTED])]
    for row, (tile, _) in enumerate(tiles):
        tile.save(place / f"{row}.png")
    names, labels = [f"{row}.png" for row in range(len(tiles))], [label for _, label in tiles]
    pd.DataFrame({"path": names, "label": labels, "split": parts}).to_csv(place / "table.csv", index=False)
    return place / "table.csv"


@pytest.fixture(scope="module")
def photographed_again(photos: dict[str, Image.Image], tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """A fit on them."""
    place = tmp_path_factory.mktemp("again")
    return quick(tiles_again(place, photos), place / "run", backbone="lite0?taps=0", size=64, cache=place / "cache")


def test_pictures_that_were_changed_are_found_by_their_features(photographed_again: FitResult) -> None:
    audit = photographed_again.outcome.audit
    first = sum(photographed_again.outcome.split[part] for part in ("train", "val", "test")) - PLANTED
    planted = {(f"{i}.png", f"{first + i}.png") for i in range(PLANTED)}
    found = {tuple(pair) for pair in audit["feature_leaks"]}
    assert audit["near_leak_count"] == audit["leak_count"] == 0, "to the hash they are other pictures"
    assert len(found & planted) >= PLANTED / 3
    assert len(found - planted) <= 1
    assert audit["feature_leak_count"] == len(found)


def test_what_they_do_to_the_score_is_told_and_stands_in_the_report(photographed_again: FitResult) -> None:
    outcome = photographed_again.outcome
    without = outcome.audit["accuracy_without"]
    told = next(text for text in outcome.decisions if "look very much like one learned from" in text)
    assert told.endswith(f"the score without them is {100 * without:.1f} %")
    assert told in outcome.audit["problems"]
    page = photographed_again.report.read_text()
    assert "Learned from, and very much alike in what was measured on" in page
    n, k = outcome.split["test"], outcome.audit["feature_leak_count"]
    right = outcome.test["accuracy"].value * n
    assert right - k <= without * (n - k) + 1e-6 <= right + 1e-6


def test_by_time_the_latest_photos_are_the_test(digits_folder: Path, tmp_path: Path) -> None:
    files = sorted(digits_folder.rglob("*.png"))
    order = np.random.default_rng(0).permutation(len(files))
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(order, unit="D")
    table = pd.DataFrame({"path": [str(f) for f in files], "label": [f.parent.name for f in files], "day": days})
    table.to_csv(tmp_path / "table.csv", index=False)
    found: dict[str, Any] = quick(tmp_path / "table.csv", tmp_path / "run", time="day").outcome.split
    assert found["how"] == "by time, the latest last, not stratified: 36 train, 12 validation, 12 test"
    assert check(tmp_path / "table.csv", time="day").parts == {"train": 36, "val": 12, "test": 12}
    with pytest.raises(DataError, match="no column 'date' for the time"):
        check(tmp_path / "table.csv", time="date")
