"""A run that was interrupted and goes on ends in the same bits as one that was not."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.helpers import Told, identical, make_data, make_network, train
from warmstart.engine.events import Advanced, Event, Finished
from warmstart.engine.finished import RecipeResult
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.loop import PhaseResult
from warmstart.engine.run import run_recipe
from warmstart.errors import Interrupted, RunError
from warmstart.evaluation.outcome import CurveRow
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Edits, Recipe
from warmstart.task.classify import CLASSIFY

EVERYTHING = {
    "epochs": 3,
    "batch_size": 7,
    "ema": 0.9,
    "augment": "light",
    "mixup": 0.2,
    "cutmix": 0.2,
    "norm": "train",
    "l2_sp": 0.01,
    "label_smoothing": 0.1,
}  # four steps per epoch
CACHED = {
    "epochs": 3,
    "batch_size": 7,
    "rates": (("head", 1e-2), ("block:-1", 1e-3), ("*", None)),
    "schedule": "plateau",
}

ON_TRAINING = {
    "epochs": 3,
    "batch_size": 16,
    "batch_share": 0.3,
    "optimizer": "adam",
    "schedule": "plateau",
    "plateau": {"patience": 1, "delta": 10.0},
    "watch": "training",
    "norm": "train",
}


def after(batches: int, interrupt: Interrupt) -> Callable[[Event], None]:
    """A listener that sets the flag once so many batches are trained in this process."""
    seen = 0

    def listen(event: Event) -> None:
        nonlocal seen
        if isinstance(event, Advanced) and event.what.startswith("phase") and event.n == 1:
            seen += 1
            if seen == batches:
                interrupt.stop()

    return listen


def without_times(curve: tuple[CurveRow, ...]) -> list[tuple[Any, ...]]:
    kept = [{k: v for k, v in row.values.items() if "second" not in k} for row in curve]
    return [(row.phase, row.epoch, row.step, values) for row, values in zip(curve, kept, strict=True)]


def assert_same(a: PhaseResult, b: PhaseResult) -> None:
    assert identical(a.last, b.last)
    assert identical(a.best, b.best)
    assert a.score == b.score
    assert without_times(a.curve) == without_times(b.curve)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("settings", [EVERYTHING, CACHED, ON_TRAINING], ids=["everything", "cached", "on training"])
@pytest.mark.parametrize("batches", [4, 6, 11])
def test_a_phase_goes_on_bit_exactly_wherever_it_was_interrupted(
    optimizer: str, settings: dict[str, Any], batches: int, tmp_path: Path
) -> None:
    phase, data = Phase.model_validate({"optimizer": optimizer, **settings}), make_data()
    whole = train(phase, make_network(dropout=0.3), data, folder=tmp_path / "whole")
    interrupt, network = Interrupt(), make_network(dropout=0.3)
    with pytest.raises(Interrupted):
        train(phase, network, data, folder=tmp_path / "cut", listener=after(batches, interrupt), interrupt=interrupt)
    resumed = train(phase, make_network(dropout=0.3), data, folder=tmp_path / "cut")
    assert_same(whole, resumed)


def test_a_phase_that_validates_on_nothing_goes_on_with_its_rate_and_its_best(tmp_path: Path) -> None:
    phase, data = Phase.model_validate({**ON_TRAINING, "epochs": 5}), make_data(val=0)
    whole, interrupt = train(phase, make_network(), data), Interrupt()
    with pytest.raises(Interrupted):
        train(phase, make_network(), data, folder=tmp_path, listener=after(14, interrupt), interrupt=interrupt)
    assert_same(whole, train(phase, make_network(), data, folder=tmp_path))
    assert whole.curve[-1].values["rate"] < whole.curve[0].values["rate"]


def test_a_phase_interrupted_again_and_again_still_ends_in_the_same_bits(tmp_path: Path) -> None:
    phase, data = Phase.model_validate(EVERYTHING), make_data()
    whole = train(phase, make_network(dropout=0.3), data)
    for _ in range(20):
        interrupt = Interrupt()
        try:
            network, listener = make_network(dropout=0.3), after(5, interrupt)
            done = train(phase, network, data, folder=tmp_path, listener=listener, interrupt=interrupt)
            break
        except Interrupted:
            continue
    assert_same(whole, done)


def test_a_finished_phase_is_not_trained_again(tmp_path: Path) -> None:
    phase, data = Phase.model_validate(EVERYTHING), make_data()
    first = train(phase, make_network(), data, folder=tmp_path)
    interrupt = Interrupt()
    interrupt.stop()  # would stop any training
    assert_same(first, train(phase, make_network(), data, folder=tmp_path, interrupt=interrupt))


def test_training_leaves_the_random_numbers_of_the_caller_alone() -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(Phase(epochs=1), make_network(dropout=0.5), make_data())
    assert torch.equal(torch.rand(3), expected)


GRADUAL = load_recipe("gradual", stage_epochs=1, epochs=2, batch_size=8)  # four phases of 3, 3, 3 and 6 steps


def run(found: Recipe, folder: Path | None, **options: Any) -> RecipeResult:
    return run_recipe(found, make_network(), make_data(), task=CLASSIFY, folder=folder, **options)


@pytest.mark.parametrize("batches", [2, 3, 8, 12])
def test_a_recipe_goes_on_bit_exactly_also_between_phases(batches: int, tmp_path: Path) -> None:
    found = GRADUAL.model_copy(update={"edits": Edits(dropout=0.2)})
    whole = run(found, tmp_path / "whole")
    interrupt = Interrupt()
    with pytest.raises(Interrupted):
        run(found, tmp_path / "cut", listener=after(batches, interrupt), interrupt=interrupt)
    resumed = run(found, tmp_path / "cut")
    assert identical(whole.network.state_dict(), resumed.network.state_dict())
    assert without_times(whole.curve) == without_times(resumed.curve)
    assert whole.val_metrics == resumed.val_metrics


def test_a_finished_recipe_is_loaded_and_not_run_again(tmp_path: Path) -> None:
    first, told = run(GRADUAL, tmp_path), Told()
    again = run(GRADUAL, tmp_path, listener=told)
    assert not [event for event in told.events if isinstance(event, Finished)]
    assert told.decided("finished before")
    assert identical(first.network.state_dict(), again.network.state_dict())
    assert first.curve == again.curve
    assert (first.val_metrics, first.seconds) == (again.val_metrics, again.seconds)


def test_the_network_that_is_given_is_not_changed() -> None:
    network = make_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    run_recipe(GRADUAL, network, make_data(), task=CLASSIFY)
    assert identical(before, network.state_dict())


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (load_recipe("gradual", stage_epochs=1, epochs=3, batch_size=8), "recipe.steps.3.epochs: 2 then, 3 now"),
        (load_recipe("gradual", stage_epochs=1, epochs=2, batch_size=8, lr=0.5), "recipe.steps.0.rates"),
    ],
)
def test_a_folder_of_another_configuration_is_refused_and_the_difference_named(
    changed: Recipe, named: str, tmp_path: Path
) -> None:
    run(GRADUAL, tmp_path)
    with pytest.raises(RunError, match="another configuration") as caught:
        run(changed, tmp_path)
    assert named in str(caught.value)


def test_another_seed_or_other_data_is_another_configuration(tmp_path: Path) -> None:
    run(GRADUAL, tmp_path)
    with pytest.raises(RunError, match="seed: 0 then, 1 now"):
        run(GRADUAL, tmp_path, seed=1)
    with pytest.raises(RunError, match=r"data\.train"):
        run_recipe(GRADUAL, make_network(), make_data(seed=1), task=CLASSIFY, folder=tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops_and_the_handlers_come_back(number: signal.Signals, tmp_path: Path) -> None:
    before = signal.getsignal(number)

    def raise_it(event: Event) -> None:
        if isinstance(event, Advanced) and event.what == "phase all" and event.n == 1:
            signal.raise_signal(number)

    with pytest.raises(Interrupted) as caught:
        run(GRADUAL, tmp_path, listener=raise_it)
    assert caught.value.exit_code == 130
    assert caught.value.found.endswith("saved")
    assert signal.getsignal(number) is before
    assert (tmp_path / "step-3-all" / "last.safetensors").is_file()


def test_a_second_signal_does_not_wait() -> None:
    with Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.stopped
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
