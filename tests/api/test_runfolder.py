from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.helpers import contents, quick
from warmstart.api.fit import FitResult, fit
from warmstart.api.running.runfolder import CONFIG, check_folder, free_folder, open_folder
from warmstart.errors import RecipeError, RunError
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe


def test_folders_are_numbered_and_none_is_used_twice(tmp_path: Path) -> None:
    stem = tmp_path / "runs" / "digits"
    names = [free_folder(stem, None).name for _ in range(3)]
    assert names == ["digits-001", "digits-002", "digits-003"]
    (stem.parent / "digits-002").rmdir()
    assert free_folder(stem, None).name == "digits-002"


def test_a_file_of_that_name_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "digits-001").write_text("mine")
    assert free_folder(tmp_path / "digits", None).name == "digits-002"
    assert (tmp_path / "digits-001").read_text() == "mine"


def test_the_options_of_a_run_are_recorded_in_its_folder(tmp_path: Path) -> None:
    config: dict[str, Any] = {"seed": 3, "size": None, "recipe": {"name": "probe"}}
    folder = open_folder("digits", config, out=tmp_path / "new" / "run", resume=None)
    assert json.loads((folder / CONFIG).read_text()) == config
    check_folder(config, out=None, resume=folder)
    assert open_folder("digits", config, out=None, resume=folder) == folder


def test_every_option_that_differs_is_named_with_both_values(tmp_path: Path) -> None:
    folder = open_folder("digits", {"seed": 3, "val": 0.2, "size": None}, out=tmp_path / "run", resume=None)
    with pytest.raises(RunError) as caught:
        check_folder({"seed": 4, "val": 0.2, "size": 64}, out=None, resume=folder)
    assert "seed=3 (now 4)" in caught.value.found
    assert "size=None (now 64)" in caught.value.found
    assert "val=" not in caught.value.found


def test_a_folder_that_is_no_run_cannot_be_resumed(tmp_path: Path) -> None:
    for content in (None, "{ torn"):
        if content is not None:
            (tmp_path / CONFIG).write_text(content)
        with pytest.raises(RunError, match="cannot be resumed"):
            check_folder({}, out=None, resume=tmp_path)


def test_an_existing_folder_is_refused_before_any_image_is_read_and_nothing_in_it_changes(
    fitted: FitResult, tmp_path: Path
) -> None:
    before = contents(fitted.folder)
    with pytest.raises(RunError, match="exists already") as caught:
        quick(tmp_path / "there is no such data", fitted.folder)
    assert "--resume" in caught.value.do
    assert contents(fitted.folder) == before


def test_a_finished_run_is_not_run_again(digits_folder: Path, tmp_path: Path) -> None:
    done = quick(digits_folder, tmp_path / "run")
    before = contents(done.folder)
    with pytest.raises(RunError, match="is finished") as caught:
        fit(digits_folder, backbone="toy", recipe="probe", baseline="none", resume=done.folder)
    assert "report.html" in caught.value.do
    assert contents(done.folder) == before


def test_without_out_the_run_lies_in_runs_and_takes_the_name_of_the_data(
    digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {"backbone": "toy", "recipe": "probe", "baseline": "none"}
    assert fit(digits_folder, **options).folder == Path("runs/digits-001")
    assert fit(digits_folder, **options).folder == Path("runs/digits-002")


def test_a_recipe_that_does_not_fit_the_backbone_is_refused_before_a_folder_is_made(
    digits_folder: Path, tmp_path: Path
) -> None:
    strange = Recipe(name="strange", steps=(Phase(rates=(("layer4.*", 1e-3), ("*", None))),))
    with pytest.raises(RecipeError, match="layer4"):
        quick(digits_folder, tmp_path / "run", recipe=strange)
    assert not (tmp_path / "run").exists()


def test_an_unknown_baseline_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no baseline 'foo'") as caught:
        quick(tmp_path, tmp_path / "run", baseline="foo")
    assert "simple, scratch, single, none" in caught.value.expected
