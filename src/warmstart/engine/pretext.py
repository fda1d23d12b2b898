"""Pretraining of a backbone on another task than the user's: the networks that are trained, and their losses.

Each is the network as it is with one new module beside it, `pretext`, which the backbone does not keep.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.data.batches import Batch
from warmstart.data.episodes import set_numbers
from warmstart.data.stores import batches_of
from warmstart.engine.contrastive import ContrastiveStepper
from warmstart.engine.data import RunData
from warmstart.engine.memory import parts
from warmstart.engine.score import Validation
from warmstart.engine.seeds import derive
from warmstart.engine.stepper import Stepper
from warmstart.engine.training import Training
from warmstart.errors import RecipeError
from warmstart.model.modes import evaluating
from warmstart.model.network import Network
from warmstart.task.base import Task

_SHORTEST = 8
"""Steps of a hidden stretch, at least: one of a few steps is told by its neighbours."""


class PretextNetwork(Network):
    """A network whose outputs are those of `pretext` on the activation at the cut `at`.

    All else, the task's head included, is shared with the network that it was made of, and has the same names.
    """

    def __init__(self, network: Network, pretext: nn.Module, at: int = -1) -> None:
        super().__init__(network.facts, network.head)
        self.pretext = pretext
        self.at = at % len(network.facts.chain.cuts)

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Tensor:
        """Outputs of the pretext task."""
        found: Tensor = self.pretext(self.facts.chain.prefix(self.at)(x))
        return found

    def forward_from(self, cut: int, activation: Tensor, targets: Tensor | None = None) -> Tensor:
        """The same from the activation at `cut`."""
        found: Tensor = self.pretext(self.facts.chain.segment(cut, self.at)(activation))
        return found

    def clone(self) -> PretextNetwork:
        """A copy with weights of its own."""
        chain = self.facts.chain.clone()
        head, pretext = copy.deepcopy(self.head), copy.deepcopy(self.pretext)
        return PretextNetwork(Network(dataclasses.replace(self.facts, chain=chain), head), pretext, self.at)


class Projection(nn.Module):
    """Features (n, d) to points (n, width) of length one, by a layer that has no norm of its own."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.out = nn.Linear(features, width)

    def forward(self, x: Tensor) -> Tensor:
        """The points."""
        return functional.normalize(self.out(self.norm(x)).float(), dim=1)


class Restored(nn.Module):
    """Activations along time to the values of all steps (n, channels, size).

    Args:
        shape: of the activation of one sample, (places, width), or (width, places).
        along: which of its dimensions is that of time.
        channels: of the series.
        size: steps of the series.
    """

    def __init__(self, shape: tuple[int, int], along: int, channels: int, size: int) -> None:
        super().__init__()
        self.along, self.channels, self.size = along, channels, size
        self.each = -(-size // shape[along])  # steps that a place tells
        self.out = nn.Linear(shape[1 - along], self.each * channels)

    def forward(self, x: Tensor) -> Tensor:
        """The values."""
        places: Tensor = self.out(x if self.along == 0 else x.transpose(1, 2))
        values = places.reshape(len(places), -1, self.channels)
        return values[:, : self.size].transpose(1, 2)


def restoring(network: Network, size: int) -> tuple[int, Restored]:
    """The last cut of a network whose activation runs along time, and a layer that tells the values from it.

    Raises `RecipeError` where there is none.
    """
    chain, channels = network.facts.chain, network.facts.spec.channels  # type: ignore[union-attr]
    for at in range(len(chain.cuts) - 1, 0, -1):
        shape, longer = chain.activation_shape(at, size), chain.activation_shape(at, 2 * size)
        changed = [k for k, (a, b) in enumerate(zip(shape, longer, strict=True)) if a != b]
        if len(shape) == 2 and len(changed) == 1:
            return at, Restored((shape[0], shape[1]), changed[0], channels, size)
    raise RecipeError(
        f"{network.facts.card.name!r} has no activation that runs along time",
        expected="a backbone of one channel that can be cut, such as series",
        do="pretrain it by the objective contrastive",
    )


class HiddenLoss:
    """Mean squared error over the steps that were hidden; targets (n, channels, size) are NaN elsewhere."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Of a batch; 0 if nothing was hidden."""
        asked = ~targets.isnan()
        return (outputs.float() - targets)[asked].square().sum() / asked.sum().clamp_min(1)

    def weight(self, targets: Tensor) -> float:
        """How many values were hidden."""
        return float(max(int((~targets.isnan()).sum()), 1))


def hidden(values: Tensor, share: float, stretch: int, seed: int) -> tuple[Tensor, Tensor]:
    """Series (n, channels, size) as the network is to see them, and what it is to tell: NaN where nothing is hidden.

    Of the stretches of each series the same number is hidden, at least one and never all.

    >>> seen, asked = hidden(torch.ones(2, 1, 32), 0.5, 8, seed=0)
    >>> int((seen == 0).sum()), bool(((seen == 0) == ~asked.isnan()).all())
    (32, True)
    """
    n, _, size = values.shape
    count = max(2, math.ceil(size / max(stretch, _SHORTEST)))
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(n, count, generator=generator).argsort(1).argsort(1)
    chosen = order < min(max(1, round(share * count)), count - 1)
    where = chosen.repeat_interleave(-(-size // count), dim=1)[:, None, :size].to(values.device).expand_as(values)
    return values.masked_fill(where, 0.0), values.masked_fill(~where, torch.nan)


class GroupedSoftmax:
    """Cross entropy of each sample over the classes of its own set.

    Args:
        sets: the set of each class (classes,).

    >>> loss = GroupedSoftmax(torch.tensor([0, 0, 1, 1]))
    >>> round(float(loss.loss(torch.tensor([[0.0, 0.0, 9.0, 9.0]]), torch.tensor([1]))), 3)  # log 2: one of two
    0.693
    """

    def __init__(self, sets: Tensor) -> None:
        self.sets = sets

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean over the samples whose class is known."""
        known = targets >= 0
        if not bool(known.any()):
            return outputs.sum() * 0.0
        sets, asked = self.sets.to(outputs.device), targets[known]
        others = sets[None] != sets[asked][:, None]
        return functional.cross_entropy(outputs[known].float().masked_fill(others, -torch.inf), asked)

    def weight(self, targets: Tensor) -> float:
        """How many classes are known."""
        return float(max(int((targets >= 0).sum()), 1))


def sets_of(classes: Sequence[str]) -> Tensor:
    """The number of the set that each class `SET/CLASS` is of (classes,); those without a slash are one set.

    >>> sets_of(("a/1", "a/2", "b/1")).tolist()
    [0, 0, 1]
    """
    return torch.from_numpy(set_numbers(classes))


Weighed = Iterator[tuple[float, float]]
"""Mean losses, and what each counts."""


def held_out(training: Training, data: RunData, measured: Callable[[Batch, int], Weighed]) -> Validation:
    """The mean loss on the validation samples; `measured` gets each batch of them, with the same seed every time."""
    plan = training.plan
    batches = batches_of(data.inputs(plan.size), data.split.val, batch_size=plan.batch_size)
    total = weight = 0.0
    with evaluating(training.network), torch.no_grad():
        for number, batch in enumerate(batches):
            for loss, share in measured(batch, derive("validation", number)):
                total += loss * share
                weight += share
    return Validation.of_loss(torch.empty(0), total / max(weight, 1.0))


@dataclasses.dataclass
class PretextStepper(Stepper):
    """Steps whose validation is the loss alone, in batches of the validation samples."""

    data: RunData

    def validated(self, task: Task, targets: Tensor) -> Validation:
        """The loss on them, of which the same is asked every time; the task is not asked."""

        def measured(batch: Batch, seed: int) -> Weighed:
            inputs, asked = self._prepared(batch, seed)
            for part in parts(len(inputs), self.training.progress.micro):
                outputs = self.training.network(inputs[part])
                yield float(self.objective.loss(outputs, asked[part])), self.objective.weight(asked[part])

        return held_out(self.training, self.data, measured)

    def _prepared(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor]:
        return batch.inputs.to(self.feed.device), batch.targets.to(self.feed.device)


@dataclasses.dataclass
class HiddenStepper(PretextStepper):
    """Hides stretches of the series of each batch."""

    share: float
    stretch: int

    def _prepared(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor]:
        inputs, asked = hidden(batch.inputs, self.share, self.stretch, derive(seed, "hide"))
        return inputs.to(self.feed.device), asked.to(self.feed.device)


@dataclasses.dataclass
class ViewStepper(ContrastiveStepper):
    """Steps on two views of each input, told apart from those of all others in the batch."""

    data: RunData

    def validated(self, task: Task, targets: Tensor) -> Validation:
        """The loss on the validation samples, of which the views are the same every time."""

        def measured(batch: Batch, seed: int) -> Weighed:
            inputs, same = self._prepared(batch, seed)
            pieces = parts(len(inputs), self.training.progress.micro)
            outputs = torch.cat([self.training.network(inputs[part]) for part in pieces])
            yield float(self.objective.loss(outputs, same)), len(same)

        return held_out(self.training, self.data, measured)

    def _prepared(self, batch: Batch, seed: int) -> tuple[Tensor, Tensor]:
        """Two views of each (2n, ...), and the number of the sample that each is of (2n,)."""
        plan = self.training.plan
        how = {"batch_size": len(batch.index), "augment": plan.phase.augment, "workers": 0}
        store, index = self.data.inputs(plan.size), batch.index.numpy()
        views = [next(iter(batches_of(store, index, seed=seed, epoch=view, **how))).inputs for view in range(2)]
        same = torch.arange(len(index)).repeat(2)
        return torch.cat(views).to(self.feed.device), same.to(self.feed.device)
