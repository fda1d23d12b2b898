"""What a learning curve shows is said once, when it is seen."""

from __future__ import annotations

import torch

from tests.engine.helpers import Told, make_data, make_network, train
from warmstart.engine.concerns import Concerns, of_curve, of_outputs
from warmstart.evaluation.outcome import CurveRow
from warmstart.recipe.phase import Phase


def rows(train: list[float], val: list[float] | None = None) -> list[CurveRow]:
    return [
        CurveRow("tune", i + 1, i, {"train_loss": loss} | ({} if val is None else {"val_loss": val[i]}))
        for i, loss in enumerate(train)
    ]


def kinds(train: list[float], val: list[float] | None = None) -> list[str]:
    return [kind for kind, _ in of_curve(rows(train, val))]


def test_a_curve_as_it_should_be_is_no_concern() -> None:
    assert kinds([0.7, 0.5, 0.4, 0.35, 0.33], [0.7, 0.6, 0.55, 0.54, 0.55]) == []
    assert kinds([0.7]) == []


def test_a_loss_that_rises_a_loss_that_stands_and_one_that_is_learned_by_heart() -> None:
    assert kinds([0.7, 0.6, 1.4]) == ["exploding rate"]
    assert kinds([0.7, 0.7, 0.699, 0.7]) == ["standing still"]
    assert kinds([0.7, 0.3, 0.1, 0.05], [0.6, 0.5, 0.7, 0.9]) == ["gap"]
    assert kinds([1.0, 0.9, 0.88], [0.16, 0.2, 0.3]) == [], "smoothed labels keep the training loss above"
    assert kinds([-0.377, -0.379]) == [], "a loss below zero that fell"
    assert kinds([-0.4, -0.1]) == ["exploding rate"]
    assert kinds([0.01, 0.001, 0.0005, 0.0001], [0.01, 0.01, 0.01, 0.01]) == []


def test_outputs_that_tell_nothing_apart() -> None:
    outputs, classes = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.3, 0.1]]), torch.tensor([1, 0, 0])
    lifted = outputs + torch.tensor([5.0, 0.0])
    assert list(of_outputs(outputs, classes)) == []
    assert [kind for kind, _ in of_outputs(torch.ones(3, 2), classes)] == ["dead head"]
    assert [kind for kind, _ in of_outputs(lifted, classes)] == ["one class"]
    assert list(of_outputs(lifted, torch.zeros(3, 2))) == [], "numbers have no class"
    assert list(of_outputs(lifted, torch.tensor([0, 0, 0]))) == [], "there is just one"
    assert list(of_outputs(None, classes)) == []


def test_each_is_said_once_in_a_phase_with_the_remedy() -> None:
    told = Told()
    concerns = Concerns("tune", told)
    for loss in (1.5, 1.6, 1.7):
        concerns.look(rows([0.7, 0.6, loss]), None, torch.tensor([]))
    (said,) = told.decided("rose")
    assert said.text.startswith("tune, epoch 3: the training loss rose from 0.6 to 1.5")
    assert "a third of it" in said.text


def test_a_rate_that_moves_nothing_is_seen_while_it_is_trained() -> None:
    told = Told()
    train(Phase(rates=(("*", 1e-9),), epochs=5, batch_size=8), make_network(), make_data(), listener=told)
    assert [event.details["concern"] for event in told.decided("stands at")] == ["standing still"]
