"""`warmstart.distill`: from a bundle to a smaller network that answers as it does, and the truth about that."""

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

from tests.api.helpers import contents, quick, weights
from tests.api.test_resume import stop_after
from tests.model.text.tiny import save
from tests.newsroom import as_csv, news
from warmstart.api.distill import distill
from warmstart.api.distillation.teacher import Teacher, folders_of
from warmstart.api.fit import FitResult, fit
from warmstart.cache.store import ActivationStore
from warmstart.cli.main import app
from warmstart.data.schema import ClassTarget
from warmstart.data.sources import load
from warmstart.data.targets import NumberTarget, Target
from warmstart.engine.events import Decided, Event, silent
from warmstart.errors import BackboneError, BundleError, DataError, Interrupted, RecipeError, RunError
from warmstart.model.catalog import load_backbone
from warmstart.recipe.methods import load_recipe
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.manifest import read_manifest
from warmstart.shipping.write import write_bundle
from warmstart.task.network import network_for

QUICK: dict[str, Any] = {"backbone": "toy", "recipe": "distill?epochs=2&lr=1e-3", "budget": "10m"}


@pytest.fixture(scope="module")
def teacher(_digits_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("teacher")
    return quick(_digits_once, place / "run", cache=place / "cache").bundle


@pytest.fixture(scope="module")
def student(teacher: Path, _digits_once: Path, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """Of labelled digits and of some that have no label."""
    place = tmp_path_factory.mktemp("student")
    more = place / "more"
    more.mkdir()
    for path in sorted((_digits_once / "1").iterdir())[:4]:
        Image.open(path).rotate(180).save(more / path.name)
    return distill(teacher, _digits_once, unlabelled=more, out=place / "run", cache=place / "cache", **QUICK)


def made(folder: Path, target: Target, golden: Any, *seeds: int) -> Path:
    """A bundle of untrained networks over the toy backbone."""
    backbone = load_backbone("toy")
    networks = [network_for(backbone.clone(), target, seed=seed) for seed in seeds]
    recipes = ["none"] * len(networks)
    return write_bundle(
        folder, networks, target=target, preprocess=backbone.spec, golden=golden, recipes=recipes, recipe="name: none"
    )


def test_it_says_what_was_kept_what_it_saves_and_whether_the_teacher_was_needed(student: FitResult) -> None:
    outcome = student.outcome
    found = outcome.distilled
    assert found is not None
    assert found.kept is not None
    assert found.gained is not None
    assert found.teacher_reached is not None
    assert [rung.name for rung in outcome.rungs if rung.test] == ["teacher", "alone", "final"]
    gap = outcome.test["accuracy"].value - found.teacher_reached.value
    assert found.kept.difference.value == pytest.approx(gap)
    assert (found.labelled, found.unlabelled) == (36, 4)
    assert found.teacher.parameters == found.student.parameters > 0
    assert found.faster.low <= found.faster.value <= found.faster.high
    assert "about as many parameters" in outcome.verdict
    assert "the same backbone without a teacher" in outcome.verdict.lower()
    assert "What was kept of the teacher, and what it saves" in student.report.read_text()


def test_the_student_is_a_bundle_that_names_its_teacher_and_knows_its_classes(
    student: FitResult, teacher: Path, digits_folder: Path
) -> None:
    facts = read_manifest(student.bundle)
    (origin,) = facts.made_from
    assert (origin.role, origin.data) == ("teacher", "digits")
    assert facts.classes == read_manifest(teacher).classes
    rows = student.predict(sorted((digits_folder / "2").iterdir())[:2])
    assert set(rows[0]["probabilities"]) == {"0", "1", "2"}
    assert json.loads((student.folder / "results.json").read_text())["distilled"]["share"] == 0.7


def test_the_teacher_answers_each_sample_once_whatever_student_asks(
    teacher: Path, digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    answer = Bundle.outputs

    def counted(bundle: Bundle, inputs: Any, **how: Any) -> Any:
        asked.append(len(inputs))
        return answer(bundle, inputs, **how)

    monkeypatch.setattr(Bundle, "outputs", counted)
    store = ActivationStore(tmp_path / "cache")
    samples, known, another = load(digits_folder).samples, Teacher.load(teacher), Teacher.load(teacher)
    asked.clear()  # of the golden samples
    first, _ = known.outputs(samples, store, silent)
    assert sum(asked) == len(samples)
    again, why = another.outputs(samples[::-1], ActivationStore(tmp_path / "cache"), silent)
    assert sum(asked) == len(samples)
    assert torch.equal(again.flip(0), first)
    assert not any(why)


def test_without_labels_agreement_is_all_that_is_measured(teacher: Path, digits_folder: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in digits_folder.rglob("*.png"):
        shutil.copy(path, photos / f"{path.parent.name}-{path.name}")
    told: list[Event] = []
    run = distill(teacher, backbone="toy", unlabelled=photos, budget="10m", out=tmp_path / "run", listener=told.append)
    outcome, found = run.outcome, run.outcome.distilled
    assert found is not None
    assert (found.share, found.labelled, found.kept, found.gained) == (1.0, 0, None, None)
    assert (outcome.metric, list(outcome.test)) == ("agreement", ["agreement"])
    assert outcome.test["agreement"].value == pytest.approx(found.agreement.value)
    assert outcome.confusion == ()
    assert "no label says how many of the answers are right" in outcome.verdict
    assert "accuracy" not in (run.bundle / "README.md").read_text().split("## How to use it")[0]
    assert any(isinstance(e, Decided) and "60 images without a label: the teacher is all" in e.text for e in told)


def test_an_ensemble_and_several_teachers_are_averaged_by_the_names_of_their_classes(
    digits_folder: Path, tmp_path: Path
) -> None:
    samples = load(digits_folder).samples[:6]
    golden = [sample.source for sample in samples]
    names = ("0", "1", "2")
    both = made(tmp_path / "both", ClassTarget(names), golden, 1, 2)
    one = made(tmp_path / "one", ClassTarget(names), golden, 1)
    turned = made(tmp_path / "turned", ClassTarget(names[::-1]), golden, 2)
    store = ActivationStore(None)
    ensemble, _ = Teacher.load(both).outputs(samples, store, silent)
    known = Teacher.load([one, turned])
    assert known.members == 2
    assert known.target.classes == names
    outputs, _ = known.outputs(samples, store, silent)
    shares = [Bundle.load(folder).outputs(samples).outputs.softmax(1) for folder in (one, turned)]
    torch.testing.assert_close(outputs.softmax(1), (shares[0] + shares[1].flip(1)) / 2)
    wanted = Bundle.load(both).outputs(samples).outputs
    torch.testing.assert_close(ensemble.softmax(1), wanted.softmax(1))


@pytest.mark.slow
def test_an_ensemble_teaches_a_student_of_one_network(digits_folder: Path, tmp_path: Path) -> None:
    golden = [sample.source for sample in load(digits_folder).samples[:4]]
    both = made(tmp_path / "both", ClassTarget(("2", "1", "0")), golden, 1, 2)
    found = distill(both, digits_folder, out=tmp_path / "run", **QUICK).outcome
    assert found.distilled is not None
    assert (found.distilled.teacher.networks, found.distilled.student.networks) == (2, 1)
    assert found.distilled.teacher.parameters == 2 * found.distilled.student.parameters
    assert found.classes == ("2", "1", "0")


def test_numbers_are_brought_to_the_unit_of_the_first_teacher(digits_folder: Path, tmp_path: Path) -> None:
    samples = load(digits_folder).samples[:4]
    golden = [sample.source for sample in samples]
    one = made(tmp_path / "one", NumberTarget(("age",), (0.0,), (1.0,)), golden, 1)
    other = made(tmp_path / "other", NumberTarget(("age",), (40.0,), (10.0,)), golden, 1)
    raw = Bundle.load(one).outputs(samples).outputs
    known = Teacher.load(f"{one}, {other}")
    outputs, _ = known.outputs(samples, ActivationStore(None), silent)
    torch.testing.assert_close(outputs, (raw + 40 + 10 * raw) / 2)
    assert known.label(outputs[0]) == pytest.approx((outputs[0].item(),))


@pytest.mark.slow
def test_texts_are_distilled_into_a_tiny_network(tmp_path: Path) -> None:
    tiny = f"hf:{save(tmp_path / 'tiny')}"
    data = as_csv(tmp_path / "news.csv", news(8))
    more = [f"{text} Again." for text, _ in news(4)]
    known = fit(data, backbone=tiny, recipe="probe", baseline="none", out=tmp_path / "teacher").bundle
    how = {**QUICK, "backbone": tiny}
    run = distill(known, data, unlabelled=more, out=tmp_path / "run", **how)
    assert run.outcome.distilled is not None
    assert run.outcome.distilled.unlabelled > 0
    assert run.predict(["The goalkeeper won them the cup final."])[0]["label"] in run.outcome.classes


def waves(n: int = 30) -> tuple[np.ndarray[Any, Any], list[str]]:
    rng = np.random.default_rng(0)
    pitch = np.arange(n) % 2
    values = np.sin(np.arange(64) * (0.2 + 0.3 * pitch[:, None])) + rng.normal(0, 0.1, (n, 64))
    return values[:, None], [("low", "high")[k] for k in pitch]


def test_series_are_distilled(tmp_path: Path) -> None:
    how: dict[str, Any] = {"backbone": "toy_series", "recipe": "probe", "baseline": "none"}
    known = fit(waves(), out=tmp_path / "teacher", **how).bundle
    run = distill(known, waves(), out=tmp_path / "run", **{**QUICK, "backbone": "toy_series"})
    assert run.outcome.distilled is not None
    assert run.outcome.distilled.kept is not None


@pytest.mark.slow
def test_a_student_that_was_stopped_ends_with_the_same_weights_bit_for_bit(
    teacher: Path, digits_folder: Path, tmp_path: Path
) -> None:
    recipe = load_recipe("distill?epochs=4&batch_size=8").model_copy(update={"name": "mine"})
    how: dict[str, Any] = {"backbone": "toy", "recipe": recipe, "budget": "30m"}
    whole = distill(teacher, digits_folder, out=tmp_path / "whole", **how)
    hear = stop_after(7, "phase distill", "rung mine")
    with pytest.raises(Interrupted):
        distill(teacher, digits_folder, out=tmp_path / "cut", listener=hear, **how)
    resumed = distill(teacher, digits_folder, resume=tmp_path / "cut", **how)
    assert weights(resumed) == weights(whole)
    assert resumed.outcome.test == whole.outcome.test
    with pytest.raises(RunError, match="is finished"):
        distill(teacher, digits_folder, resume=tmp_path / "cut", **how)


def test_what_cannot_be_distilled_is_refused_before_anything_is_made(
    teacher: Path, digits_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    before = contents(teacher)
    with pytest.raises(DataError, match="nothing to learn from"):
        distill(teacher, out=out, **QUICK)
    with pytest.raises(RecipeError, match="takes 50% of its loss from labels, and there are none"):
        distill(teacher, unlabelled=digits_folder, backbone="toy", recipe="distill?share=0.5", out=out)
    with pytest.raises(RecipeError, match="learns from labels alone"):
        distill(teacher, digits_folder, backbone="toy", recipe="finetune", out=out)
    with pytest.raises(BackboneError, match="toy_series reads series, the teacher images"):
        distill(teacher, digits_folder, backbone="toy_series", out=out)
    with pytest.raises(RecipeError, match="learns from a teacher, and there is none"):
        fit(digits_folder, backbone="toy", recipe="distill", out=out)
    (digits_folder / "2").rename(digits_folder / "two")
    with pytest.raises(DataError, match="does not know: 'two'"):
        distill(teacher, digits_folder, out=out, **QUICK)
    assert not out.exists()
    assert contents(teacher) == before


def test_teachers_that_answer_different_questions_are_refused(
    teacher: Path, digits_folder: Path, tmp_path: Path
) -> None:
    golden = [sample.source for sample in load(digits_folder).samples[:4]]
    other = made(tmp_path / "other", ClassTarget(("0", "1", "three")), golden, 1)
    with pytest.raises(BundleError, match="do not know the same classes; one alone has: '2', 'three'"):
        Teacher.load([teacher, other])
    numbers = made(tmp_path / "numbers", NumberTarget(("age",), (0.0,), (1.0,)), golden, 1)
    with pytest.raises(BundleError, match="regress of images, and classify of images"):
        Teacher.load([teacher, numbers])
    with pytest.raises(BundleError, match="is no bundle"):
        Teacher.load(tmp_path / "none")


def test_a_comma_in_the_name_of_a_folder_divides_nothing(tmp_path: Path) -> None:
    (tmp_path / "a,b").mkdir()
    assert folders_of(str(tmp_path / "a,b")) == [tmp_path / "a,b"]


def test_images_that_the_teacher_cannot_read_are_left_out_or_are_too_many(
    teacher: Path, digits_folder: Path, tmp_path: Path
) -> None:
    (digits_folder / "0" / "torn.png").write_bytes(b"no image")
    told: list[Event] = []
    distill(teacher, digits_folder, out=tmp_path / "run", listener=told.append, **QUICK)
    assert any(isinstance(e, Decided) and "cannot read 1 of 61 samples" in e.text for e in told)
    with pytest.raises(DataError, match="the teacher cannot read 1 of 61 samples"):
        distill(teacher, digits_folder, out=tmp_path / "other", max_unreadable=0.0, **QUICK)


def test_the_command_tells_the_same(teacher: Path, digits_folder: Path, tmp_path: Path) -> None:
    words = ["distill", str(teacher), str(digits_folder), "--backbone=toy", "--recipe=distill?epochs=1", "--json"]
    said = CliRunner().invoke(app, [*words, f"--out={tmp_path / 'run'}"])
    assert said.exit_code == 0, said.output
    document = json.loads(said.stdout)
    assert document["distilled"]["teacher"]["networks"] == 1
    assert document["verdict"]
    assert "distill " in json.loads((tmp_path / "run" / "results.json").read_text())["command"]
