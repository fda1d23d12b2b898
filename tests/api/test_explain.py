"""`explain` as a user calls it: files, pages, names of training samples, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.api.helpers import contents, quick, tuning
from tests.shipping.helpers import forge
from warmstart.api.explain import explain
from warmstart.api.fit import FitResult
from warmstart.engine.events import Decided, Event
from warmstart.errors import BundleError, RunError
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.known import NAME


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, _digits_once: Path) -> FitResult:
    return quick(_digits_once, tmp_path_factory.mktemp("explain") / "run")


@pytest.fixture(scope="module")
def anonymous(tmp_path_factory: pytest.TempPathFactory, _digits_once: Path) -> FitResult:
    return quick(_digits_once, tmp_path_factory.mktemp("explain") / "run", anonymous=True)


def test_the_page_and_the_files_say_the_same_and_the_data_stays(
    fitted: FitResult, digits_folder: Path, tmp_path: Path
) -> None:
    before, bundle = contents(digits_folder), contents(fitted.bundle)
    paths = sorted(digits_folder.rglob("*.png"))[:2]
    found = explain(fitted.bundle, paths, data=digits_folder, out=tmp_path / "why")
    assert contents(digits_folder) == before
    assert contents(fitted.bundle) == bundle
    told = json.loads((tmp_path / "why" / "explanations.json").read_text("utf-8"))
    assert [row["label"] for row in told] == [one.label for one in found]
    assert [row["picture"] for row in told] == ["0001.png", "0002.png"]
    page = (tmp_path / "why" / "explanations.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert page.count("data:image/jpeg;base64,") == 10, "five similar training samples each"
    assert all(near.name in page for one in found for near in one.nearest)
    assert "<script" not in page


def test_names_are_escaped_in_the_page(fitted: FitResult, digits_folder: Path, tmp_path: Path) -> None:
    odd = tmp_path / "<img src=x onerror=alert(1)>.png"
    odd.write_bytes(next(digits_folder.rglob("*.png")).read_bytes())
    explain(fitted.bundle, [odd], out=tmp_path / "why", check=False)
    page = (tmp_path / "why" / "explanations.html").read_text("utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_the_nearest_training_sample_of_a_training_sample_is_itself(fitted: FitResult, digits_folder: Path) -> None:
    reference = Bundle.load(fitted.bundle).reference
    assert reference is not None
    assert reference.bank is not None
    assert len(reference.known) == len(reference.bank.rows)
    for known in reference.known[::9]:
        (one,) = explain(fitted.bundle, [digits_folder / known.name], nearest=1, check=False)
        assert (one.nearest[0].name, one.nearest[0].label) == (known.name, known.label)
        assert one.nearest[0].similarity == pytest.approx(1, abs=1e-3)


def test_an_anonymous_bundle_names_no_one_and_looks_in_the_data_at_hand(
    anonymous: FitResult, digits_folder: Path
) -> None:
    assert not (anonymous.bundle / NAME).exists()
    assert not any("/00" in path.read_text("utf-8") for path in anonymous.bundle.glob("*.json"))
    path = sorted(digits_folder.rglob("*.png"))[0]
    assert explain(anonymous.bundle, [path], check=False)[0].nearest == ()
    heard: list[Event] = []
    (one,) = explain(anonymous.bundle, [path], check=False, data=digits_folder, nearest=2, listener=heard.append)
    assert one.nearest[0].similarity == pytest.approx(1, abs=1e-3)
    assert one.nearest[0].name == path.relative_to(digits_folder).as_posix()
    assert any(isinstance(event, Decided) and "looked for in 60 samples" in event.text for event in heard)


def test_what_is_wrong_is_said_before_anything_is_written(
    fitted: FitResult, digits_folder: Path, tmp_path: Path
) -> None:
    path = sorted(digits_folder.rglob("*.png"))[0]
    (tmp_path / "there").mkdir()
    with pytest.raises(RunError, match="exists already"):
        explain(fitted.bundle, [path], out=tmp_path / "there")
    for wrong, said in (({"label": "11"}, "11"), ({"method": "lime"}, "lime"), ({"nearest": -1}, "nearest")):
        with pytest.raises(Exception, match=said):
            explain(fitted.bundle, [path], out=tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


def test_a_tuned_network_is_explained_like_a_frozen_one(digits_folder: Path, tmp_path: Path) -> None:
    run = quick(digits_folder, tmp_path / "run", recipe=tuning(1))
    (one,) = explain(run.bundle, [sorted(digits_folder.rglob("*.png"))[0]])
    assert one.map is not None
    assert one.map.max() > 0
    assert one.faithful is not None


def test_names_that_do_not_fit_the_samples_are_a_damaged_bundle(fitted: FitResult, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(fitted.bundle, tmp_path / "bundle"))
    for content in (b'[["a", "b"]]', b"[", b'{"a": 1}'):
        (folder / NAME).write_bytes(content)
        forge(folder)
        with pytest.raises(BundleError, match="does not fit"):
            Bundle.load(folder)
