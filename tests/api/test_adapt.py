"""`adapt` from folders and arrays to the bundle and the page; what labels of the target may do, and what not."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from sklearn.datasets import load_digits
from torch import Tensor
from typer.testing import CliRunner

import warmstart
from tests.api.helpers import contents
from tests.model.text.tiny import save
from tests.newsroom import as_csv, news
from warmstart.api.adapt import AdaptResult, adapt
from warmstart.cli.main import app
from warmstart.engine.events import Decided, Event, Started
from warmstart.errors import Interrupted, RunError, WarmstartError
from warmstart.shipping.bundle import Bundle

METHODS = "source_only?epochs=1,probe,mcc?epochs=2"
QUICK: dict[str, Any] = {"backbone": "toy", "methods": METHODS, "budget": "5m"}


@pytest.fixture(scope="module")
def inverted(_digits_once: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The digits inverted: in a folder per class, and the same files in one flat folder under other names."""
    root = tmp_path_factory.mktemp("targets")
    labelled, flat = root / "<b>inverted", root / "flat"
    flat.mkdir(parents=True)
    for number, path in enumerate(sorted(_digits_once.rglob("*.png"), key=lambda path: path.name[::-1])):
        copy = labelled / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        ImageOps.invert(Image.open(path)).save(copy)
        shutil.copyfile(copy, flat / f"{number:03d}.png")
    return labelled, flat


@pytest.fixture(scope="module")
def told() -> list[Event]:
    return []


@pytest.fixture(scope="module")
def results(
    _digits_once: Path, inverted: tuple[Path, Path], told: list[Event], tmp_path_factory: pytest.TempPathFactory
) -> tuple[AdaptResult, AdaptResult]:
    """With labels in the target, and without."""
    place = tmp_path_factory.mktemp("adapted")
    before = [contents(folder) for folder in (_digits_once, *inverted)]
    options = {**QUICK, "cache": place / "cache"}
    one = adapt(_digits_once, inverted[0], out=place / "labelled", listener=told.append, **options)
    other = adapt(_digits_once, inverted[1], out=place / "flat", **options)
    assert [contents(folder) for folder in (_digits_once, *inverted)] == before
    return one, other


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Decided)]


def weights(folder: Path) -> dict[str, dict[str, Tensor]]:
    """Every tensor of what is finished below a folder; the order of a file's header is not always the same."""
    return {
        path.relative_to(folder).as_posix(): load_file(path)
        for path in sorted(folder.rglob("*.safetensors"))
        if path.parent.name == "bundle" or path.name == "final.safetensors"
    }


def same(one: dict[str, dict[str, Tensor]], other: dict[str, dict[str, Tensor]]) -> bool:
    """Whether two are bit for bit the same."""
    return one.keys() == other.keys() and all(
        tensors.keys() == other[name].keys() and all(torch.equal(t, other[name][key]) for key, t in tensors.items())
        for name, tensors in one.items()
    )


def test_labels_of_the_target_change_no_weight_and_no_choice(results: tuple[AdaptResult, AdaptResult]) -> None:
    one, other = results
    assert len(weights(one.folder)) == 4
    assert same(weights(one.folder), weights(other.folder))
    assert one.outcome.chosen == other.outcome.chosen
    assert [row.criteria for row in one.outcome.tried] == [row.criteria for row in other.outcome.tried]
    assert [row.answers for row in one.outcome.tried] == [row.answers for row in other.outcome.tried]


def test_with_labels_every_method_is_measured_and_the_oracle_is_named(
    results: tuple[AdaptResult, AdaptResult],
) -> None:
    found = results[0].outcome
    assert [row.name for row in found.tried] == ["source_only?epochs=1", "probe", "mcc?epochs=2"]
    assert [row.adapts for row in found.tried] == [False, False, True]
    values = {row.name: row.target.value for row in found.tried if row.target is not None}
    assert found.oracle is not None
    assert values[found.oracle] == max(values.values())
    assert [row.gain is None for row in found.tried] == [True, False, False]
    assert (found.oracle_gap is None) == (found.oracle == found.chosen)
    assert {c.name: c.reaches for c in found.choices} == {c.name: values[c.picks] for c in found.choices}
    assert next(c.picks for c in found.choices if c.name == "dev") == found.chosen
    assert "Labels of the target would have chosen" in found.verdict


def test_without_labels_nothing_is_claimed_of_the_target(results: tuple[AdaptResult, AdaptResult]) -> None:
    found = results[1].outcome
    assert found.oracle is None
    assert found.target.labelled == 0
    assert all(row.target is None and row.gain is None for row in found.tried)
    assert "nobody can say whether that helped" in found.verdict
    assert "not known: there are no labels" in results[1].report.read_text()
    assert json.loads((results[1].bundle / "bundle.json").read_text())["metrics"] == {}


def test_a_shift_is_told_before_anything_is_trained(
    results: tuple[AdaptResult, AdaptResult], told: list[Event]
) -> None:
    shift = results[0].outcome.shift
    assert shift is not None
    assert shift.strength == "strong"
    assert results[0].outcome.shift_words.startswith("There is a strong shift")
    said = next(i for i, e in enumerate(told) if isinstance(e, Decided) and e.text == results[0].outcome.shift_words)
    assert said < next(i for i, e in enumerate(told) if isinstance(e, Started) and e.what.startswith("rung "))


def test_that_labels_are_put_aside_is_said_and_kept(
    results: tuple[AdaptResult, AdaptResult], told: list[Event]
) -> None:
    assert any("the target has labels: no method learns from them" in text for text in texts(told))
    assert list(results[0].outcome.decisions) == list(dict.fromkeys(texts(told)))
    assert any(text.startswith("the target is read without labels") for text in results[1].outcome.decisions)


def test_the_page_the_data_and_the_card_say_the_same(results: tuple[AdaptResult, AdaptResult]) -> None:
    one, _ = results
    page, facts = one.report.read_text(), json.loads((one.folder / "results.json").read_text())
    assert facts["format"] == "warmstart-adaptation/1"
    assert facts["verdict"] == one.outcome.verdict
    assert one.outcome.verdict.split("(")[0] in page.replace("&#39;", "'")
    assert "<b>inverted" not in page
    assert "&lt;b&gt;inverted" in page
    assert not any(word in page for word in ("<script", "http://", "https://"))
    card = (one.bundle / "README.md").read_text()
    assert "without their labels" in card
    assert "<b>" not in card.partition("Made by `")[0]


def test_the_bundle_answers_as_the_chosen_method_did(
    results: tuple[AdaptResult, AdaptResult], inverted: tuple[Path, Path]
) -> None:
    found = results[0].outcome
    rows = results[0].predict(inverted[0])
    right = [row["label"] == Path(row["input"]).parent.name for row in rows]
    reached = found.of(found.chosen).target
    assert reached is not None
    assert np.mean(right) == pytest.approx(reached.value)
    assert Bundle.load(results[0].bundle).predict([inverted[1] / "000.png"])


def test_no_shift_is_said_to_be_none(tmp_path: Path) -> None:
    digits = load_digits()
    images, names = (digits.images * (255 / 16)).astype(np.uint8), digits.target.astype(str)
    one, other = np.random.default_rng(0).permutation(len(images))[:240].reshape(2, -1)
    options = {**QUICK, "methods": "source_only?epochs=1"}
    found = adapt((images[one], names[one]), images[other], out=tmp_path / "run", **options).outcome
    assert found.shift is not None
    assert found.shift.strength == "none shown"
    assert found.shift_words.startswith("Nothing shows a shift")


def test_a_stopped_run_goes_on_to_the_same_model_and_runs_nothing_twice(
    digits_folder: Path, inverted: tuple[Path, Path], results: tuple[AdaptResult, AdaptResult], tmp_path: Path
) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Started) and event.what == "rung mcc?epochs=2":
            signal.raise_signal(signal.SIGINT)

    data = (digits_folder, inverted[1])
    with pytest.raises(Interrupted):
        adapt(*data, out=tmp_path / "cut", listener=stop, **QUICK)
    assert not (tmp_path / "cut" / "results.json").exists()
    told: list[Event] = []
    resumed = adapt(*data, resume=tmp_path / "cut", listener=told.append, **QUICK)
    assert [text.partition(":")[0] for text in texts(told) if "finished before" in text] == [
        "source_only?epochs=1",
        "probe",
    ]
    assert same(weights(resumed.folder), weights(results[1].folder))
    with pytest.raises(RunError, match="is finished"):
        adapt(*data, resume=tmp_path / "cut", **QUICK)
    with pytest.raises(RunError, match="select='dev'"):
        adapt(*data, resume=tmp_path / "cut", **{**QUICK, "select": "snd"})


def test_what_has_no_time_is_named_and_the_rest_is_a_result(
    digits_folder: Path, inverted: tuple[Path, Path], tmp_path: Path
) -> None:
    options = {**QUICK, "budget": "1s", "methods": "source_only?epochs=1,mcc?epochs=400"}
    found = adapt(digits_folder, inverted[1], out=tmp_path / "run", **options).outcome
    skipped = {row.name: row.skipped for row in found.tried}
    assert skipped["source_only?epochs=1"] == ""
    assert skipped["mcc?epochs=400"].startswith("skipped: it needs about")
    assert found.chosen == "source_only?epochs=1"


def some_of(classes: str, n: int = 12, seed: int = 0) -> tuple[Any, list[str]]:
    """Random images with these classes in turn."""
    images = np.random.default_rng(seed).integers(0, 256, (n, 32, 32), dtype=np.uint8)
    return images, [classes[i % len(classes)] for i in range(n)]


def test_classes_that_only_one_of_the_two_has_are_told(tmp_path: Path) -> None:
    source, target = some_of("ab", 40), some_of("bxx", 30, seed=1)
    found = adapt(source, target, out=tmp_path / "run", **{**QUICK, "methods": "source_only?epochs=1,probe"}).outcome
    assert found.classes == ("a", "b")
    assert (found.target.samples, found.target.labelled) == (30, 10)
    assert found.target.foreign == {"x": 20}
    assert found.target.absent == ("a",)
    assert any("20 samples of the target are of classes that the source lacks: x (20)" in t for t in found.decisions)
    assert any("the target has no sample of a" in text for text in found.decisions)


def series(channels: int, n: int = 20, kinds: str = "ab") -> tuple[Any, list[str]]:
    rng = np.random.default_rng(channels)
    names = [kinds[i % 2] for i in range(n)]
    waves = [np.sin(np.arange(64) * (0.2 if name == "a" else 0.6) + rng.uniform(0, 6)) for name in names]
    return np.stack(waves)[:, None].repeat(channels, 1) + rng.normal(size=(n, channels, 64)) * 0.2, names


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": some_of("xy")}, "have none in common"),
        ({"target": some_of("ab", 8)}, "8 samples of the target"),
        ({"target": ["It rains.", "It is dry."] * 6}, "the target: .*texts are found"),
        ({"target": "nowhere"}, "there is no target nowhere"),
        ({"source": some_of("a", 40)}, "1 class\\(es\\)"),
        ({"source": (some_of("a", 40)[0], [0.5 + i / 7 for i in range(40)])}, "the source: .*task 'regress'"),
        ({"target": (some_of("a", 40)[0], [0.5 + i / 7 for i in range(40)])}, "the target: .*task 'regress'"),
        ({"source": {"file": [], "a": [], "b": []}, "label_column": "a,b"}, "2 columns.*a, b\n.*\n.*name one alone"),
        ({"target": [np.zeros((32, 32, 5), np.uint8)] * 12}, "the target: .*5 bands"),
        ({"source": series(1), "target": series(2), "backbone": "toy_series"}, "1 channel.*2 in the target"),
        ({"select": "accuracy"}, "no criterion is called 'accuracy'"),
        ({"methods": "mcc,mcc"}, "none twice"),
        ({"methods": "mcc,tent"}, "TENT adapts a bundle while it answers"),
        ({"methods": "danm"}, "no recipe is called 'danm'"),
        ({"out": "."}, "exists already"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_an_error_before_anything_is_made(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    given = {"source": some_of("ab", 40), "target": some_of("ab", 20)[0], "out": tmp_path / "run", **QUICK, **options}
    with pytest.raises(WarmstartError, match=words):
        adapt(**given)
    assert not (tmp_path / "run").exists()


def test_what_looks_like_labels_and_is_none_can_be_said_to_be_none(tmp_path: Path) -> None:
    for number, image in enumerate(some_of("ab", 20)[0]):
        place = tmp_path / "target" / f"2024-0{number % 2 + 1}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number}.png")
    options = {**QUICK, "methods": "source_only?epochs=1,probe"}
    with pytest.raises(WarmstartError, match="--ignore-target-labels"):
        adapt(some_of("ab", 40), tmp_path / "target", out=tmp_path / "run", **options)
    found = adapt(some_of("ab", 40), tmp_path / "target", ignore_target_labels=True, out=tmp_path / "run", **options)
    assert found.outcome.target.labelled == 0


def test_a_table_without_labels_is_read_by_the_columns_that_are_named(tmp_path: Path) -> None:
    for number, image in enumerate(some_of("ab", 40)[0]):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    rows = [f"{number}.png,{number / 7}" for number in range(40)]
    (tmp_path / "shots.csv").write_text("\n".join(["shot,what", *rows]))
    options = {**QUICK, "methods": "source_only?epochs=1", "out": tmp_path / "run"}
    with pytest.raises(WarmstartError, match="known to hold the path"):
        adapt(some_of("ab", 40), tmp_path / "shots.csv", **options)
    columns: dict[str, Any] = {"path_column": "shot", "label_column": "what"}
    found = adapt(some_of("ab", 40), tmp_path / "shots.csv", **columns, **options).outcome
    assert (found.target.samples, found.target.labelled) == (40, 0)
    assert any("without labels, as there are no classes" in text and "regress" in text for text in found.decisions)


def test_series_are_adapted_too(tmp_path: Path) -> None:
    waves, names = series(1, 40)
    options = {**QUICK, "backbone": "toy_series", "out": tmp_path / "run"}
    found = adapt((waves, names), (3 * waves[::-1] + 1, names[::-1]), **options).outcome
    assert found.target.labelled == 40
    assert [row.name for row in found.tried if not row.skipped] == ["source_only?epochs=1", "probe", "mcc?epochs=2"]


def test_texts_are_adapted_too_and_adabn_only_where_there_is_something_to_adapt(tmp_path: Path) -> None:
    source = as_csv(tmp_path / "news.csv", [*news(), ("Nobody says of what this is.", "")])
    plain = [text.upper().replace("ON SUNDAY", "AGAIN") for text, _ in news(15, seed=1)]
    (tmp_path / "target.csv").write_text("\n".join(["text", *plain]))
    options: dict[str, Any] = {"backbone": f"hf:{save(tmp_path / 'tiny')}", "out": tmp_path / "run"}
    with pytest.raises(WarmstartError, match="the label is empty"):
        adapt(source, tmp_path / "target.csv", **options)
    options["on_missing"] = "skip"
    with pytest.raises(WarmstartError, match="batch normalisation"):
        adapt(source, tmp_path / "target.csv", methods="adabn", **options)
    found = adapt(source, tmp_path / "target.csv", **options)
    assert any("source: 1 row(s) are left out" in text for text in found.outcome.decisions)
    assert found.outcome.target.samples == len(set(plain)) == 45
    assert [row.name for row in found.outcome.tried] == ["source_only", "probe", "mcc"]
    assert any(text.startswith("adabn is not tried") for text in found.outcome.decisions)
    assert {row["label"] for row in found.predict(plain[:9])} <= {"sport", "money", "music"}


def test_the_command_prints_the_methods_and_a_machine_can_read_them(
    digits_folder: Path, inverted: tuple[Path, Path], tmp_path: Path
) -> None:
    words = ["adapt", "--source", str(digits_folder), "--target", str(inverted[0]), "--backbone", "toy"]
    words += ["--methods", "source_only?epochs=1,probe", "--select", "dev"]
    ran = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "a")])
    assert ran.exit_code == 0, ran.output
    assert "was chosen by DEV" in ran.stdout
    assert "bundle" in ran.stdout
    found = json.loads(CliRunner().invoke(app, [*words, "--out", str(tmp_path / "b"), "--json"]).stdout)
    assert found["criterion"] == "dev"
    assert Path(found["bundle"]).is_dir()
    assert [row["name"] for row in found["tried"]] == ["source_only?epochs=1", "probe"]


def test_it_is_a_public_name() -> None:
    assert warmstart.adapt is adapt
