"""The stepper of several tasks: one pass of a batch through the trunk, a loss for each task, one gradient."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from warmstart.engine.events import Decided
from warmstart.engine.memory import parts
from warmstart.engine.objective import Objective
from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.registry import Making
from warmstart.methods.multitask.balance import Balance, GradNorm, Sum, Uncertainty
from warmstart.methods.multitask.jacobian import Jacobian
from warmstart.model.network import Network
from warmstart.model.several import SeveralHead
from warmstart.recipe.phase import Phase
from warmstart.task.several import Several


@dataclasses.dataclass
class SeveralStepper(Stepper):
    """Steps on the losses of several tasks; parts of a batch add up task by task.

    Args:
        task: the tasks.
        class_weights: of all tasks side by side (outputs,), if there are any.
        balance: makes one gradient of their losses.
    """

    divides: ClassVar[bool] = False  # the balance of the losses is that of a whole batch

    task: Several
    class_weights: Tensor | None
    balance: Balance

    def _accumulate(self, inputs: Tensor, targets: Tensor) -> float:
        self.training.optimizer.zero_grad(set_to_none=True)
        whole = self.task.weights(targets, self.class_weights).to(inputs.device)
        total = torch.zeros_like(whole)
        self.balance.begin(whole > 0)
        for part in parts(len(inputs), self.training.progress.micro, self._least()):
            outputs, features = self._through(inputs[part])
            share = self.task.weights(targets[part], self.class_weights).to(whole) / whole.clamp_min(1e-12)
            losses = self._losses(outputs, targets[part]) * share
            self.balance.backward(losses, features)
            total += losses.detach()
        self.balance.finish(total)
        return float(total.sum())

    def _losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        phase = cast(Phase, self.training.plan.phase)
        smoothing = float(phase.label_smoothing)
        return self.task.losses(outputs, targets, label_smoothing=smoothing, class_weights=self.class_weights)

    def _through(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs of all heads, and the features that they read."""
        seen: list[Tensor] = []
        hook = self.training.network.head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        try:
            return self._outputs(inputs), seen[0]
        finally:
            hook.remove()


def stepper(making: Making) -> Stepper:
    """One that trains on all tasks, balanced as the phase says."""
    phase, data, feed, task = making.phase, making.data, making.parts["feed"], making.context.task
    assert isinstance(phase, Phase), "several tasks are trained by phases"
    assert isinstance(task, Several), "asked of several tasks alone"
    objective = Objective.of(phase, task, lambda: data.targets(data.split.train), feed.classes, feed.device)
    return SeveralStepper(
        **making.parts,
        objective=objective,
        task=task,
        class_weights=objective.class_weights,
        balance=_balance(phase, making, task),
    )


def _balance(phase: Phase, making: Making, task: Several) -> Balance:
    network, training, differentiate = making.network, making.parts["training"], making.parts["accelerator"].backward
    beside, plain = training.beside, Sum(differentiate)
    if phase.balance == "sum":
        return plain
    if phase.balance == "uncertainty":
        squared = [part.target.kind == "regress" for part in task.parts]
        return Uncertainty(differentiate, squared, beside, max(training.rates))
    shared = [p for name, p in network.named_parameters() if p.requires_grad and name.startswith("backbone.")]
    if not shared:
        text = f"{phase.name}: nothing that the tasks share is trained, so that balance={phase.balance} is their sum"
        making.context.listener(Decided(text))
        return plain
    if phase.balance == "gradnorm":
        return GradNorm(differentiate, _last_shared(network), len(task.parts), beside)
    return Jacobian(phase.balance, shared, _own(network.head), beside)


def _last_shared(network: Network) -> list[nn.Parameter]:
    """Trained parameters of the last block that has any."""
    named = dict(network.named_parameters())
    for block in reversed(network.facts.chain.blocks):
        found = [named[f"backbone.{name}"] for name in block.parameters if named[f"backbone.{name}"].requires_grad]
        if found:
            return found
    return [p for name, p in named.items() if p.requires_grad and name.startswith("backbone.")]


def _own(head: nn.Module) -> list[list[nn.Parameter]]:
    """The trained parameters of the head of each task."""
    assert isinstance(head, SeveralHead), "several tasks have a head each"
    return [[p for p in one.parameters() if p.requires_grad] for one in head.heads]
