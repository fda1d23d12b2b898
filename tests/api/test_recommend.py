"""Which backbone and method: chosen by what is measured on training and validation images, never on the test part."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from tests.api.conftest import SPEED
from warmstart.api.recommend import RecommendResult, recommend
from warmstart.api.recommending.candidates import Wanted, better_elsewhere, on_this_machine
from warmstart.api.recommending.hands import Here
from warmstart.api.recommending.looking import Errand
from warmstart.data.schema import IntArray
from warmstart.engine.fanout.spread import GivenUp
from warmstart.engine.ladder.rungs import RecipeRung
from warmstart.errors import BackboneError, DataError, LicenceError, RunError, WorkerError
from warmstart.recipe.text import from_yaml
from warmstart.select.transferability import metrics
from warmstart.select.view import View

TOYS = "toy,toy?pretrained=false,toy?taps=0"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmstart.select.view.measure_speed", lambda *args, **options: SPEED)


def with_test_part(folder: Path, root: Path) -> Path:
    """The digits with every fourth image in test/."""
    for name in ("0", "1", "2"):
        for i, path in enumerate(sorted((folder / name).iterdir())):
            place = root / ("test" if i % 4 == 0 else "train") / name
            place.mkdir(parents=True, exist_ok=True)
            (place / path.name).write_bytes(path.read_bytes())
    return root


def measured(result: RecommendResult) -> dict[str, Any]:
    """What was found, without times and places."""
    facts = result.recommendation
    return {
        "backbone": facts.backbone,
        "method": facts.method,
        "rounds": {one.backbone: one.rounds for one in facts.candidates},
        "tuned": {one.backbone: (one.method, one.value) for one in facts.tuned},
        "difference": facts.difference,
    }


@pytest.fixture(scope="module")
def chosen(_digits_once: Path, tmp_path_factory: pytest.TempPathFactory) -> RecommendResult:
    place = tmp_path_factory.mktemp("recommend")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warmstart.select.view.measure_speed", lambda *args, **options: SPEED)
        data = with_test_part(_digits_once, place / "digits")
        return recommend(data, backbones=TOYS, out=place / "run", cache=place / "cache")


def test_candidates_are_probed_and_the_best_two_tuned(chosen: RecommendResult) -> None:
    found = chosen.recommendation
    assert {one.backbone for one in found.candidates} == set(TOYS.split(","))
    assert all({"knn", "ridge"} == set(probed.accuracy) for one in found.candidates for probed in one.rounds)
    assert [one.backbone for one in found.tuned] == [one.backbone for one in found.candidates[:2]]
    assert found.backbone == found.candidates[0].backbone
    assert found.tuned[0].value.value >= found.tuned[1].value.value
    assert found.difference is not None
    assert found.method in {rung.name for rung in found.tuned[0].rungs}
    assert found.why.count(". ") == 1


def test_the_run_folder_holds_the_facts_the_page_and_the_recipe(chosen: RecommendResult) -> None:
    found = chosen.recommendation
    facts = json.loads((chosen.folder / "results.json").read_text())
    assert (facts["backbone"], facts["method"]) == (found.backbone, found.method)
    page = chosen.report.read_text()
    assert all(one.backbone in page for one in found.candidates)
    assert from_yaml((chosen.folder / "recipe.yaml").read_text()).name.partition("?")[0] == found.method
    words = shlex.split(found.next_command)
    assert words[:2] == ["warmstart", "fit"]
    assert words[words.index("--backbone") + 1].startswith("toy")


def test_measures_of_transferability_are_told_beside_the_probes(chosen: RecommendResult) -> None:
    found = chosen.recommendation
    for one in found.candidates:
        assert set(one.transferability) == set(metrics) - {"leep", "nce"}
        assert set(one.unavailable) == {"leep", "nce"}, "the toy has no source head"
    assert set(found.agreement) <= set(metrics) - {"leep", "nce"}
    probes = {one.rounds[0].best.value for one in found.candidates}
    assert bool(found.agreement) == (len(probes) > 1), "where all probes are alike there is no order to agree on"
    assert all(-1 <= value <= 1 for value in found.agreement.values())
    page = chosen.report.read_text()
    assert "LogME" in page
    assert "this one has no source head" in page


def test_pretrained_weights_are_recommended_over_random_ones(
    digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, features = list[bool](), View.features

    def noted(self: View, indices: IntArray, *, full: bool) -> Tensor:
        asked.append(full)
        return features(self, indices, full=full)

    monkeypatch.setattr(View, "features", noted)
    monkeypatch.setattr(RecipeRung, "seconds", lambda *args: 1e9)  # what tuning does is tested with the toy
    random = "lite0?pretrained=false"
    found = recommend(digits_folder, backbones=f"{random},lite0", size=64, out=tmp_path / "run", cache=tmp_path / "c")
    best, other = found.recommendation.candidates
    assert (found.recommendation.backbone, best.backbone, other.backbone) == ("lite0", "lite0", random)
    assert set(best.transferability) == set(metrics), "the classifier came with the weights"
    assert set(other.unavailable) == {"leep", "nce"}
    assert all(asked), "two candidates are one round, at full size; nothing is computed at another one"


def test_the_test_part_is_not_opened(chosen: RecommendResult, tmp_path: Path, digits_folder: Path) -> None:
    """With noise for its images and other labels, everything comes out as it was."""
    data, rng = with_test_part(digits_folder, tmp_path / "again" / "digits"), np.random.default_rng(0)
    for path in sorted((data / "test").rglob("*.png")):
        path.unlink()
        place = data / "test" / "2" / path.name
        Image.fromarray(rng.integers(0, 255, (32, 32), dtype=np.uint8)).save(place)
    poisoned = recommend(data, backbones=TOYS, out=tmp_path / "run", cache=tmp_path / "cache")
    assert measured(poisoned) == measured(chosen)


def test_without_time_to_tune_it_says_so_and_expects(
    digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecipeRung, "seconds", lambda *args: 1e9)
    found = recommend(digits_folder, backbones="toy", out=tmp_path / "run").recommendation
    assert (found.tuned, found.difference) == ((), None)
    assert "for want of time" in found.why
    assert any("is not tuned" in text for text in found.decisions)


def test_a_restricted_licence_is_refused(digits_folder: Path) -> None:
    with pytest.raises(LicenceError, match="--accept-licence"):
        recommend(digits_folder, backbones="toy,dinov3_small")


@pytest.mark.parametrize(("backbones", "message"), [("toy,toy", "twice"), (" , ", "no name"), ("toy,toi", "toi")])
def test_what_cannot_be_looked_at_is_said(backbones: str, message: str, digits_folder: Path) -> None:
    with pytest.raises(BackboneError, match=message):
        recommend(digits_folder, backbones=backbones)


def test_a_task_that_it_cannot_measure_is_refused() -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    with pytest.raises(DataError, match="the task 'regress'"):
        recommend((images, np.linspace(0, 1, 30)), backbones="toy", budget=5)


def test_filters_narrow_what_was_named(digits_folder: Path) -> None:
    with pytest.raises(BackboneError, match=r"its licence Apache-2\.0 is not mit"):
        recommend(digits_folder, backbones="toy", licence="mit")
    with pytest.raises(BackboneError, match="more than 1K"):
        recommend(digits_folder, backbones="toy", max_params="1K")


def test_a_run_folder_that_exists_is_refused(digits_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="exists already"):
        recommend(digits_folder, backbones="toy", out=tmp_path)


def test_by_default_what_is_here_and_free_and_pretrained_is_looked_at() -> None:
    wanted = Wanted(None, 0, None, False, None)
    field = on_this_machine(wanted, "image")
    names = [candidate.uri for candidate in field.candidates]
    assert "lite0" in names
    assert "toy" not in names
    above = better_elsewhere(field, field.candidates[0].prior.score, wanted, affordable=10.0)
    assert above
    assert all(one.prior > field.candidates[0].prior.score and one.gflops <= 10 and one.how for one in above)
    allowed = dataclasses.replace(wanted, accept_licence=True)
    assert not any(candidate.row.restricted for candidate in field.absent)
    assert any(candidate.row.restricted for candidate in on_this_machine(allowed, "image").absent)


@pytest.mark.parametrize("stage", ["score", *(pytest.param(one, marks=pytest.mark.slow) for one in ("look", "tune"))])
def test_a_candidate_that_workers_die_of_is_left_out_and_named(
    digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    run, lost = Here.run, GivenUp(("killed by SIGKILL",) * 3)

    def deadly(self: Here, errands: Sequence[Errand], ready: Callable[[], bool]) -> dict[str, Any]:
        fine = [one for one in errands if (one.what, one.uri) != (stage, "toy")]
        return run(self, fine, ready) | {one.uri: lost for one in errands if one not in fine}

    monkeypatch.setattr(Here, "run", deadly)
    found = recommend(digits_folder, backbones="toy,toy?taps=0", out=tmp_path / "run").recommendation
    assert "each of the 3 workers that took it died (killed by SIGKILL)" in found.left_out["toy"]
    assert [one.backbone for one in found.candidates] == [one.backbone for one in found.tuned] == ["toy?taps=0"]
    assert found.backbone == "toy?taps=0"
    with pytest.raises(WorkerError, match="toy is given up"):
        recommend(digits_folder, backbones="toy", out=tmp_path / "other")
