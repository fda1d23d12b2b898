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
from warmstart.data.stores import series_of
from warmstart.data.targets import LabelsTarget, NumberTarget
from warmstart.engine.ladder import kernels, rocket
from warmstart.engine.ladder.climb import everything
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rocket import MiniRocketRung, MultiRocketHydraRung
from warmstart.engine.ladder.simple import default_simple, simple_rung, simple_rungs
from warmstart.errors import MissingExtraError, TrainingError
from warmstart.preprocess.kinds import of_series


def right(context: LadderContext, rung: MiniRocketRung | MultiRocketHydraRung | None = None) -> float:
    contender = (rung or MiniRocketRung()).climb(context, {})
    test = context.data.split.test
    return float((contender.outputs(test).argmax(1) == context.data.targets(test)).float().mean())


@pytest.fixture(scope="module")
def gunpoint() -> LadderContext:
    dataset = ucr("GunPoint")
    return series_context(dataset, by_part(dataset, val=10))


@pytest.mark.slow
def test_it_answers_as_aeons_classifier_does() -> None:
    dataset = ucr("ItalyPowerDemand")
    context = series_context(dataset, by_part(dataset))
    split, labels = context.data.split, context.data.targets(np.arange(len(dataset))).numpy()
    values = np.stack([sample.source.values for sample in dataset.samples])
    theirs = MiniRocketClassifier(random_state=0).fit(values[split.train], labels[split.train])
    answers = MiniRocketRung().climb(context, {}).outputs(split.test).argmax(1).numpy()
    assert (answers == theirs.predict(values[split.test])).mean() > 0.995
    assert right(context) > 0.955  # published: .969


def test_it_is_a_network_that_is_calibrated_and_the_same_each_time(gunpoint: LadderContext) -> None:
    contender = MiniRocketRung().climb(gunpoint, {})
    (member,) = contender.members
    assert member.network.facts.card.name == "minirocket"
    assert contender.val_outputs.shape == (10, 2)
    assert contender.outputs(gunpoint.data.split.test[:0]).shape == (0, 2)
    assert right(gunpoint) > 0.97
    assert torch.equal(contender.val_outputs, MiniRocketRung().again(gunpoint, contender, {}).val_outputs)
    test = gunpoint.data.split.test
    loss = torch.nn.functional.cross_entropy(contender.outputs(test), gunpoint.data.targets(test))
    assert float(loss) < 0.2


def test_its_own_data_give_its_outputs_by_the_network_alone(gunpoint: LadderContext) -> None:
    contender = MiniRocketRung().climb(gunpoint, {})
    seen, val = gunpoint.seen_by(contender), gunpoint.data.split.val
    assert (seen.data.spec.size, of_series(seen.data.spec).scale) == (150, "none")
    inputs = torch.stack([series_of(seen.data.store).get(int(i)) for i in val])
    with torch.inference_mode():
        torch.testing.assert_close(contender.members[0].network.eval()(inputs), contender.val_outputs)


def test_fitted_again_it_learns_anew_from_all_labels(gunpoint: LadderContext) -> None:
    first = MiniRocketRung().climb(gunpoint, {})
    inner = gunpoint.within(everything(gunpoint.data), "refit")
    again = MiniRocketRung().again(inner, first, {})
    biases = [one.members[0].network.state_dict()["backbone.convolutions.biases"] for one in (first, again)]
    assert not torch.equal(biases[0], biases[1])
    assert again.data is not None
    assert len(again.data.split.train) == 50


def test_it_learns_from_training_series_alone(gunpoint: LadderContext) -> None:
    before = MiniRocketRung().climb(gunpoint, {})
    data, held = gunpoint.data, set(gunpoint.data.split.test.tolist()) | set(gunpoint.data.split.val.tolist())
    samples = tuple(
        dataclasses.replace(sample, source=Series(-3 * sample.source.values), label="1") if i in held else sample
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


def test_it_is_the_baseline_of_series_with_and_without_aeon(monkeypatch: pytest.MonkeyPatch) -> None:
    assert simple_rung("series", "classify") is MiniRocketRung
    assert [rung.name for rung in simple_rungs("series", "classify")] == ["minirocket", "multirocket_hydra", "steps"]
    assert [rung.name for rung in default_simple("series", "classify")] == ["minirocket", "multirocket_hydra"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    kernels.compiled.cache_clear()
    assert [rung.name for rung in default_simple("series", "classify")] == ["minirocket"]
    rows, speed = waves(60)
    dataset = of(rows, [str(int(one > 1.7)) for one in speed], ClassTarget(("0", "1")))
    context = series_context(dataset, parts(30, 10, 20))
    with pytest.raises(MissingExtraError, match=r"pip install 'warmstart\[series\]'"):
        MultiRocketHydraRung().climb(context, {})
    assert MiniRocketRung().climb(context, {}).val_outputs.shape == (10, 2)


def test_of_so_many_series_that_there_is_no_room_it_has_fewer_features(
    gunpoint: LadderContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rocket, "_ROOM", 8 * 40 * 2000)
    (member,) = MiniRocketRung().climb(gunpoint, {}).members
    assert member.network.facts.out_features == 1_932
    monkeypatch.setattr(rocket, "_ROOM", 8 * 40 * 500)
    with pytest.raises(TrainingError, match="40 training series"):
        MiniRocketRung().climb(gunpoint, {})


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
    assert not kernels.kept()
    (folder / "_multirocket._transform_uni-290.py311.nbi").touch()
    assert kernels.kept()
