"""How a phase chooses: rates, stops, best states, averages."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.helpers import Told, changed, identical, make_data, make_network, phase_plan, state_of, train
from warmstart.data.stores import images_of
from warmstart.engine import freeze
from warmstart.engine.ema import Average
from warmstart.engine.events import Advanced, Finished, Measured, Started
from warmstart.engine.optim import base_rates, build_optimizer
from warmstart.engine.penalty import StartingPoint
from warmstart.engine.score import Best, Validation, better
from warmstart.engine.training import Progress, Training
from warmstart.evaluation.predict import predict_outputs
from warmstart.recipe.phase import OptimizerName, Phase
from warmstart.task.classify import CLASSIFY

HEAD = (("head", 1e-2), ("*", None))


def validation(accuracy: float, loss: float) -> Validation:
    return Validation(torch.zeros(1, 2), loss, {"accuracy": accuracy}, (accuracy, -loss))


def test_the_metric_decides_and_the_loss_breaks_ties() -> None:
    assert better((0.8, -0.9), (0.7, -0.1))
    assert better((0.8, -0.5), (0.8, -0.6))
    assert not better((0.8, -0.5), (0.8, -0.5))


def test_a_state_whose_outputs_are_not_finite_is_never_kept() -> None:
    broken = Validation.of(CLASSIFY, torch.tensor([[float("nan"), 0.0]]), torch.tensor([0]))
    best = Best()
    best.offer(broken, 1, lambda: {"w": torch.zeros(1)})
    assert broken.score is None
    assert best.state == {}
    best.offer(validation(0.1, 9.0), 2, lambda: {"w": torch.ones(1)})
    assert best.epoch == 2


def test_the_best_state_scores_what_the_curve_says_and_is_in_the_network() -> None:
    data, network = make_data(), make_network()
    result = train(Phase(rates=(("*", 3e-3),), epochs=6, batch_size=8), network, data)
    scores = [(row.values["val_accuracy"], -row.values["val_loss"]) for row in result.curve]
    assert result.score == max(scores)
    outputs = predict_outputs(network, data.store, data.split.val)
    found = CLASSIFY.metrics(outputs, data.targets(data.split.val))
    assert found["accuracy"] == result.score[0]
    assert result.val_outputs is not None
    torch.testing.assert_close(outputs, result.val_outputs, rtol=0, atol=1e-5)
    assert identical(network.state_dict(), result.best)


def test_early_stopping_ends_a_phase_that_does_not_get_better() -> None:
    told = Told()
    phase = Phase(rates=(("head", 1e-12), ("*", None)), epochs=50, batch_size=12, early_stopping=2, schedule="constant")
    result = train(phase, make_network(), make_data(), listener=told)
    assert result.stopped == "early stopping"
    assert len(result.curve) < 50
    assert told.decided("no better for 2 epochs")


def test_without_validation_early_stopping_is_said_to_be_off() -> None:
    told = Told()
    result = train(Phase(rates=HEAD, epochs=3, early_stopping=1), make_network(), make_data(val=0), listener=told)
    assert told.decided("no early stopping")
    assert len(result.curve) == 3
    assert not any(key.startswith("val_") for key in result.curve[0].values)


def test_a_plateau_lowers_the_rate() -> None:
    phase = Phase(rates=(("head", 1e-12), ("*", None)), epochs=6, batch_size=12, schedule="plateau")
    rates = [row.values["rate"] for row in train(phase, make_network(), make_data()).curve]
    assert rates[0] == pytest.approx(1e-12)
    assert rates[-1] < rates[0]


@pytest.mark.parametrize("val", [0, 9])
def test_the_epoch_of_the_lowest_training_loss_is_the_best_where_training_is_watched(val: int) -> None:
    rates = (("*", 0.3),)  # so high that the loss goes up and down
    phase = Phase(
        rates=rates, epochs=6, batch_size=8, optimizer="sgd", schedule="constant", clip=None, watch="training"
    )
    data, network = make_data(val=val), make_network()
    result = train(phase, network, data)
    losses = [row.values["train_loss"] for row in result.curve]
    assert result.score == (0.0, -min(losses))
    assert losses.index(min(losses)) < 5  # else the last would do
    again = train(phase.model_copy(update={"epochs": losses.index(min(losses)) + 1}), make_network(), data)
    assert identical(result.best, again.last)
    assert identical(network.state_dict(), result.best)
    assert (result.val_outputs is None) == (val == 0)
    assert not identical(result.best, result.last)


def test_early_stopping_goes_by_the_training_loss_where_that_is_watched() -> None:
    still = (("head", 1e-12), ("*", None))
    phase = Phase(rates=still, epochs=50, batch_size=12, early_stopping=3, schedule="constant", watch="training")
    result = train(phase, make_network(), make_data(val=0))
    assert result.stopped == "early stopping"
    assert len(result.curve) < 50


def test_a_phase_ends_where_its_training_loss_is_low_enough() -> None:
    phase = Phase(rates=HEAD, epochs=9, batch_size=8, schedule="constant")
    whole = train(phase, make_network(), make_data())
    losses = [row.values["train_loss"] for row in whole.curve]
    told, ended = Told(), phase.model_copy(update={"enough": losses[3]})
    result = train(ended, make_network(), make_data(), listener=told)
    assert len(result.curve) == 1 + next(i for i, loss in enumerate(losses) if loss <= losses[3])
    assert result.stopped == "loss low enough"
    assert told.decided("its loss is at most")
    assert [row.values["train_loss"] for row in result.curve] == losses[: len(result.curve)]


def test_a_plateau_follows_the_rule_of_the_phase() -> None:
    rule = {"factor": 0.1, "patience": 2, "least": 0.05, "delta": 9.0}
    still = (("head", 1e-3), ("*", None))
    told = {"rates": still, "epochs": 6, "batch_size": 12, "schedule": "plateau", "plateau": rule, "watch": "training"}
    curve = train(Phase.model_validate(told), make_network(), make_data(val=0)).curve
    assert [row.values["rate"] for row in curve] == pytest.approx([1e-3] * 3 + [1e-4] * 2 + [5e-5])


def test_every_epoch_and_every_batch_is_told() -> None:
    told = Told()
    train(Phase(name="tune", rates=HEAD, epochs=2, batch_size=8), make_network(), make_data(), listener=told)
    assert Started("phase tune", 6) in told.events
    assert sum(e.n for e in told.events if isinstance(e, Advanced) and e.what == "phase tune") == 6
    assert [e.what for e in told.events if isinstance(e, Finished)][-1] == "phase tune"
    rows = [event for event in told.events if isinstance(event, Measured)]
    assert [(row.rung, row.phase, row.epoch, row.step) for row in rows] == [
        ("test", "tune", 1, 3),
        ("test", "tune", 2, 6),
    ]
    expected = {"train_loss", "val_loss", "val_accuracy", "rate", "seconds", "images_per_second"}
    assert expected <= rows[0].values.keys()


def test_freezing_depends_on_the_plan_alone() -> None:
    data, network = make_data(), make_network()
    plan = phase_plan(Phase(rates=(("block:-1", 1e-3), ("*", None))), network, data)

    def modes() -> tuple[list[bool], list[bool]]:
        return [p.requires_grad for p in network.parameters()], [m.training for m in network.modules()]

    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    freeze.apply(network, plan)
    assert {n for n, p in network.named_parameters() if p.grad is None} == set(plan.frozen)
    first = modes()
    network.eval().requires_grad_(True)
    freeze.apply(network, plan)
    freeze.apply(network, plan)
    assert modes() == first
    assert {n for n, p in network.named_parameters() if p.requires_grad} == {
        name for group in plan.groups for name in group.parameters
    }


def test_a_plan_for_another_network_is_refused() -> None:
    data, network = make_data(), make_network()
    plan = phase_plan(Phase(rates=HEAD), network, data)
    with pytest.raises(ValueError, match="another network"):
        freeze.apply(network, dataclasses.replace(plan, frozen=plan.frozen[1:]))


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_the_optimizer_holds_the_groups_of_the_plan_and_changes_no_flag(optimizer: OptimizerName) -> None:
    data, network = make_data(), make_network()
    phase = Phase(rates=(("head", 1e-2), ("*", 1e-3)), layer_decay=0.5, optimizer=optimizer, weight_decay=0.1)
    plan = phase_plan(phase, network, data)
    network.requires_grad_(False)
    built = build_optimizer(network, plan, base_rates(plan.groups))
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert [g["lr"] for g in built.param_groups] == [pytest.approx(float(g.rate) * g.scale) for g in plan.groups]
    assert [g["weight_decay"] for g in built.param_groups] == [g.weight_decay for g in plan.groups]
    named = dict(network.named_parameters())
    for group, planned in zip(built.param_groups, plan.groups, strict=True):
        assert all(p is named[name] for p, name in zip(group["params"], planned.parameters, strict=True))


def test_the_average_follows_its_formula_and_leaves_what_is_frozen_alone() -> None:
    layer = torch.nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    average, expected = Average(layer, 0.5), layer.weight.detach().clone()
    assert average.shadow.keys() == {"weight"}
    for t in range(12):
        with torch.no_grad():
            layer.weight.add_(1.0)
        decay = min(0.5, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * layer.weight.detach()
        average.update(layer)
    torch.testing.assert_close(average.shadow["weight"], expected)
    live = layer.weight.detach().clone()
    with average.in_place_of(layer):
        torch.testing.assert_close(layer.weight.detach(), expected)
    assert torch.equal(layer.weight, live)


def test_with_an_average_the_result_is_the_average() -> None:
    data = make_data()
    plain, averaged = make_network(), make_network()
    settings: dict[str, Any] = {"rates": (("*", 1e-2),), "epochs": 2, "batch_size": 8, "schedule": "constant"}
    a = train(Phase(**settings), plain, data)
    b = train(Phase(**settings, ema=0.9), averaged, data)
    assert [r.values["train_loss"] for r in a.curve] == [r.values["train_loss"] for r in b.curve]
    assert "head.linear.weight" in changed(a.last, b.last)


def test_l2_sp_adds_the_gradient_of_its_penalty() -> None:
    network = make_network()
    start = state_of(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.5)
    penalty = sum(
        ((p - start[n]) ** 2).sum() * (0.3 / 2) for n, p in network.named_parameters() if n.startswith("backbone.")
    )
    assert isinstance(penalty, Tensor)
    expected = torch.autograd.grad(penalty, list(network.backbone.parameters()))
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    StartingPoint(network, start, 0.3).add_gradient()
    for parameter, gradient in zip(network.backbone.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
    assert all(bool((p.grad == 0).all()) for p in network.head.parameters() if p.grad is not None)


def test_l2_sp_holds_the_backbone_near_its_start() -> None:
    def distance(alpha: float) -> float:
        network = make_network()
        before = state_of(network)
        phase = Phase(rates=(("*", 3e-2),), optimizer="sgd", l2_sp=alpha, epochs=4, batch_size=8, weight_decay=0.0)
        after = train(phase, network, make_data()).last
        return sum(
            float((after[n] - before[n]).square().sum()) for n, _ in network.named_parameters() if "backbone" in n
        )

    assert distance(5.0) < 0.5 * distance(0.0)


def test_the_space_asked_for_is_what_a_record_takes() -> None:
    data, network = make_data(), make_network()
    plan = phase_plan(Phase(rates=(("head", 1e-3), ("block:-1", 1e-3), ("*", None)), ema=0.9, epochs=1), network, data)
    freeze.apply(network, plan)
    training = Training(network, plan, base_rates(plan.groups), total=1, progress=Progress())
    expected = training.record_bytes
    for parameter in training.parameters:
        parameter.grad = torch.zeros_like(parameter)
    training.optimizer.step()
    assert training.capture(full=True).size == pytest.approx(expected, rel=0.05)


def test_pixels_at_another_size_are_decoded_once_and_belong_to_their_data_set() -> None:
    data = make_data()
    small = images_of(data.inputs(16))
    assert small.get(0).shape == (3, 16, 16)
    assert data.inputs(16) is small
    assert data.inputs(data.spec.size) is data.store
    half = dataclasses.replace(data, dataset=data.dataset.subset(range(12)))
    assert half.inputs(16).dataset is half.dataset
