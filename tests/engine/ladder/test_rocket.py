from __future__ import annotations

import dataclasses
import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import torch
from aeon.classification.convolution_based import MiniRocketClassifier

from tests.engine.ladder.ucr import by_part, of, series_context, ucr
from warmstart.data.schema import ClassTarget, Series, Split
from warmstart.data.targets import LabelsTarget, NumberTarget
from warmstart.engine.ladder import kernels
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rocket import MiniRocketRung, MultiRocketHydraRung
from warmstart.engine.ladder.simple import simple_rung, simple_rungs
from warmstart.errors import MissingExtraError, TrainingError


def right(context: LadderContext, rung: MiniRocketRung | None = None) -> float:
    contender = (rung or MiniRocketRung()).climb(context, {})
    test = context.data.split.test
    return float((contender.outputs(test).argmax(1) == context.data.targets(test)).float().mean())


@pytest.fixture(scope="module")
def gunpoint() -> LadderContext:
    dataset = ucr("GunPoint")
    return series_context(dataset, by_part(dataset, val=10))


def test_it_answers_as_aeons_classifier_does() -> None:
    dataset = ucr("ItalyPowerDemand")
    context = series_context(dataset, by_part(dataset))
    split, labels = context.data.split, context.data.targets(np.arange(len(dataset))).numpy()
    values = np.stack([sample.source.values for sample in dataset.samples])
    theirs = MiniRocketClassifier(random_state=0).fit(values[split.train], labels[split.train])
    answers = MiniRocketRung().climb(context, {}).outputs(split.test).argmax(1).numpy()
    assert (answers == theirs.predict(values[split.test])).mean() > 0.995
    assert right(context) > 0.955  # published: .969


def test_it_is_a_baseline_that_is_calibrated_and_the_same_each_time(gunpoint: LadderContext) -> None:
    contender = MiniRocketRung().climb(gunpoint, {})
    assert contender.members == ()
    assert contender.val_outputs.shape == (10, 2)
    assert contender.outputs(gunpoint.data.split.test[:0]).shape == (0, 2)
    assert right(gunpoint) > 0.97
    assert torch.equal(contender.val_outputs, MiniRocketRung().again(gunpoint, contender, {}).val_outputs)
    test = gunpoint.data.split.test
    loss = torch.nn.functional.cross_entropy(contender.outputs(test), gunpoint.data.targets(test))
    assert float(loss) < 0.2


def test_it_learns_from_training_series_alone(gunpoint: LadderContext) -> None:
    before = MiniRocketRung().climb(gunpoint, {})
    data, held = gunpoint.data, set(gunpoint.data.split.test.tolist()) | set(gunpoint.data.split.val.tolist())
    samples = tuple(
        dataclasses.replace(sample, source=Series(-3 * sample.source.values), label=None) if i in held else sample
        for i, sample in enumerate(data.dataset.samples)
    )
    other = series_context(dataclasses.replace(data.dataset, samples=samples), data.split)
    after = MiniRocketRung().climb(other, {})
    assert torch.equal(before.outputs(data.split.train), after.outputs(data.split.train))


def test_it_leaves_generators_and_threads_as_they_were(gunpoint: LadderContext) -> None:
    np.random.seed(3)
    torch.manual_seed(3)
    threads, first = torch.get_num_threads(), (np.random.rand(), torch.rand(1))
    np.random.seed(3)
    torch.manual_seed(3)
    MiniRocketRung().climb(gunpoint, {})
    assert (np.random.rand(), torch.rand(1)) == first
    assert torch.get_num_threads() == threads


def test_short_series_of_several_lengths_with_values_missing() -> None:
    rng = np.random.default_rng(0)
    labels = [str(i % 2) for i in range(40)]
    rows = []
    for i in range(40):
        row = rng.normal(size=(1, int(rng.integers(4, 8)))) * (1 + 9 * (i % 2)) + 1e6
        row[0, 1] = np.nan
        rows.append(row)
    context = series_context(of(rows, labels, ClassTarget(("0", "1"))), parts(24, 8, 8))
    assert right(context) > 0.7
    assert torch.isfinite(MiniRocketRung().climb(context, {}).val_outputs).all()


def parts(train: int, val: int, test: int) -> Split:
    order = np.arange(train + val + test)
    return Split(order[:train], order[train : train + val], order[train + val :], how="by hand")


def waves(n: int, channels: int = 1) -> tuple[list[np.ndarray], np.ndarray]:
    """Waves with noise, and how fast each is."""
    rng = np.random.default_rng(1)
    speed = rng.uniform(0.5, 3, n)
    steps = np.linspace(0, 6, 40)
    start, noise = rng.uniform(0, 6, (n, channels, 1)), rng.normal(0, 0.1, (n, channels, 40))
    return list(np.sin(speed[:, None, None] * steps + start) + noise), speed


def test_numbers_are_answered_by_ridge() -> None:
    rows, speed = waves(90)
    dataset = of(rows, [(float(s),) for s in speed], NumberTarget.of(("speed",), [(float(s),) for s in speed]))
    context = series_context(dataset, parts(60, 10, 20))
    contender, test = MiniRocketRung().climb(context, {}), context.data.split.test
    truth, found = context.data.targets(test), contender.outputs(test)
    assert float((found - truth).square().mean()) < 0.2 * float(truth.var())


def test_labels_that_do_not_exclude_each_other_get_logits() -> None:
    rows, speed = waves(90)
    names = ("fast", "always")
    labels = [("fast", "always") if one > 1.7 else ("always",) for one in speed]
    context = series_context(of(rows, labels, LabelsTarget(names)), parts(60, 10, 20))
    contender, test = MiniRocketRung().climb(context, {}), context.data.split.test
    found = contender.outputs(test) > 0
    assert float((found == context.data.targets(test).bool()).float().mean()) > 0.9


def test_a_class_without_a_training_series_is_never_the_answer() -> None:
    rows, speed = waves(60)
    labels = [str(int(one > 1.7)) for one in speed]
    context = series_context(of(rows, labels, ClassTarget(("0", "1", "2"))), parts(30, 10, 20))
    assert 2 not in MiniRocketRung().climb(context, {}).outputs(context.data.split.test).argmax(1)
    same = series_context(of(rows, ["1"] * 60, ClassTarget(("0", "1"))), parts(30, 10, 20))
    with pytest.raises(TrainingError, match="training labels"):
        MiniRocketRung().climb(same, {})


def test_it_is_the_baseline_of_series_where_aeon_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert simple_rung("series", "classify") is MiniRocketRung
    assert [rung.name for rung in simple_rungs("series", "classify")] == ["minirocket", "multirocket_hydra", "steps"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    kernels.compiled.cache_clear()
    assert simple_rung("series", "classify").name == "steps"
    rows, speed = waves(60)
    dataset = of(rows, [str(int(one > 1.7)) for one in speed], ClassTarget(("0", "1")))
    context = series_context(dataset, parts(30, 10, 20))
    with pytest.raises(MissingExtraError, match=r"pip install 'warmstart\[series\]'"):
        MiniRocketRung().climb(context, {})
    contender = simple_rung("series", "classify")().climb(context, {})
    assert contender.val_outputs.shape == (10, 2)


@pytest.mark.slow
def test_of_several_channels() -> None:
    dataset = ucr("BasicMotions")
    context = series_context(dataset, by_part(dataset))
    assert right(context) > 0.95


@pytest.mark.slow
def test_with_hydra_leaves_are_told_apart() -> None:
    dataset = ucr("ArrowHead")
    context = series_context(dataset, by_part(dataset))
    assert right(context, MultiRocketHydraRung()) > 0.82  # published: .863 of MiniRocket


def test_what_is_to_be_compiled_takes_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path.joinpath("aeon", *kernels._LOOPS, "__pycache__")
    folder.mkdir(parents=True)
    (tmp_path / "aeon" / "__init__.py").touch()
    place = ModuleSpec("aeon", None, origin=str(tmp_path / "aeon" / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: place)
    assert not kernels.kept("minirocket")
    (folder / "_minirocket._PPV-242.py311.nbi").touch()
    assert kernels.kept("minirocket")
    assert not kernels.kept("multirocket_hydra")
    (folder / "_multirocket._transform_uni-290.py311.nbi").touch()
    assert kernels.kept("multirocket_hydra")
