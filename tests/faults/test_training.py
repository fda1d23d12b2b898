"""Rows 20 to 31 and 36: what goes wrong while something is trained, stored or stopped."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from tests.api.helpers import tuning, weights
from tests.faults.conftest import QUICK
from tests.faults.ways import Way
from warmstart.api.fit import fit
from warmstart.engine import machine
from warmstart.engine.events import Advanced, Event
from warmstart.errors import Interrupted
from warmstart.recipe.text import to_yaml
from warmstart.report.runlog import RunLog


def recipe(path: Path, **changes: Any) -> Path:
    """A recipe of one phase as a file, with this about it."""
    content = yaml.safe_load(to_yaml(tuning(epochs=2)))
    content["steps"][0] |= changes
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def tuned(way: Way, data: Path, **options: Any) -> Any:
    return way("fit", data, backbone="toy", baseline="none", **options)


def shipped(folder: str) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for path in sorted((Path(folder) / "bundle").glob("weights-*.safetensors")):
        found |= load_file(path)
    return found


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_20_and_21_what_is_frozen_does_not_move_buffers_included(
    optimizer: str, way: Way, digits_folder: Path, tmp_path: Path
) -> None:
    rates = [["head", 0.01], ["*", None]]
    mine = recipe(tmp_path / "r.yaml", rates=rates, optimizer=optimizer, weight_decay=0.1, batch_size=8)
    said = tuned(way, digits_folder, recipe=str(mine))
    before = shipped(way("fit", digits_folder, **QUICK).result["folder"])
    after = shipped(said.result["folder"])
    frozen = [name for name in after if not name.startswith("head.")]
    assert any("running_mean" in name for name in frozen)
    assert any("weight" in name for name in frozen)
    assert all(torch.equal(after[name], before[name]) for name in frozen)


def test_22_a_last_batch_of_one_sample_is_merged(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    mine = recipe(tmp_path / "r.yaml", rates=[["*", 1e-3]], norm="train", batch_size=7)  # 36 = 5 x 7 + 1
    said = tuned(way, digits_folder, recipe=str(mine))
    assert said.code == 0
    assert all(bool(torch.isfinite(tensor).all()) for tensor in shipped(said.result["folder"]).values())


def test_23_a_loss_that_is_no_number_goes_back_and_then_stops(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    mine = recipe(tmp_path / "r.yaml", rates=[["*", 1e30]], optimizer="sgd", batch_size=8)
    said = tuned(way, digits_folder, recipe=str(mine), out=str(tmp_path / "run"))
    assert said.code != 0
    assert said.told("rate")
    assert not list((tmp_path / "run").glob("bundle"))


def test_24_out_of_memory_halves_the_part_of_a_batch_and_keeps_the_batch(
    way: Way, digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = recipe(tmp_path / "r.yaml", rates=[["*", 1e-3]], batch_size=16)
    forward = torch.nn.Linear.forward

    def tight(self: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() and len(x) > 4:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return forward(self, x)

    monkeypatch.setattr(torch.nn.Linear, "forward", tight)
    said = tuned(way, digits_folder, recipe=str(mine))
    assert said.code == 0
    assert said.told("out of memory")


def test_25_and_26_the_same_seed_gives_the_same_weights_with_augmentation(
    way: Way, digits_folder: Path, tmp_path: Path
) -> None:
    mine = recipe(tmp_path / "r.yaml", rates=[["*", 1e-3]], augment="standard", batch_size=8)
    a, b, c = (
        shipped(tuned(way, digits_folder, recipe=str(mine), seed=seed, out=str(tmp_path / f"run{i}")).result["folder"])
        for i, seed in enumerate((3, 3, 4))
    )
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def stopped(folder: Path, data: Path, epochs: int = 3, number: signal.Signals = signal.SIGINT) -> Interrupted:
    """What a run raised that was stopped in its second epoch."""
    seen: list[Event] = []

    def stop(event: Event) -> None:
        if isinstance(event, Advanced) and event.what == "phase tune":
            seen.append(event)
            if len(seen) == 7:
                signal.raise_signal(number)

    with pytest.raises(Interrupted) as raised:
        fit(data, out=folder, recipe=tuning(epochs), backbone="toy", baseline="none", listener=stop)
    return raised.value


def written(path: Path, epochs: int = 3) -> str:
    path.write_text(to_yaml(tuning(epochs)), encoding="utf-8")
    return str(path)


def test_26_a_run_that_was_stopped_ends_in_the_same_weights(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    whole = fit(digits_folder, out=tmp_path / "whole", recipe=tuning(3), backbone="toy", baseline="none")
    stopped(tmp_path / "cut", digits_folder)
    said = tuned(way, digits_folder, recipe=written(tmp_path / "r.yaml"), resume=str(tmp_path / "cut"))
    assert said.code == 0, said.words
    found = {path.name: path.read_bytes() for path in (tmp_path / "cut" / "bundle").glob("weights-*")}
    assert found == {path.name: path.read_bytes() for path in whole.bundle.glob("weights-*")}


def test_27_a_torn_checkpoint_falls_back_to_the_one_before(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    whole = fit(digits_folder, out=tmp_path / "whole", recipe=tuning(3), backbone="toy", baseline="none")
    stopped(tmp_path / "cut", digits_folder)
    files = [path for path in (tmp_path / "cut" / "rungs").rglob("*.safetensors") if path.stat().st_size > 100]
    assert files
    newest = max(files, key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    said = tuned(way, digits_folder, recipe=written(tmp_path / "r.yaml"), resume=str(tmp_path / "cut"))
    assert said.code == 0, said.words
    assert weights(whole) == weights(type(whole)(whole.outcome, tmp_path, tmp_path, tmp_path / "cut" / "bundle"))


def test_27_a_full_disk_is_told_and_what_was_there_stays(
    way: Way, digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(tmp_path / "cut", digits_folder)
    before = {p: p.read_bytes() for p in (tmp_path / "cut" / "rungs").rglob("*.safetensors")}
    replace = os.replace

    def full(source: Any, target: Any, **more: Any) -> None:
        if "rungs" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target, **more)

    monkeypatch.setattr(os, "replace", full)
    said = tuned(way, digits_folder, recipe=written(tmp_path / "r.yaml"), resume=str(tmp_path / "cut"))
    monkeypatch.undo()
    assert said.code != 0
    assert said.told("space")
    assert {p: p.read_bytes() for p in before} == before


def test_28_the_best_and_the_last_state_are_kept(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    """What was best is what is shipped, however many epochs follow it; what was last is what goes on."""
    said = tuned(way, digits_folder, recipe=written(tmp_path / "r.yaml", epochs=6), out=str(tmp_path / "run"))
    assert said.code == 0
    rungs = json.loads((tmp_path / "run" / "results.json").read_text())["rungs"]
    (mine,) = [one for one in rungs if one["name"] == "mine"]
    reached = [row["values"]["val_log_loss"] for row in mine["curve"]]
    assert len(reached) == 6
    assert mine["val"]["log_loss"] <= min(reached) + 1e-6
    assert list((tmp_path / "run" / "rungs").rglob("*.safetensors"))


SCRIPT = """
import sys
from warmstart.cli.main import main
sys.argv = ["warmstart", *sys.argv[1:]]
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_29_a_process_that_is_stopped_or_killed_can_be_gone_on_with(
    number: signal.Signals, digits_folder: Path, tmp_path: Path
) -> None:
    words = ["fit", str(digits_folder), "--backbone", "toy", "--baseline", "none", "--budget", "40s"]
    words += ["--out", str(tmp_path / "run"), "--recipe", written(tmp_path / "r.yaml", epochs=400)]
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, *words], stderr=subprocess.PIPE, text=True)
    log = tmp_path / "run" / "log.jsonl"
    for _ in range(600):
        begun = log.exists() and log.read_text(encoding="utf-8").count('"epoch"') > 2
        saved = number != signal.SIGKILL or any((tmp_path / "run" / "rungs").rglob("last.safetensors"))  # after 15 s
        if begun and saved:
            break
        time.sleep(0.1)
    process.send_signal(number)
    said = process.communicate(timeout=120)[1]
    assert process.returncode != 0
    if number != signal.SIGKILL:
        assert f"--resume {tmp_path / 'run'}" in said
    again = [*words[:-4], *words[-2:], "--resume", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-c", SCRIPT, *again], capture_output=True, text=True, check=False)
    assert "resumed after epoch" in (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8"), done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_29_a_signal_is_an_error_in_python_that_says_how_to_go_on(
    number: signal.Signals, digits_folder: Path, tmp_path: Path
) -> None:
    error = stopped(tmp_path / "run", digits_folder, number=number)
    assert str(tmp_path / "run") in error.do
    assert "resume" in error.do
    assert list((tmp_path / "run" / "rungs").rglob("*.safetensors")), "what was trained is saved"


def test_30_an_existing_folder_is_never_written_into(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    said = way("fit", digits_folder, out=str(tmp_path / "mine"), **QUICK)
    assert said.code == 2
    assert said.told("exists already", "--resume")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_30_a_second_process_in_a_run_folder_is_refused(way: Way, digits_folder: Path, tmp_path: Path) -> None:
    stopped(tmp_path / "cut", digits_folder)
    with RunLog(tmp_path / "cut" / "log.jsonl"):  # as the process has it that works there
        said = tuned(way, digits_folder, recipe=written(tmp_path / "r.yaml"), resume=str(tmp_path / "cut"))
        assert said.code == 2
        assert said.told("another process works in")
    assert tuned(way, digits_folder, recipe=written(tmp_path / "r.yaml"), resume=str(tmp_path / "cut")).code == 0


def test_31_a_file_that_changed_is_computed_anew_and_a_torn_entry_is_none(
    way: Way, digits_folder: Path, tmp_path: Path
) -> None:
    one, other = sorted((digits_folder / "0").iterdir())[0], sorted((digits_folder / "1").iterdir())[0]
    cache, when = str(tmp_path / "cache"), one.stat()

    def fitted(name: str, cache: str) -> dict[str, torch.Tensor]:
        return shipped(way("fit", digits_folder, cache=cache, out=str(tmp_path / name), **QUICK).result["folder"])

    first = fitted("a", cache)
    shutil.copyfile(other, one)
    os.utime(one, ns=(when.st_atime_ns, when.st_mtime_ns))  # as if it had not changed
    stale, fresh = fitted("b", cache), fitted("c", str(tmp_path / "empty"))
    assert all(torch.equal(stale[name], fresh[name]) for name in fresh)
    assert not all(torch.equal(first[name], fresh[name]) for name in fresh)
    for path in Path(cache).rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-100])
    torn = fitted("d", cache)
    assert all(torch.equal(torn[name], fresh[name]) for name in fresh)


def test_36_the_budget_is_an_end_and_the_probe_is_finished_all_the_same(way: Way, digits_folder: Path) -> None:
    began = time.monotonic()
    said = way("fit", digits_folder, backbone="toy", budget="1s", baseline="none")
    assert said.code == 0
    assert time.monotonic() - began < 120
    assert [rung["name"] for rung in said.result["rungs"] if not rung["skipped"] and rung["name"] == "probe"]


def test_36_cores_and_memory_are_those_of_the_container(
    way: Way, digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of one core and 3 GB on a machine that has more; what a run says that it had."""
    group, member = tmp_path / "cgroup", tmp_path / "membership"
    group.mkdir()
    member.write_text("0::/\n")
    for name, content in (("cpu.max", "100000 100000"), ("memory.max", str(3 << 30)), ("memory.current", "0")):
        (group / name).write_text(content)
    for asked in (machine.cores, machine.memory_available):
        monkeypatch.setattr(asked, "__defaults__", (group, member))
    said = way("fit", digits_folder, out=str(tmp_path / "run"), **QUICK)
    assert said.code == 0
    had = json.loads((tmp_path / "run" / "results.json").read_text())["environment"]
    assert (had["cores"], had["memory_bytes"] <= 3 << 30) == (1, True)
