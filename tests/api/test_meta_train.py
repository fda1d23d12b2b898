"""`warmstart.meta_train`: from classes of series to a backbone that is measured on classes it never saw."""

from __future__ import annotations

import dataclasses
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import warmstart
from warmstart.api.meta_train import MetaTrainResult, meta_train
from warmstart.cli.main import app
from warmstart.data.schema import ClassTarget, Dataset, Sample, Series
from warmstart.engine.events import Advanced, Decided, Event
from warmstart.errors import DataError, Interrupted, RecipeError, RunError
from warmstart.recipe.episodic import Meta
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import ClosedForm
from warmstart.recipe.text import from_yaml, to_yaml

QUICK: dict[str, Any] = {
    **{"ways": 3, "shots": 2, "queries": 3, "episodes": 16, "evaluated": 40, "inner_steps": 2},
    **{"backbone": "toy_series", "size": 64},
}


def walks(classes: int = 12, each: int = 6, channels: int = 1, seed: int = 0) -> Dataset:
    """Noisy copies of random walks, a walk to a class."""
    rng = np.random.default_rng(seed)
    samples = []
    for label in range(classes):
        walk = np.cumsum(rng.normal(size=64))
        for i in range(each):
            values = walk + rng.normal(0, 4, (channels, 64))
            samples.append(Sample(f"{label}-{i}", Series(values), f"walk {label:02d}"))
    return Dataset(tuple(samples), ClassTarget(tuple(f"walk {k:02d}" for k in range(classes))), name="walks")


def weights(result: MetaTrainResult) -> bytes:
    return (result.folder / "backbone" / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("method", ["protonet", "anil", "maml", "fomaml", "reptile"])
def test_every_method_leaves_a_backbone_and_what_it_is_worth(method: str, tmp_path: Path) -> None:
    result = meta_train([walks()], method=method, out=tmp_path / "run", **QUICK)
    before, after = warmstart.load_backbone("toy_series"), warmstart.load_backbone(result.backbone)
    assert after.card.weights_sha256 != before.card.weights_sha256
    assert set(after.module.state_dict()) == set(before.module.state_dict())  # no head of an episode is left in it
    assert "then 72 inputs of data-0" in after.card.trained_on
    heads = [(row.head, row.backbone) for row in result.rows]
    own = [(method, "trained"), *([("prototypes", "trained")] if method != "protonet" else [])]
    assert heads == [("prototypes", "as it was"), ("ridge", "as it was"), *own]
    for row in result.rows:
        assert row.accuracy.low <= row.accuracy.value <= row.accuracy.high
        assert row.accuracy.value > 1 / 3 or row.head == method
    assert method in result.verdict
    facts = json.loads((result.folder / "meta_train.json").read_text())
    parts = [set(facts["classes"][part]) for part in ("train", "val", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 12
    assert facts["command"].startswith(f"warmstart meta-train Dataset --method {method} --ways 3 --shots 2")


def test_statistics_of_random_weights_move_under_prototypes_alone(tmp_path: Path) -> None:
    start = warmstart.load_backbone("toy_series").module.state_dict()

    def moved(method: str) -> bool:
        result = meta_train([walks()], method=method, out=tmp_path / method, **QUICK)
        after = warmstart.load_backbone(result.backbone).module.state_dict()
        return any(not torch.equal(after[name], start[name]) for name in start if "running" in name)

    assert moved("protonet")
    assert not moved("anil")


def test_blocks_below_the_first_that_is_trained_stay_as_they_were(tmp_path: Path) -> None:
    result = meta_train([walks()], out=tmp_path / "run", from_block=-1, **QUICK)
    before, after = warmstart.load_backbone("toy_series"), warmstart.load_backbone(result.backbone)
    state, changed = after.module.state_dict(), set()
    for name, value in before.module.state_dict().items():
        if not torch.equal(value, state[name]):
            changed.add(name)
    last = before.chain.blocks[-1]
    assert changed
    assert changed <= {*last.parameters, *last.buffers}


def test_a_run_that_was_stopped_in_an_epoch_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    heard = []

    def stop(event: Event) -> None:
        if isinstance(event, Advanced) and event.what == "phase meta":
            heard.append(event)
            if len(heard) == 3:
                signal.raise_signal(signal.SIGINT)

    options = {"method": "anil", **QUICK}
    whole, same = (meta_train([walks()], out=tmp_path / name, **options) for name in ("whole", "same"))
    assert weights(whole) == weights(same)
    assert whole.rows == same.rows
    with pytest.raises(Interrupted, match="epoch 1, batch"):
        meta_train([walks()], out=tmp_path / "run", listener=stop, **options)
    with pytest.raises(RunError, match=r"started with other values: shots=2 \(now 1\)"):
        meta_train([walks()], resume=tmp_path / "run", **{**options, "shots": 1})
    resumed = meta_train([walks()], resume=tmp_path / "run", **options)
    assert weights(resumed) == weights(whole)
    assert resumed.rows == whole.rows


def test_time_ends_training_and_what_measuring_takes_is_set_aside(tmp_path: Path) -> None:
    said: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, Decided):
            said.append(event.text)

    quick = {**QUICK, "episodes": None}
    result = meta_train([walks()], method="reptile", budget="3s", out=tmp_path / "run", listener=hear, **quick)
    assert any("set aside to measure reptile" in text for text in said)
    assert result.stopped == "deadline"


def test_episodes_of_several_sets_hold_out_whole_ones(tmp_path: Path) -> None:
    sets = [walks(4, seed=seed) for seed in range(4)]
    result = meta_train(sets, out=tmp_path / "run", **QUICK)
    classes = json.loads((result.folder / "meta_train.json").read_text())["classes"]
    assert {name.partition("/")[0] for name in classes["test"]}.isdisjoint(
        name.partition("/")[0] for name in (*classes["train"], *classes["val"])
    )


def test_what_cannot_be_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(RecipeError, match="method"):
        meta_train([walks()], out=out, **QUICK, method="mamel")
    with pytest.raises(DataError, match="8 classes with at least 5 samples"):
        meta_train([walks(8)], out=out, **QUICK)
    with pytest.raises(DataError, match="0 classes with at least 20 samples"):
        meta_train([walks()], out=out, **{**QUICK, "queries": 18})
    with pytest.raises(DataError, match="several channels"):
        meta_train([walks(channels=2)], out=out, **QUICK)
    with pytest.raises(DataError, match="nothing to learn from"):
        meta_train([], out=out, **QUICK)
    numbers = dataclasses.replace(walks(), samples=tuple(dataclasses.replace(s, label=None) for s in walks().samples))
    with pytest.raises(DataError):
        meta_train([numbers], out=out, **QUICK)
    assert not out.exists()


def test_texts_are_learned_on_their_features_alone(tmp_path: Path) -> None:
    from tests.engine.test_pretrain import folder_of

    start = folder_of(tmp_path / "start", "whole")
    rng = np.random.default_rng(0)
    table = tmp_path / "texts.csv"
    lines = [f"word{k} word{rng.integers(9)} here,kind {k}" for k in range(6) for _ in range(5)]
    table.write_text("\n".join(["text,label", *lines]))
    quick: dict[str, Any] = {"ways": 2, "shots": 2, "queries": 2, "episodes": 8, "evaluated": 10, "backbone": start}
    for method in ("protonet", "anil"):
        result = meta_train(table, method=method, out=tmp_path / method, **quick)
        assert warmstart.load_backbone(result.backbone).spec.kind == "text"
    with pytest.raises(RecipeError, match="a batch of texts goes through the network as one"):
        meta_train(table, method="maml", out=tmp_path / "maml", **quick)


def test_images_are_learned_and_varied(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(0, 255, (6, 32, 32, 3))
    images = [
        np.clip(base[k] + rng.integers(-40, 40, (32, 32, 3)), 0, 255).astype(np.uint8) for k in range(6) for _ in "abcd"
    ]
    samples = tuple(Sample(f"{i}", image, f"k{i // 4}") for i, image in enumerate(images))
    data = Dataset(samples, ClassTarget(tuple(f"k{k}" for k in range(6))), name="noise")
    quick: dict[str, Any] = {"ways": 2, "shots": 2, "queries": 2, "episodes": 8, "evaluated": 10}
    quick |= {"backbone": "toy", "size": 32, "inner_steps": 1}
    for method, augment in (("protonet", "standard"), ("maml", "none")):
        result = meta_train([data], method=method, augment=augment, out=tmp_path / method, **quick)
        assert np.isfinite(result.curve[-1].values["train_loss"])


def test_it_is_a_step_of_a_recipe_that_fit_runs_and_yaml_keeps(tmp_path: Path) -> None:
    step = Meta(method="anil", ways=3, shots=2, queries=2, episodes=8, epochs=2, inner_lr=0.1)
    recipe = Recipe(name="mine", steps=(step, ClosedForm()))
    assert from_yaml(to_yaml(recipe)) == recipe
    data = walks(6, 16)
    result = warmstart.fit(data, recipe=recipe, backbone="toy_series", size=64, budget="1m", out=tmp_path / "run")
    (rung,) = [rung for rung in result.outcome.rungs if rung.name == "mine"]
    assert [row.phase for row in rung.curve] == ["meta", "meta", "probe"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch_size": 32}, "a batch is 4 episodes"),
        ({"method": "maml", "norm": "train"}, "statistics cannot move"),
        ({"ways": 1}, "greater than or equal to 2"),
    ],
)
def test_settings_that_contradict_are_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Meta(**settings)


def test_the_command_shows_accuracies_and_how_to_use_what_it_made(tmp_path: Path) -> None:
    table = tmp_path / "walks.npz"
    data = walks()
    np.savez(table, X=np.stack([s.source.values for s in data.samples]), y=np.array([s.label for s in data.samples]))
    out = tmp_path / "run"
    quick = [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    found = CliRunner().invoke(app, ["meta-train", str(table), *quick, "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert f"warmstart fit DATA --backbone 'file:{out}/backbone'" in found.output
    assert "accuracy on 40 new episodes" in found.output
    assert "protonet" in found.output


def test_a_table_says_which_of_its_columns_are_paths_and_classes(tmp_path: Path) -> None:
    rows = ["where,what,who"]
    for i in range(24):
        Image.new("L", (16, 16), 10 * i).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{'abcdef'[i % 6]},x")
    (tmp_path / "table.csv").write_text("\n".join([*rows, "0.png,,x"]))
    how: dict[str, Any] = {"ways": 2, "shots": 1, "queries": 2, "episodes": 4, "evaluated": 10}
    columns: dict[str, Any] = {"path_column": "where", "label_column": "what", "on_missing": "skip"}
    result = meta_train(tmp_path / "table.csv", backbone="toy", size=16, out=tmp_path / "run", **how, **columns)
    assert result.classes == (2, 2, 2)
    assert sum(part["inputs"] for part in json.loads((result.folder / "meta_train.json").read_text())["data"]) == 24
    assert "--label-column what" in json.loads((result.folder / "meta_train.json").read_text())["command"]
