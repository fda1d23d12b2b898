"""`tune` from the outside, on real digits and the toy backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from warmstart.api.tune import TuneResult, tune
from warmstart.engine.events import Advanced, Decided, Event
from warmstart.errors import Interrupted, RecipeError, RunError
from warmstart.evaluation.comparison import Comparison
from warmstart.recipe.methods import load_recipe
from warmstart.report.results import read_results

QUICK: dict[str, Any] = {"recipe": "finetune?lr=1e-5..3e-2&epochs=1&from_block=0", "backbone": "toy", "budget": "5m"}


def quick(data: Any, out: Path | None = None, **options: Any) -> TuneResult:
    return tune(data, out=out, **{**QUICK, "trials": 4, "seeds": 2, **options})


@pytest.fixture(scope="module")
def tuned(_digits_once: Path, tmp_path_factory: pytest.TempPathFactory) -> TuneResult:
    place = tmp_path_factory.mktemp("tuned")
    return quick(_digits_once, place / "run", cache=place / "cache")


def test_the_default_is_tried_first_and_each_recipe_once(tuned: TuneResult) -> None:
    names = [one.name for one in tuned.comparison.searched]
    assert names[0] == load_recipe("finetune?epochs=1&from_block=0").name
    assert len(set(names)) == len(names) == 5


def test_the_best_is_that_of_validation_and_is_written_as_a_recipe(tuned: TuneResult) -> None:
    rows = tuned.comparison.searched
    best = max(rows, key=lambda one: -1 if one.val is None else one.val)
    assert tuned.recipe.name == best.name
    assert load_recipe(tuned.folder / "recipe.yaml") == tuned.recipe


def test_the_best_and_the_default_are_compared_on_samples_that_took_no_part(tuned: TuneResult) -> None:
    facts = tuned.comparison
    assert {one.name for one in facts.entries} == {tuned.recipe.name, facts.searched[0].name}
    assert facts.samples == 12  # a fifth of 60
    assert all([trial.held_out for trial in one.trials] == [12, 12] for one in facts.entries)
    assert "recipes were tried on 10 validation samples" in facts.verdict or "none reached more" in facts.verdict


def test_what_was_found_is_in_the_page_and_in_the_results(tuned: TuneResult) -> None:
    page = tuned.report.read_text(encoding="utf-8")
    assert "What was tried" in page
    assert all(one.name.replace("&", "&amp;") in page for one in tuned.comparison.searched)
    assert read_results(tuned.folder / "results.json", Comparison).searched == tuned.comparison.searched


def test_a_search_that_was_stopped_goes_on_and_ends_the_same(tuned: TuneResult, tmp_path: Path) -> None:
    data, seen = tuned.comparison.command.split()[2], list[Event]()

    def stop(event: Event) -> None:
        seen.extend([event] * (isinstance(event, Advanced) and event.what == "search"))
        if len(seen) == 3:
            raise Interrupted("stopped by the test")

    with pytest.raises(Interrupted):
        quick(data, tmp_path / "run", listener=stop)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run" / "trials").rglob("*.safetensors")}
    assert len(before) == 3
    again = quick(data, resume=tmp_path / "run")
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert [(one.name, one.val) for one in again.comparison.searched] == [
        (one.name, one.val) for one in tuned.comparison.searched
    ]


def test_a_small_space_is_searched_once(digits_folder: Path, tmp_path: Path) -> None:
    said: list[Event] = []
    found = quick(digits_folder, tmp_path / "run", recipe="finetune?epochs=1|2", trials=30, listener=said.append)
    assert len(found.comparison.searched) == 3  # the default has ten epochs
    assert any(isinstance(one, Decided) and "holds little more" in one.text for one in said)


@pytest.mark.parametrize("wrong", [{"trials": 0}, {"seeds": 1}, {"test": 0.0}, {"test": 0.9}])
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, Any], digits_folder: Path) -> None:
    with pytest.raises(RunError, match=r"trials|seeds|test"):
        quick(digits_folder, **wrong)


def test_a_recipe_without_a_range_is_refused_before_a_folder_is_made(digits_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="nothing to search"):
        quick(digits_folder, tmp_path / "run", recipe="finetune")
    assert not (tmp_path / "run").exists()
