"""Commands with their Python twins replaced: what they pass on, what they print, how they fail."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from warmstart.cli.main import app
from warmstart.data.findings import Audit
from warmstart.engine.events import Decided, Started
from warmstart.errors import DataError, Interrupted, TrainingError
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.outcome import Rung


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


Twin = Callable[[str, Callable[..., Any]], None]


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> Twin:
    """Replace the Python twin of a command."""

    def replace(name: str, function: Callable[..., Any]) -> None:
        monkeypatch.setitem(sys.modules, f"warmstart.api.{name}", SimpleNamespace(**{name: function}))

    return replace


def raising(error: BaseException) -> Callable[..., Any]:
    def raises(*args: object, **kwargs: object) -> Any:
        raise error

    return raises


def fitted(**kwargs: object) -> SimpleNamespace:
    rungs = (
        Rung("pixels", "raw pixels", "baseline", {"accuracy": 0.5}, 1.0, False, "a baseline", Interval(0.5, 0.4, 0.6)),
        Rung("probe", "a head", "candidate", {"accuracy": 0.9}, 2.0, True, "the first", Interval(0.91, 0.85, 0.95)),
        Rung("lp_ft", "tuned", "candidate", {}, 0.0, False, "skipped: budget", skipped=True),
    )
    outcome = SimpleNamespace(
        metric="accuracy",
        task="classify",
        preprocess={"kind": "image"},
        rungs=rungs,
        chosen="probe",
        verdict="The probe is as good.",
        test={"accuracy": Interval(0.91, 0.85, 0.95)},
        evaluated_on="test",
        differences=(),
        decisions=("size 32",),
        seconds=3.0,
    )
    folder = Path("runs/my photos-001")
    return SimpleNamespace(outcome=outcome, folder=folder, report=folder / "report.html", bundle=folder / "bundle")


def test_fit_shows_every_rung_the_verdict_and_the_command_to_predict(twin: Twin) -> None:
    twin("fit", lambda data, **options: fitted())
    result = run("fit", "my photos")
    assert result.exit_code == 0
    assert all(
        word in result.stdout for word in ("pixels", "probe", "lp_ft", "skipped: budget", "0.910 (0.850 to 0.950)")
    )
    assert "The probe is as good." in result.stdout
    assert "warmstart predict 'runs/my photos-001/bundle' PHOTO.jpg" in result.stdout


def test_fit_passes_every_option_on_under_its_own_name(twin: Twin) -> None:
    seen: dict[str, Any] = {}
    twin("fit", lambda data, **options: seen.update(data=data, **options) or fitted())
    options = {
        "backbone": "toy",
        "recipe": "probe",
        "budget": "9s",
        "size": 48,
        "seed": 7,
        "val": 0.3,
        "test": 0.1,
        "group": "patient",
        "time": "taken",
        "path_column": "file",
        "task": "multilabel",
        "text_column": "said",
        "label_column": "kind",
        "on_missing": "skip",
        "normal": "fine",
        "horizon": 3,
        "context": 9,
        "season": 2,
        "head": "unet",
        "loss": "dice",
        "tile": 512,
        "id_column": "who",
        "time_column": "at",
        "value_columns": "x,y",
        "rate": 50.0,
        "window": "2s",
        "stride": "64",
        "out": Path("o"),
        "resume": Path("r"),
        "baseline": "scratch",
        "max_unreadable": 0.5,
        "unlabelled": "more.csv",
        "cache_budget": "1GB",
        "cache_dtype": "bf16",
        "cache": Path("c"),
        "max_memory": "3GB",
        "processes": 2,
        "track": "none",
    }
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    assert run("fit", "photos", *words, "--accept-licence", "--anonymous").exit_code == 0
    del seen["listener"]
    assert seen == {"data": "photos", **options, "accept_licence": True, "anonymous": True}


def test_json_is_one_document_on_stdout_and_nothing_else(twin: Twin) -> None:
    def noisy(data: str, **options: Any) -> SimpleNamespace:
        options["listener"](Decided("size 32"))
        return fitted()

    twin("fit", noisy)
    result = run("fit", "photos", "--json")
    assert json.loads(result.stdout)["chosen"] == "probe"
    assert json.loads(result.stdout)["rungs"][1]["test"]["value"] == 0.91
    assert "size 32" in result.stderr


def test_an_error_says_found_expected_and_what_to_do_and_ends_with_its_code(twin: Twin) -> None:
    twin("check", raising(DataError("no image in 'x'", expected="a folder per class", do="look")))
    result = run("check", "photos")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == ["error: no image in 'x'", "expected: a folder per class", "what to do: look"]
    twin("fit", raising(TrainingError("the loss is not finite")))
    assert run("fit", "photos").exit_code == 3


def test_an_error_is_json_too(twin: Twin) -> None:
    twin("check", raising(DataError("no image", do="look")))
    result = run("check", "photos", "--json")
    assert json.loads(result.stdout)["error"] == {
        "kind": "DataError",
        "found": "no image",
        "expected": "",
        "do": "look",
    }
    assert result.exit_code == 2


def test_names_with_escapes_and_markup_are_shown_not_obeyed(twin: Twin) -> None:
    twin("check", raising(DataError("class '\x1b[31mcat[/bold]\x07' is empty")))
    result = run("check", "photos")
    assert "class '\\x1b[31mcat[/bold]\\x07' is empty" in result.stderr
    assert "\x1b" not in result.stderr


def test_a_traceback_is_shown_only_with_debug(twin: Twin) -> None:
    twin("fit", raising(ZeroDivisionError("oh")))
    result = run("fit", "photos")
    assert result.exit_code == 1
    assert "ZeroDivisionError: oh" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in run("fit", "photos", "--debug").stderr


@pytest.mark.parametrize("stop", [Interrupted("stopped"), KeyboardInterrupt()])
def test_ctrl_c_prints_the_command_to_go_on(twin: Twin, stop: BaseException) -> None:
    def stopped(data: str, **options: Any) -> None:
        options["listener"](Started("run runs/x-001"))
        raise stop

    twin("fit", stopped)
    result = run("fit", "my photos", "--budget", "9m", "--out", "runs/x-001")
    assert result.exit_code == 130
    assert "warmstart fit 'my photos' --budget 9m --resume runs/x-001" in result.stderr


def test_ctrl_c_before_anything_is_saved_says_so(twin: Twin) -> None:
    twin("fit", raising(KeyboardInterrupt()))
    assert "nothing was saved yet; to start again: warmstart fit photos\n" in run("fit", "photos").stderr


AUDIT: dict[str, Any] = dataclasses.asdict(Audit("digits", 20, {"0": 20}, {}, {}, {}, (), (), (), (), (), ()))


def test_check_shows_how_the_bands_of_a_class_are_stored(twin: Twin, digits_folder: Path, tmp_path: Path) -> None:
    bands = {"0": {"stored": {"2 bands of int16": 19, "2 bands of uint8": 1}, "names": ["VV", "VH"], "missing": 0.0}}
    twin("check", lambda data, **options: SimpleNamespace(to_dict=lambda: {**AUDIT, "bands": bands}, problems=()))
    result = run("check", str(digits_folder), "--picture", str(tmp_path / "p.png"))
    assert "bands    0: 2 bands of int16 (19), 2 bands of uint8 (1): VV VH\n" in result.stdout


def test_the_picture_of_check_never_lies_in_the_data_folder(
    twin: Twin, digits_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    audit = SimpleNamespace(to_dict=lambda: AUDIT, problems=())
    seen: dict[str, Any] = {}
    twin("check", lambda data, **options: seen.update(options) or audit)
    for place in (digits_folder / "p.png", digits_folder / "0" / "p.png"):
        result = run("check", str(digits_folder), "--picture", str(place))
        assert result.exit_code == 2
        assert "data is never changed" in result.stderr
    monkeypatch.chdir(tmp_path)
    assert run("check", str(digits_folder)).exit_code == 0
    assert seen["picture"] == Path("warmstart-check-digits.png")


def answer(name: str, label: str | None, probability: float | None, **others: Any) -> dict[str, Any]:
    named = None if label is None else {label: probability}
    row = {"input": name, "label": label, "probability": probability, "probabilities": named}
    return {**row, "unknown": None, "distance": None, "error": None, **others}


def test_predict_shows_unreadable_inputs_beside_the_answers(twin: Twin) -> None:
    rows = [answer("a.jpg", "cat", 0.75), answer("b.jpg", None, None, error="truncated")]
    twin("predict", lambda bundle, inputs, **options: rows)
    result = run("predict", "bundle", "a.jpg", "b.jpg")
    assert "0.750" in result.stdout
    assert "truncated" in result.stdout
    assert "1 answered, 1 unreadable" in result.stdout
    assert "nothing that was trained on" not in result.stdout
    assert json.loads(run("predict", "bundle", "a.jpg", "--json").stdout) == rows


def test_a_recipe_with_options_is_printed_under_a_name_that_says_them() -> None:
    found = run("recipes", "finetune?epochs=3")
    assert found.exit_code == 0
    assert "name: finetune?epochs=3\n" in found.stdout
    assert "epochs: 3\n" in found.stdout


def test_predict_says_what_is_unknown_and_shows_the_sets_that_were_asked_for(twin: Twin) -> None:
    rows = [
        answer("a.jpg", "cat", 0.75, unknown=False, set=["cat", "dog\x1b[2J"]),
        answer("b.jpg", "cat", 0.9, unknown=True, set=["cat"]),
        answer("c.jpg", None, None, set=None, error="truncated"),
    ]
    seen: dict[str, Any] = {}
    twin("predict", lambda bundle, inputs, **options: seen.update(options) or rows)
    result = run("predict", "bundle", "a.jpg", "b.jpg", "c.jpg", "--coverage", "0.9")
    assert result.exit_code == 0
    assert seen["coverage"] == 0.9
    assert "cat, dog\\x1b[2J" in result.stdout
    assert [("unknown" in line) for line in result.stdout.splitlines() if ".jpg" in line] == [False, True, False]
    assert "1 looks like nothing that was trained on" in result.stdout
