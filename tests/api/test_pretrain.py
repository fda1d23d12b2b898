"""`warmstart.pretrain`: from generated series, folders and texts to a folder that is used as a backbone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import warmstart
from warmstart.api.inputs.corpus import divided, read_corpus
from warmstart.api.pretrain import PretrainResult, pretrain
from warmstart.cli.main import app
from warmstart.data.schema import ClassTarget, Dataset, Sample, Series
from warmstart.engine.events import Event, Measured
from warmstart.errors import DataError, RecipeError, RunError

QUICK: dict[str, Any] = {"epochs": 1, "batch_size": 16, "size": 64, "backbone": "toy_series"}


def some(n: int = 24, channels: int = 1, seed: int = 0) -> Dataset:
    """Sines of two pitches; some are of a test part."""
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(n):
        wave = np.sin(np.arange(64) * (0.2 + 0.3 * (i % 2))) + rng.normal(0, 0.1, (channels, 64))
        part = "test" if i >= n - 4 else "train"
        samples.append(Sample(f"s{i}", Series(wave), ("low", "high")[i % 2], split=part))  # type: ignore[arg-type]
    return Dataset(tuple(samples), ClassTarget(("low", "high")), name="sines")


def facts(result: PretrainResult) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((result.folder / "pretrain.json").read_text())
    return found


def test_generated_series_make_a_backbone_that_is_used_by_its_folder(tmp_path: Path) -> None:
    result = pretrain(generate=48, out=tmp_path / "run", **QUICK)
    assert result.objective == "classes"
    assert result.inputs == 48
    backbone = warmstart.load_backbone(result.backbone)
    assert "48 series of 64 steps generated with seed 0" in backbone.card.trained_on
    assert (warmstart.load_backbone("toy_series").card.random, backbone.card.random) == (True, False)
    assert not torch.equal(
        next(iter(backbone.module.parameters())), next(iter(warmstart.load_backbone("toy_series").module.parameters()))
    )
    said = facts(result)
    assert said["command"] == (
        "warmstart pretrain --generate 48 --backbone toy_series --objective classes --budget 10m --epochs 1 "
        "--batch-size 16 --lr 0.001 --size 64 --seed 0 --val 0.05 --on-missing error"
    )
    (part,) = said["corpus"]
    assert part["inputs"] == 48
    assert len(part["sha256"]) == 64


def test_a_run_is_the_same_for_a_seed(tmp_path: Path) -> None:
    one, same = (pretrain(generate=32, out=tmp_path / name, **QUICK) for name in "ab")
    assert (one.folder / "backbone/weights.safetensors").read_bytes() == (
        same.folder / "backbone/weights.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("objective", ["masked", "views", "supervised"])
def test_every_objective_learns_from_series(objective: str, tmp_path: Path) -> None:
    data = some() if objective == "supervised" else list(some().samples)
    result = pretrain([data], objective=objective, out=tmp_path / "run", **QUICK)
    assert np.isfinite(result.curve[-1].values["train_loss"])


def test_test_parts_are_not_learned_from_and_classes_are_those_of_their_set() -> None:
    dataset, parts = read_corpus(
        [some(), some(seed=1)], "series", generated=0, steps=64, seed=0, labelled=True, text_column=None
    )
    assert len(dataset) == 40
    assert dataset.target.classes == ("data-0/low", "data-0/high", "data-1/low", "data-1/high")
    assert parts[0].sha256 != parts[1].sha256


@pytest.mark.parametrize("labelled", [True, False])
def test_of_a_folder_with_parts_the_training_part_alone_is_read(labelled: bool, tmp_path: Path) -> None:
    folder = tmp_path / "Waves"
    folder.mkdir()
    for part, n in (("TRAIN", 6), ("TEST", 9)):
        rows = [[1 + i % 2, *np.sin(np.arange(20) * (i + 1))] for i in range(n)]
        np.savetxt(folder / f"Waves_{part}.tsv", rows, delimiter="\t")
    dataset, (first, _) = read_corpus(
        [folder, folder], "series", generated=0, steps=64, seed=0, labelled=labelled, text_column=None
    )
    assert first.inputs == 6
    assert len(dataset) == 12
    if labelled:
        assert dataset.target.classes == ("Waves/1", "Waves/2", "Waves-1/1", "Waves-1/2")


def test_recordings_are_cut_into_windows_and_columns_named_as_for_fit(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(400, 2))
    frame = pd.DataFrame({"who": np.repeat(["a", "b"], 200), "acc": rows[:, 0], "temperature": rows[:, 1]})
    frame.to_csv(tmp_path / "walks.csv", index=False)
    options = ["--id-column=who", "--value-columns=acc", "--window=50", "--stride=25", f"--out={tmp_path / 'run'}"]
    quick = [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    said = CliRunner().invoke(app, ["pretrain", str(tmp_path / "walks.csv"), *options, *quick])
    assert said.exit_code == 0, said.output
    found = json.loads((tmp_path / "run" / "pretrain.json").read_text())
    assert [part["inputs"] for part in found["corpus"]] == [2 * 7]
    assert "--id-column who --value-columns acc --window 50 --stride 25" in found["command"]
    with pytest.raises(DataError, match="no column 'whom'"):
        pretrain(tmp_path / "walks.csv", id_column="whom", out=tmp_path / "other", **QUICK)


def test_channels_are_series_of_their_own() -> None:
    dataset, _ = read_corpus(
        [list(some(channels=3).samples)], "series", generated=0, steps=64, seed=0, labelled=False, text_column=None
    )
    assert len(dataset) == 72
    assert {sample.source.channels for sample in dataset.samples} == {1}


def test_classes_are_held_out_whole_where_those_of_a_class_are_compared() -> None:
    made = warmstart.data.synthetic.generate(80, steps=16)
    split = divided(made, 0.2, seed=0, by_class=True)
    assert len(split.val) == 16
    assert not set(made.labels[split.train]) & set(made.labels[split.val])
    assert len(divided(made, 0.0, seed=0, by_class=False).val) == 0


def test_texts_are_pretrained_by_what_is_hidden_of_them(tmp_path: Path) -> None:
    from tests.engine.test_pretrain import folder_of

    words = [f"word{i % 7} and word{i % 5} are here" for i in range(24)]
    start = folder_of(tmp_path / "start", "whole")
    result = pretrain([words], backbone=start, epochs=1, batch_size=8, out=tmp_path / "run")
    assert result.objective == "masked"
    before, after = warmstart.load_backbone(start), warmstart.load_backbone(result.backbone)
    assert (after.spec, after.card.pooling) == (before.spec, before.card.pooling)
    assert after.card.weights_sha256 != before.card.weights_sha256


def test_images_are_pretrained_by_views(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = list(rng.integers(0, 255, (16, 40, 40, 3), dtype=np.uint8))
    result = pretrain([images], backbone="toy", epochs=1, batch_size=8, out=tmp_path / "run")
    assert result.objective == "views"
    assert warmstart.load_backbone(result.backbone).spec.kind == "image"


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to pretrain on"):
        pretrain([])
    with pytest.raises(RecipeError, match="no objective is called 'maskd'"):
        pretrain(generate=8, objective="maskd", backbone="toy_series")
    with pytest.raises(RunError, match="exists already"):
        pretrain(generate=8, out=tmp_path, **QUICK)


def test_the_command_says_how_to_use_what_it_made(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["pretrain", "--generate", "32", "--backbone", "toy_series", "--size", "64", "--epochs", "1"]
    found = CliRunner().invoke(app, [*words, "--batch-size", "16", "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert f"warmstart fit DATA --backbone 'file:{out}/backbone'" in found.output


def test_epochs_are_as_many_as_the_time_has_room_for(tmp_path: Path) -> None:
    result = pretrain(generate=64, backbone="toy_series", size=64, batch_size=16, budget="2s", out=tmp_path / "run")
    assert json.loads((result.folder / "pace.json").read_text())["epochs"] >= 1
    assert result.curve


def test_a_run_that_was_stopped_goes_on_in_its_folder_and_ends_the_same(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Measured):
            raise KeyboardInterrupt

    options: dict[str, Any] = {**QUICK, "generate": 48, "epochs": 2}
    whole = pretrain(**options, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        pretrain(**options, out=tmp_path / "run", listener=stop)
    with pytest.raises(RunError, match=r"started with other values: seed=0 \(now 1\)"):
        pretrain(**options, seed=1, resume=tmp_path / "run")
    resumed = pretrain(**options, resume=tmp_path / "run")
    weights = [run.folder / "backbone/weights.safetensors" for run in (whole, resumed)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def as_table(folder: Path) -> Path:
    """A table of images whose columns are called what nobody would guess; one row has no class."""
    rng, rows = np.random.default_rng(0), ["shot,what"]
    for i in range(13):
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(folder / f"{i}.png")
        rows.append(f"{i}.png,{'cat' if i % 2 else 'dog' if i else ''}")
    (folder / "shots.csv").write_text("\n".join(rows))
    return folder / "shots.csv"


def test_columns_of_a_table_are_named_as_for_fit(tmp_path: Path) -> None:
    table = as_table(tmp_path)
    columns: dict[str, Any] = {"path_column": "shot", "label_column": "what"}
    quick: dict[str, Any] = {"backbone": "toy", "size": 16, "epochs": 1, "batch_size": 8, "objective": "supervised"}
    with pytest.raises(DataError, match="known to hold the path"):
        pretrain(table, label_column="what", **quick)
    with pytest.raises(DataError, match="the label is empty"):
        pretrain(table, **columns, **quick)
    found = pretrain(table, **columns, on_missing="skip", out=tmp_path / "run", **quick)
    assert (found.objective, found.inputs) == ("supervised", 12)
    quick["objective"] = "views"  # looks at no label, and needs none
    assert pretrain(table, **columns, on_missing="skip", out=tmp_path / "all", **quick).inputs == 13


def test_labels_that_are_no_classes_are_refused() -> None:
    numbers = ([sample.source for sample in some().samples], [i / 7 for i in range(24)])
    with pytest.raises(DataError, match="data-0: its labels pose the task 'regress'"):
        pretrain([numbers], objective="supervised", **QUICK)
