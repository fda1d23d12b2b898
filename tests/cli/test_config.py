"""`--config` and `--schema`: the same words as the command line, checked whole before anything is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner, Result

from warmstart.cli.completion import backbones, recipes
from warmstart.cli.config import read_config
from warmstart.cli.main import app
from warmstart.errors import RunError
from warmstart.recipe.methods import load_recipe

RUNNER = CliRunner()
COMMANDS = sorted((c.name or c.callback.__name__.replace("_", "-")) for c in app.registered_commands if c.callback)
CONFIGURED = [name for name in COMMANDS if name != "recipes"]


def run(*words: object) -> Result:
    return RUNNER.invoke(app, [str(word) for word in words])


def written(folder: Path, **options: Any) -> Path:
    path = folder / "options.yaml"
    path.write_text(yaml.safe_dump(options), encoding="utf-8")
    return path


def schema(command: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(command, "--schema").stdout)
    return found


def test_a_file_says_the_words_of_the_command(digits_folder: Path, tmp_path: Path) -> None:
    file = written(tmp_path, data=str(digits_folder), recipe="finetune?epochs=2", backbone="toy", seed=3)
    by_file = run("plan", "--config", file, "--json")
    typed = run("plan", digits_folder, "--recipe", "finetune?epochs=2", "--backbone", "toy", "--seed", 3, "--json")
    assert by_file.exit_code == typed.exit_code == 0, by_file.stderr
    plans = [json.loads(done.stdout) for done in (by_file, typed)]
    for key in ("recipe", "warnings"):
        assert plans[0].get(key) == plans[1].get(key)
    assert [one["step"] for one in plans[0]["steps"]] == [one["step"] for one in plans[1]["steps"]]
    assert plans[0]["steps"][0]["step"]["epochs"] == 2


def test_what_is_typed_goes_before_the_file(digits_folder: Path, tmp_path: Path) -> None:
    file = written(tmp_path, data="nowhere", recipe="probe", backbone="toy")
    done = run("plan", digits_folder, "--recipe", "gradual", "--config", file, "--json")
    assert json.loads(done.stdout)["recipe"] == "gradual"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sed": 3}, "the nearest: 'seed'"),
        ({"seed": 3.5}, "integer"),
        ({"seed": True}, "integer"),
        ({"accept_licence": "perhaps"}, "boolean"),
        ({"on_missing": "look away"}, "'error' or 'skip'"),
        ({"data": {"folder": "x"}}, "string"),
        ({"as_json": True}, "does not take"),
        ({"config": "other.yaml"}, "does not take"),
    ],
)
def test_a_mistake_in_the_file_is_told(options: dict[str, Any], told: str, tmp_path: Path) -> None:
    done = run("fit", tmp_path, "--config", written(tmp_path, **options))
    assert done.exit_code == 2
    assert told in done.stderr


@pytest.mark.parametrize("content", ["a: [1", "just words", "", "- a\n- b", "\x00"])
def test_what_is_no_mapping_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(content, encoding="utf-8")
    done = run("fit", tmp_path, "--config", tmp_path / "c.yaml")
    assert done.exit_code == 2
    assert "NAME: VALUE" in done.stderr


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = run("fit", tmp_path, "--config", tmp_path / "none.yaml")
    assert "none.yaml cannot be read" in done.stderr


def test_a_yaml_tag_makes_no_object(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("data: !!python/object/apply:os.getcwd []", encoding="utf-8")
    assert "is no YAML" in run("fit", "--config", tmp_path / "c.yaml").stderr


def test_several_are_a_list_or_one_text(tmp_path: Path) -> None:
    """What the option has commas for may be a list; an argument that takes many takes a list."""
    asked = written(tmp_path, bundle="none", inputs=["a.png", "b.png"])
    assert "none is no bundle" in run("predict", "--config", asked).stderr
    told = run("compare", tmp_path / "none", "--config", written(tmp_path, methods=["probe", "lp_ft"], folds=2)).stdout
    assert "Comparing probe,lp_ft: 2 folds" in told


@pytest.mark.parametrize("command", CONFIGURED)
def test_the_schema_is_one_and_holds_every_word(command: str) -> None:
    found = schema(command)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["additionalProperties"] is False
    assert all(word.get("description") for word in found["properties"].values())


def test_the_schema_refuses_what_the_command_refuses() -> None:
    check = jsonschema.Draft202012Validator(schema("fit"))
    assert check.is_valid({"data": "x", "seed": 3, "size": None, "label_column": ["a", "b"], "on_missing": "skip"})
    for wrong in ({"sed": 3}, {"seed": 3.5}, {"on_missing": "look away"}, {"data": {"folder": "x"}}, ["data"]):
        assert not check.is_valid(wrong)


@pytest.mark.parametrize("name", ["probe", "gradual", "lora", "mcc"])
def test_the_schema_of_a_recipe_takes_those_there_are(name: str) -> None:
    shape = json.loads(run("recipes", "--schema").stdout)
    content = load_recipe(name).model_dump(mode="json")
    jsonschema.validate(content, shape)
    assert not jsonschema.Draft202012Validator(shape).is_valid({**content, "stepps": []})


def test_the_shell_offers_names_that_begin_so() -> None:
    assert recipes("grad") == ["gradual"]
    assert recipes("probe,two") == ["probe,two_phase"]
    assert "vgg16" in backbones("vgg")
    assert backbones("no such") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_made_for_each_shell(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_WARMSTART_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", "warmstart fit x --recipe grad")
    monkeypatch.setenv("COMP_CWORD", "4")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "warmstart fit x --recipe grad")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    done = RUNNER.invoke(app, [], prog_name="warmstart")
    assert "gradual" in done.stdout


@pytest.mark.parametrize("text", ["[" * 5000, "batch_size: 2020-99-99"])
def test_a_file_that_the_parser_stumbles_over_is_refused_in_words(text: str, tmp_path: Path) -> None:
    """Found by the fuzzer: a level of recursion for each bracket, and dates made of what looks like one."""
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=r"mine\.yaml"):
        read_config(file, {}, "predict")
