"""`compare` from the outside, on real digits and the toy backbone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.api.helpers import contents, tuning
from warmstart.api.compare import CompareResult, compare
from warmstart.engine.events import Decided, Event, Started
from warmstart.engine.fanout.crew import Died, Done
from warmstart.engine.fanout.processes import Processes
from warmstart.errors import DataError, Interrupted, RecipeError, RunError, WorkerError
from warmstart.evaluation.comparison import Comparison, Entry
from warmstart.report.results import read_results

QUICK: dict[str, Any] = {"methods": "pixels,probe,finetune?epochs=1", "backbones": "toy", "folds": 3, "budget": "5m"}


def quick(data: Any, out: Path, **options: Any) -> CompareResult:
    return compare(data, out=out, **{**QUICK, **options})


def entry(result: CompareResult, method: str) -> Entry:
    return next(one for one in result.comparison.entries if one.method.startswith(method))


@pytest.fixture(scope="module")
def compared(_digits_once: Path, tmp_path_factory: pytest.TempPathFactory) -> CompareResult:
    place = tmp_path_factory.mktemp("compared")
    data = Path(shutil.copytree(_digits_once, place / "digits"))
    return quick(data, place / "run", cache=place / "cache", seeds=2)


def test_every_sample_is_held_out_and_every_contender_is_measured_on_the_same(compared: CompareResult) -> None:
    facts = compared.comparison
    assert (facts.samples, facts.folds, facts.seeds) == (60, 3, (0, 1))
    for one in facts.entries:
        assert [(trial.seed, trial.fold) for trial in one.trials] == [(s, f) for s in (0, 1) for f in range(3)]
        assert sum(trial.held_out for trial in one.trials) == 120
        mean = np.average([trial.value for trial in one.trials], weights=[trial.held_out for trial in one.trials])
        assert one.metrics["accuracy"].value == pytest.approx(mean)


def test_references_are_the_best_without_transfer_and_the_frozen_one(compared: CompareResult) -> None:
    pixels, probe, tuned = compared.comparison.entries
    assert (pixels.role, probe.role, tuned.role) == ("no transfer", "frozen", "tuned")
    assert pixels.over_scratch is None
    assert probe.over_frozen is None
    assert tuned.over_scratch is not None
    assert tuned.over_scratch.than == "pixels"
    assert tuned.over_frozen is not None
    assert tuned.over_frozen.than == "probe"
    gap = tuned.metrics["accuracy"].value - probe.metrics["accuracy"].value
    assert tuned.over_frozen.interval.value == pytest.approx(gap)


def test_only_what_was_tuned_can_forget(compared: CompareResult) -> None:
    pixels, probe, tuned = compared.comparison.entries
    assert pixels.drift is None
    assert probe.drift is None
    assert tuned.drift is not None
    assert 0 <= tuned.drift.low <= tuned.drift.high <= 1


def test_what_lies_in_the_folder_is_what_was_returned(compared: CompareResult) -> None:
    assert read_results(compared.folder / "results.json", Comparison) == compared.comparison
    page = compared.report.read_text(encoding="utf-8")
    assert all(one.name in page for one in compared.comparison.entries)
    assert compared.comparison.command.startswith("warmstart compare ")


def test_choosing_by_validation_is_told_apart_from_choosing_afterwards(compared: CompareResult) -> None:
    picked = compared.comparison.picked
    assert picked is not None
    assert sum(picked.counts.values()) == 6
    best = max(one.metrics["accuracy"].value for one in compared.comparison.entries)
    assert picked.value.value <= best + 1e-9


def test_a_finished_trial_is_never_run_again(digits_folder: Path, tmp_path: Path) -> None:
    first = quick(digits_folder, tmp_path / "run")
    kept = {name: facts for name, facts in contents(first.folder).items() if name.startswith("trials/")}
    lost = first.folder / "trials" / "02" / "seed-0-fold-1" / "trial.safetensors"
    lost.unlink()
    told: list[Event] = []
    again = compare(digits_folder, **QUICK, resume=first.folder, listener=told.append)
    after = contents(first.folder)
    assert {name for name in kept if after[name][1] != kept[name][1]} == {"trials/02/seed-0-fold-1/trial.safetensors"}
    assert "8 of 9 trials were finished before" in [e.text for e in told if isinstance(e, Decided)]
    values = [[t.value for t in one.trials] for one in first.comparison.entries]
    assert values == [[t.value for t in one.trials] for one in again.comparison.entries]


def test_a_damaged_trial_is_run_again(digits_folder: Path, tmp_path: Path) -> None:
    first = quick(digits_folder, tmp_path / "run")
    hurt = first.folder / "trials" / "01" / "seed-0-fold-0" / "trial.safetensors"
    hurt.write_bytes(hurt.read_bytes()[:-7])
    again = compare(digits_folder, **QUICK, resume=first.folder)
    assert [one.metrics for one in again.comparison.entries] == [one.metrics for one in first.comparison.entries]


def test_an_interrupted_comparison_goes_on(
    digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from warmstart.engine.trials import trial

    calls = 0
    train = trial.run_trial

    def stopping(contestant: Any, fold: Any, context: Any, metric: str) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            context.interrupt.stop()
        return train(contestant, fold, context, metric)

    monkeypatch.setattr("warmstart.api.comparing.schedule.run_trial", stopping)
    with pytest.raises(Interrupted) as stopped:
        quick(digits_folder, tmp_path / "run", methods="pixels,probe")
    assert f"resume={str(tmp_path / 'run')!r}" in stopped.value.do
    monkeypatch.undo()
    whole = quick(digits_folder, tmp_path / "other", methods="pixels,probe")
    again = compare(digits_folder, **{**QUICK, "methods": "pixels,probe"}, resume=tmp_path / "run")
    assert [one.metrics for one in again.comparison.entries] == [one.metrics for one in whole.comparison.entries]


def test_processes_give_what_one_process_gives(digits_folder: Path, tmp_path: Path) -> None:
    alone = quick(digits_folder, tmp_path / "one", methods="pixels,probe", folds=2)
    several = quick(digits_folder, tmp_path / "two", methods="pixels,probe", folds=2, workers=2)
    values = [[[t.value for t in e.trials] for e in r.comparison.entries] for r in (alone, several)]
    assert values[0] == values[1]


def test_a_trial_that_workers_die_of_is_named_and_all_others_are_kept(
    digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deadly(Processes):
        """Works here; the probe's first fold ends it."""

        def begin(self, piece: Any) -> Any:
            self.piece = piece
            return piece

        def wait(self, seconds: float) -> Any:
            died = self.piece == (1, 0)
            return [(self.piece, Died("killed by SIGKILL") if died else Done(self._work(self._common, self.piece)))]

    told: list[Event] = []
    monkeypatch.setattr("warmstart.api.comparing.schedule.Processes", lambda work, common, _: Deadly(work, common, 1))
    how: dict[str, Any] = {"methods": "pixels,probe", "folds": 2, "workers": 2}
    with pytest.raises(WorkerError, match=r"the trial of probe on fold 0 .seed 0. is given up.*killed by SIGKILL"):
        quick(digits_folder, tmp_path / "run", listener=told.append, **how)
    assert len(list((tmp_path / "run").rglob("trial.safetensors"))) == 3
    assert sum("died (killed by SIGKILL)" in event.text for event in told if isinstance(event, Decided)) == 3
    monkeypatch.undo()
    again = compare(digits_folder, **{**QUICK, **how, "workers": 1}, resume=tmp_path / "run", listener=told.append)
    assert "3 of 4 trials were finished before" in [event.text for event in told if isinstance(event, Decided)]
    assert [len(one.trials) for one in again.comparison.entries] == [2, 2]


def test_weights_that_know_nothing_hurt_and_it_is_said(digits_folder: Path, tmp_path: Path) -> None:
    from warmstart.model.catalog import load_backbone

    dead = {name: torch.zeros_like(weight) for name, weight in load_backbone("toy").module.state_dict().items()}
    save_file(dead, tmp_path / "dead.safetensors")
    backbone = f"file:toy@{tmp_path / 'dead.safetensors'}"
    result = quick(digits_folder, tmp_path / "run", methods="pixels,probe", backbones=backbone, folds=5)
    assert entry(result, "probe").hurts
    assert "hurt" in result.comparison.verdict
    assert "Transfer hurts" in result.report.read_text(encoding="utf-8")


def test_planted_copies_are_kept_together_and_reported(digits_folder: Path, tmp_path: Path) -> None:
    for name in ("0", "1", "2"):
        for path in sorted((digits_folder / name).glob("*.png"))[:4]:
            shutil.copy(path, path.with_name(f"copy-{path.name}"))
    result = quick(digits_folder, tmp_path / "run", methods="probe")
    assert result.comparison.audit["duplicate_count"] == 12
    assert "copies of another" in result.report.read_text(encoding="utf-8")


def test_a_test_part_stays_closed_and_leaks_into_it_are_found(digits_folder: Path, tmp_path: Path) -> None:
    for name in ("0", "1", "2"):
        for i, path in enumerate(sorted((digits_folder / name).glob("*.png"))):
            part = digits_folder / ("test" if i < 5 else "train") / name
            part.mkdir(parents=True, exist_ok=True)
            path.rename(part / path.name)
        (digits_folder / name).rmdir()
    leaked = sorted((digits_folder / "train" / "0").glob("*.png"))[0]
    shutil.copy(leaked, digits_folder / "test" / "0" / "leak.png")
    result = quick(digits_folder, tmp_path / "run", methods="pixels,probe")
    assert (result.comparison.samples, result.comparison.left_out) == (45, 16)
    assert result.comparison.audit["leak_count"] == 1


def test_epochs_are_cut_for_all_alike_where_the_budget_is_small(digits_folder: Path, tmp_path: Path) -> None:
    told: list[Event] = []
    result = quick(
        digits_folder,
        tmp_path / "run",
        methods="scratch,finetune,lp_ft?epochs=2",
        folds=2,
        budget="9s",
        listener=told.append,
    )
    said = next(e.text for e in told if isinstance(e, Decided) and "epochs are cut" in e.text)
    assert "lp_ft" not in said
    assert "2 epochs" in entry(result, "lp_ft").about
    assert "scratch from 60" in said


def test_several_backbones_each_have_their_own_frozen_reference(digits_folder: Path, tmp_path: Path) -> None:
    result = quick(
        digits_folder, tmp_path / "run", methods="probe,bias_only?epochs=1", backbones="toy,toy?taps=1", folds=2
    )
    names = [one.name for one in result.comparison.entries]
    assert names[0] == "probe on toy"
    assert names[1] == "probe on toy?taps=1"
    tuned = result.comparison.entries[3]
    assert tuned.over_frozen is not None
    assert tuned.over_frozen.than == "probe on toy?taps=1"
    assert len(result.comparison.backbones) == 2


def test_a_recipe_of_ones_own_takes_part_as_it_is_written(digits_folder: Path, tmp_path: Path) -> None:
    result = quick(digits_folder, tmp_path / "run", methods=["pixels", tuning(epochs=1)], folds=2)
    assert entry(result, "mine").metrics


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"methods": "probe,probe"}, RecipeError, "none twice"),
        ({"methods": ""}, RecipeError, "at least one method"),
        ({"methods": "probee"}, RecipeError, "probe"),
        ({"folds": 1}, RunError, "at least 2 folds"),
        ({"workers": 0}, RunError, "1 worker"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_read(
    options: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        quick(tmp_path / "nowhere", tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_bad_data_leave_no_half_run_behind_that_could_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        quick(tmp_path / "nowhere", tmp_path / "run")


def test_the_data_are_not_touched(digits_folder: Path, tmp_path: Path) -> None:
    before = contents(digits_folder)
    told: list[Event] = []
    quick(digits_folder, tmp_path / "run", methods="probe", folds=2, listener=told.append)
    assert contents(digits_folder) == before
    assert any(isinstance(event, Started) and event.what == "trials" for event in told)
