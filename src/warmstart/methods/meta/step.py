"""Meta-learning as a step: the engine's loop, whose batches are episodes."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import numpy as np
from torch import Tensor, nn

from warmstart.data.episodes import Episode, episode_order, set_numbers, usable_classes
from warmstart.data.schema import IntArray
from warmstart.data.targets import ClassTarget
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided
from warmstart.engine.features import features
from warmstart.engine.memory import parts
from warmstart.engine.mix import jittered
from warmstart.engine.pretext import PretextNetwork
from warmstart.engine.score import Validation
from warmstart.engine.seeds import derive
from warmstart.engine.state import RunState
from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.gradients import backbone_trained, train
from warmstart.engine.steps.pretrain import with_tokens
from warmstart.engine.steps.registry import Making
from warmstart.errors import RecipeError
from warmstart.methods.meta.head import EpisodeHead
from warmstart.methods.meta.learner import EpisodeLoss, Learner
from warmstart.methods.meta.measure import measured
from warmstart.model.adapters.base import seeded
from warmstart.model.network import Network
from warmstart.planning.plan import PhasePlan, StepPlan
from warmstart.recipe.episodic import ON_FEATURES, Meta
from warmstart.task.base import Task


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train the backbone on episodes. The head stays as it is: a later step fits it.

    Raises:
        RecipeError: labels are no classes, or texts are to be learned by a method that changes weights in an episode.
        DataError: no set has enough classes with enough samples.
    """
    assert isinstance(plan, PhasePlan)
    step = plan.phase
    assert isinstance(step, Meta)
    refuse(step, data)
    labels = data.targets(data.split.train).numpy()
    usable = usable_classes(labels, set_numbers(data.dataset.target.classes), episode_of(step))
    known = len(np.unique(labels[labels >= 0]))
    if 0 < len(usable) < known:
        text = f"{step.name}: {known - len(usable)} of {known} classes are left out of episodes, for want of samples"
        context.listener(Decided(text, {"classes": len(usable), "left_out": known - len(usable)}))
    state.begin(step.start)
    with seeded(derive(context.seed, step.name)):
        network = headed(state.network, step)
    if isinstance(network.pretext, EpisodeHead):
        also, told = plan.cache.also, context.listener
        network.pretext.standardise(
            features(state.network, -1, data, data.split.train, size=plan.size, also=also, listener=told)
        )
    return backbone_trained(state, train(network, with_tokens(plan, network, step.head_lr), data, state, context))


def refuse(step: Meta, data: RunData) -> None:
    """Raise `RecipeError` where the method cannot learn from the data."""
    if not isinstance(data.dataset.target, ClassTarget):
        raise RecipeError(
            f"{step.name!r} learns episodes of classes, and labels here are something else",
            expected="one class for every sample",
            do="leave the step out of the recipe",
        )
    if data.spec.kind == "text" and step.method not in ON_FEATURES:
        raise RecipeError(
            f"{step.method} changes all weights in every episode, and a batch of texts goes through the network as one",
            expected=f"of texts {' or '.join(ON_FEATURES)}",
            do="choose one of these",
        )


def episode_of(step: Meta) -> Episode:
    """How the tasks of the step are made."""
    return Episode(step.ways, step.shots, step.queries)


def headed(network: Network, step: Meta) -> PretextNetwork:
    """The network with the head of an episode; prototypes need none."""
    head = nn.Identity() if step.method == "protonet" else EpisodeHead(network.facts.out_features, step.ways)
    return PretextNetwork(network, head)


def learner_of(network: PretextNetwork, plan: PhasePlan, suffix: nn.Module) -> Learner:
    """The method of a plan on a network that it is for."""
    step = plan.phase
    assert isinstance(step, Meta)
    trained = {name for group in plan.groups for name in group.parameters}
    trained |= {name for name, _ in network.named_parameters() if name.startswith("pretext.")}
    return Learner(step, network, suffix, plan.cut, trained)


def stepper(making: Making) -> Stepper:
    """One that learns from episodes."""
    parts, data = making.parts, making.data
    network, plan = making.network, parts["training"].plan
    assert isinstance(network, PretextNetwork)
    learner = learner_of(network, plan, parts["suffix"])
    labels = data.targets(data.split.val).numpy()
    return MetaStepper(
        **parts, objective=EpisodeLoss(), learner=learner, asked=validation_episodes(learner, labels, data)
    )


def validation_episodes(learner: Learner, labels: IntArray, data: RunData) -> list[IntArray]:
    """Those that say which weights are kept, the same every time; none where no classes have enough samples."""
    sets, step = set_numbers(data.dataset.target.classes), learner.step
    if not len(labels) or not len(usable_classes(labels, sets, learner.episode)):
        return []
    return episode_order(labels, sets, learner.episode, episodes=step.validated, at_once=step.tasks, seed=0, epoch=0)


@dataclasses.dataclass
class MetaStepper(Stepper):
    """Steps on batches of whole episodes."""

    divides: ClassVar[bool] = False

    learner: Learner
    asked: list[IntArray]

    def validated(self, task: Task, targets: Tensor) -> Validation:
        """How well the episodes of held-out classes are answered; the task is not asked."""
        if not self.asked:
            return Validation(None, math.nan, {}, None)
        found = measured(self.learner, self.feed, self.asked)
        accuracy, loss = float(found.accuracy.mean()), float(found.loss.mean())
        score = (accuracy, -loss) if math.isfinite(loss) else None
        return Validation(None, loss, {"accuracy": accuracy}, score)

    def _accumulate(self, inputs: Tensor, targets: Tensor) -> float:
        self.training.optimizer.zero_grad(set_to_none=True)
        samples, jitter = self.learner.episode.samples, self.training.plan.phase.jitter
        tasks, total = len(inputs) // samples, 0.0
        for part in parts(tasks, self._tasks_at_once(samples)):
            rows = jittered(self.feed.lift(inputs[part.start * samples : part.stop * samples]), jitter)
            share = (part.stop - part.start) / tasks
            with self.accelerator.autocast():
                total += share * self.learner.descend(rows, share, self.accelerator.backward)
        return total

    def _tasks_at_once(self, samples: int) -> int:
        """As many as fit; through the steps of an inner loop all activations are kept."""
        step = self.learner.step
        passes = 1 if self.learner.on_features else 1 + step.inner_steps
        return max(1, self.training.progress.micro // (samples * passes))
