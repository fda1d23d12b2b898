"""`warmstart.update`: a bundle goes on learning, and what it forgot is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from tests.api.helpers import contents, quick, tuning, weights
from tests.api.test_distill import made, waves
from tests.api.test_resume import stop_after
from tests.model.text.tiny import save
from tests.newsroom import as_csv, news
from warmstart.api.fit import FitResult, fit
from warmstart.api.update import update
from warmstart.cli.main import app
from warmstart.data.schema import ClassTarget
from warmstart.data.sources import load
from warmstart.errors import BundleError, DataError, Interrupted, RecipeError, RunError
from warmstart.model.head import LinearHead
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.manifest import read_manifest

QUICK: dict[str, Any] = {"recipe": "finetune?from_block=0&epochs=1&lr=1e-3", "budget": "10m"}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `old` with 0, 1 and 2, and `new` with 3 and 4, of 20 each."""
    from sklearn.datasets import load_digits

    found, root = load_digits(), tmp_path_factory.mktemp("digits")
    for number in range(5):
        folder = root / ("old" if number < 3 else "new") / str(number)
        folder.mkdir(parents=True)
        for i in np.flatnonzero(found.target == number)[:20]:
            pixels = (found.images[i] * (255 / 16)).astype(np.uint8)
            Image.fromarray(pixels).resize((32, 32), Image.Resampling.BILINEAR).save(folder / f"{i:04d}.png")
    return root


@pytest.fixture(scope="module")
def bundle(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bundle")
    return quick(digits / "old", place / "run", cache=place / "cache").bundle


@pytest.fixture(scope="module")
def updated(bundle: Path, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    place = tmp_path_factory.mktemp("updated")
    how = {**QUICK, "rehearsal": digits / "old", "l2_sp": 0.01}
    return update(bundle, digits / "new", out=place / "run", cache=place / "cache", **how)


def test_it_says_what_was_gained_and_what_was_forgotten_class_by_class(updated: FitResult) -> None:
    outcome, found = updated.outcome, updated.outcome.forgotten
    assert found is not None
    assert found.old is not None
    assert (found.new.samples, found.old.samples) == (8, 12)
    assert (found.new.before.value, found.added) == (0.0, ("3", "4"))
    assert [(row.name, row.known, row.samples) for row in found.old_classes] == [(n, True, 4) for n in "012"]
    assert [(row.name, row.known) for row in found.new_classes] == [("3", False), ("4", False)]
    right = sum(row.after * row.samples for row in (*found.old_classes, *found.new_classes))
    assert outcome.test["accuracy"].value == pytest.approx(right / 20)
    assert (found.rehearsal, found.l2_sp) == (0.5, 0.01)
    assert found.rehearsed == 36
    assert "of the classes were not known" in outcome.verdict
    assert "forgot" in outcome.verdict
    assert "What was gained, and what was forgotten" in updated.report.read_text()


def test_what_was_before_is_what_the_bundle_says_of_its_own_test_part(
    updated: FitResult, bundle: Path, digits: Path
) -> None:
    found = updated.outcome.forgotten
    assert found is not None
    assert found.old is not None
    first = json.loads((bundle.parent / "results.json").read_text())
    assert found.old.before.value == pytest.approx(first["test"]["accuracy"]["value"])


def test_the_new_bundle_knows_both_and_says_what_it_came_from_and_the_old_one_is_as_it_was(
    bundle: Path, digits: Path, tmp_path: Path
) -> None:
    before = contents(bundle)
    run = update(bundle, digits / "new", out=tmp_path / "run", **QUICK)
    facts = read_manifest(run.bundle)
    assert facts.classes == ("0", "1", "2", "3", "4")
    (origin,) = facts.made_from
    assert (origin.role, origin.data, origin.created) == ("before", "old", read_manifest(bundle).created)
    assert "trained on old" in facts.backbone.trained_on or facts.backbone.trained_on
    assert contents(bundle) == before
    found = run.outcome.forgotten
    assert found is not None
    assert found.old is None
    assert "What was forgotten is not known" in run.outcome.verdict
    again = update(run.bundle, digits / "old", out=tmp_path / "again", **QUICK)
    assert read_manifest(again.bundle).classes == facts.classes


def test_it_starts_from_the_very_network_that_the_bundle_holds(bundle: Path, digits: Path, tmp_path: Path) -> None:
    """A rate of nearly nothing leaves it as it was, but for rows that are new."""
    still = "finetune?from_block=0&epochs=1&lr=1e-12"
    run = update(bundle, digits / "new", old=digits / "old", out=tmp_path / "run", recipe=still, budget="10m")
    one, other = Bundle.load(bundle).networks[0], Bundle.load(run.bundle).networks[0]
    for name, tensor in one.backbone.state_dict().items():
        torch.testing.assert_close(other.backbone.state_dict()[name], tensor)
    assert isinstance(one.head, LinearHead)
    assert isinstance(other.head, LinearHead)
    torch.testing.assert_close(other.head.linear.weight[:3], one.head.linear.weight)
    assert Bundle.load(run.bundle).spec == Bundle.load(bundle).spec
    found = run.outcome.forgotten
    assert found is not None
    assert found.old is not None
    assert found.old.samples == 60
    assert found.rehearsed == 0


def test_the_same_classes_get_no_new_rows(bundle: Path, digits: Path, tmp_path: Path) -> None:
    some = tmp_path / "some"
    for name in ("2", "0"):
        shutil.copytree(digits / "old" / name, some / name)
    run = update(bundle, some, out=tmp_path / "run", **QUICK)
    assert read_manifest(run.bundle).classes == ("0", "1", "2")
    assert run.outcome.forgotten is not None
    assert run.outcome.forgotten.added == ()


@pytest.mark.slow
def test_one_new_class_is_enough_beside_old_data(bundle: Path, digits: Path, tmp_path: Path) -> None:
    shutil.copytree(digits / "new" / "3", tmp_path / "one" / "3")
    run = update(bundle, tmp_path / "one", rehearsal=digits / "old", out=tmp_path / "run", **QUICK)
    assert read_manifest(run.bundle).classes == ("0", "1", "2", "3")
    assert run.outcome.forgotten is not None
    assert run.outcome.forgotten.new.samples == 4


@pytest.mark.slow
def test_an_update_that_was_stopped_ends_with_the_same_weights_bit_for_bit(
    bundle: Path, digits: Path, tmp_path: Path
) -> None:
    how: dict[str, Any] = {"recipe": tuning(), "rehearsal": digits / "old", "budget": "30m"}
    whole = update(bundle, digits / "new", out=tmp_path / "whole", **how)
    hear = stop_after(7, "phase tune", "rung mine")
    with pytest.raises(Interrupted):
        update(bundle, digits / "new", out=tmp_path / "cut", listener=hear, **how)
    resumed = update(bundle, digits / "new", resume=tmp_path / "cut", **how)
    assert weights(resumed) == weights(whole)
    assert resumed.outcome.test == whole.outcome.test


def test_what_cannot_be_gone_on_with_is_refused_before_anything_is_made(
    bundle: Path, digits: Path, tmp_path: Path
) -> None:
    out, one = tmp_path / "run", tmp_path / "one"
    shutil.copytree(digits / "new" / "3", one / "3")
    with pytest.raises(DataError, match="there is only one class: 3"):
        update(bundle, one, out=out, **QUICK)
    with pytest.raises(DataError, match="all 20 new samples are of one class, '3'"):
        update(bundle, load(digits / "new").subset(range(20)), out=out, **QUICK)
    with pytest.raises(RecipeError, match="has a step of the kind closed_form, after which a head is new"):
        update(bundle, digits / "new", recipe="lp_ft", out=out)
    with pytest.raises(RecipeError, match="draws weights anew"):
        update(bundle, digits / "new", recipe="scratch", out=out)
    with pytest.raises(DataError, match="does not know: '3'"):
        update(bundle, digits / "new", rehearsal=digits / "new", out=out, **QUICK)
    with pytest.raises(DataError):
        update(bundle, as_csv(tmp_path / "news.csv", news(8)), out=out, **QUICK)
    with pytest.raises(RunError, match=r"rehearsal_share=1\.5"):
        update(bundle, digits / "new", rehearsal_share=1.5, out=out, **QUICK)
    values = [f"{x:.3f}" for x in np.random.default_rng(0).normal(size=40)]
    paths = [str(path) for path in sorted((digits / "new").rglob("*.png"))]
    with pytest.raises(DataError):
        update(bundle, (paths, [float(x) for x in values]), out=out, **QUICK)
    with pytest.raises(DataError, match="40 labels for 40 samples, none of which the bundle knows"):
        update(bundle, (paths, values), out=out, **QUICK)
    assert not out.exists()


def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(bundle: Path, digits: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="the run folder cannot be made"):
        update(bundle, digits / "new", out=tmp_path / "file" / "run", **QUICK)


def test_a_head_of_neighbours_cannot_be_gone_on_from(digits: Path, tmp_path: Path) -> None:
    known = quick(digits / "old", tmp_path / "run", recipe="probe?heads=knn").bundle
    with pytest.raises(BundleError, match="the head of the bundle is of the kind 'knn'") as caught:
        update(known, digits / "new", out=tmp_path / "new", **QUICK)
    assert "bundle:FOLDER" in caught.value.do


@pytest.mark.slow
def test_the_first_network_of_an_ensemble_goes_on(digits: Path, tmp_path: Path) -> None:
    golden = [sample.source for sample in load(digits / "old").samples[:4]]
    both = made(tmp_path / "both", ClassTarget(("2", "1", "0")), golden, 1, 2)
    run = update(both, digits / "new", old=digits / "old", out=tmp_path / "run", **QUICK)
    assert any("an ensemble of 2 networks: the first" in text for text in run.outcome.decisions)
    assert read_manifest(run.bundle).classes == ("2", "1", "0", "3", "4")


@pytest.mark.slow
def test_texts_are_read_as_far_as_before_however_short_the_new_ones_are(tmp_path: Path) -> None:
    tiny = f"hf:{save(tmp_path / 'tiny')}"
    data = as_csv(tmp_path / "news.csv", news(8))
    known = fit(data, backbone=tiny, recipe="probe", baseline="none", out=tmp_path / "before").bundle
    short = [(f"rain {i}", "weather") for i in range(8)] + [(f"bank {i}", "money") for i in range(8)]
    run = update(known, as_csv(tmp_path / "short.csv", short), rehearsal=data, out=tmp_path / "run", **QUICK)
    assert Bundle.load(run.bundle).spec == Bundle.load(known).spec
    assert run.outcome.forgotten is not None
    assert run.outcome.forgotten.added == ("weather",)


def test_series_go_on_too(tmp_path: Path) -> None:
    how: dict[str, Any] = {"backbone": "toy_series", "recipe": "probe", "baseline": "none"}
    known = fit(waves(), out=tmp_path / "before", **how).bundle
    values, labels = waves()
    run = update(known, (-values[:, :, ::-1], labels), old=waves(), out=tmp_path / "run", **QUICK)
    assert run.outcome.forgotten is not None
    assert run.outcome.forgotten.old is not None


def test_the_command_tells_the_same(bundle: Path, digits: Path, tmp_path: Path) -> None:
    words = ["update", str(bundle), str(digits / "new"), "--old", str(digits / "old"), "--l2-sp=0.1", "--json"]
    said = CliRunner().invoke(app, [*words, f"--recipe={QUICK['recipe']}", f"--out={tmp_path / 'run'}"])
    assert said.exit_code == 0, said.output
    document = json.loads(said.stdout)
    assert document["forgotten"]["added"] == ["3", "4"]
    assert "--l2-sp 0.1" in json.loads((tmp_path / "run" / "results.json").read_text())["command"]
