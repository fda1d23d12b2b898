"""What each method does with the rows of episodes: how it answers, and what the outer optimizer descends along."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.data.episodes import Episode
from warmstart.engine.pretext import PretextNetwork
from warmstart.methods.meta.inner import Inner, Params
from warmstart.methods.meta.protonet import nearest
from warmstart.recipe.episodic import ON_FEATURES, Meta


class EpisodeLoss:
    """Mean cross entropy of the answers to episodes that all have their queries in the same order."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Of logits (tasks, m, ways), of classes (m,)."""
        return functional.cross_entropy(outputs.flatten(0, 1), targets.repeat(len(outputs)))

    def weight(self, targets: Tensor) -> float:
        """How many are asked."""
        return float(len(targets))


@dataclasses.dataclass(frozen=True)
class Learner:
    """A method on a network whose `pretext` is the head of an episode.

    Args:
        step: the method and its settings.
        network: of which the backbone is trained.
        suffix: maps activations at `cut` to outputs of the head; its names are `network.<name>`.
        cut: where training starts; rows are activations there.
        trained: names of the weights of `network` that are trained.
    """

    step: Meta
    network: PretextNetwork
    suffix: nn.Module
    cut: int
    trained: Collection[str]

    @property
    def episode(self) -> Episode:
        """How its tasks are made."""
        return Episode(self.step.ways, self.step.shots, self.step.queries)

    @property
    def on_features(self) -> bool:
        """Whether an episode changes nothing below the features."""
        return self.step.method in ON_FEATURES

    @property
    def asked(self) -> Tensor:
        """Class of each query of an episode (m,)."""
        return torch.arange(self.step.ways).repeat_interleave(self.step.queries)

    def features(self, rows: Tensor) -> Tensor:
        """Features (n, d) of rows (n, ...)."""
        out: Tensor = self.network.facts.chain.suffix(self.cut)(rows)
        return out.float()

    def answers(self, rows: Tensor) -> Tensor:
        """Logits (tasks, m, ways) for the queries of episodes, of which these are the rows (tasks * samples, ...)."""
        if self.on_features:
            return self.from_features(self.features(rows))
        support, labels, queries = self._parts(rows)
        return self._inner(self.suffix).answers(self._params(), (support, labels), queries)

    def from_features(self, features: Tensor) -> Tensor:
        """The same from features (tasks * samples, d), for a method that is `on_features`."""
        support, labels, queries = self._parts(features)
        if self.step.method == "protonet":
            return nearest(support, queries, self.step.ways)
        head = self.network.pretext
        return self._inner(head).answers(dict(head.named_parameters()), (support, labels), queries)

    def descend(self, rows: Tensor, share: float, backward: Callable[[Tensor], None]) -> float:
        """Add `share` of the outer gradient of the episodes with these rows to the weights' own; returns their loss.

        Reptile's is that of a network that has learned them; its loss is of the network before that.
        """
        if self.step.method != "reptile":
            answers = self.answers(rows)
            loss = EpisodeLoss().loss(answers, self.asked.to(answers.device))
            backward(loss * share)
            return float(loss.detach())
        params, batches = self._params(), self._turns(rows)
        for name, away in self._inner(self.suffix).displacement(params, batches).items():
            before = params[name].grad
            params[name].grad = away * share if before is None else before + away * share
        with torch.no_grad():
            x, y = batches[0]
            return float(functional.cross_entropy(self.suffix(x.flatten(0, 1)), y.flatten()))

    def _inner(self, module: nn.Module) -> Inner:
        step = self.step
        second = step.method in ("maml", "anil")
        shares = {} if self.on_features else dict.fromkeys(self._body, self._share)
        return Inner(module, functional.cross_entropy, step.inner_lr, step.inner_steps, second, shares)

    @property
    def _body(self) -> list[str]:
        return [name for name in self._params() if not name.startswith("network.pretext.")]

    @property
    def _share(self) -> float:
        """How fast the backbone learns in an episode, of the head's rate: what the head multiplies features by enters
        their step twice, once in the gradient and once in what the step does to the answers.
        """
        scale = self.network.pretext.get_buffer("scale")
        return 1.0 / max(1.0, float(scale.square().mean()))

    def _params(self) -> Params:
        return {
            name: parameter
            for name, parameter in self.suffix.named_parameters()
            if name.removeprefix("network.") in self.trained
        }

    def _parts(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Support (tasks, ways * shots, ...), its labels, and queries (tasks, ways * queries, ...)."""
        ways, shots = self.step.ways, self.step.shots
        each = rows.reshape(-1, ways, self.episode.each, *rows.shape[1:])
        labels = torch.arange(ways, device=rows.device).repeat_interleave(shots).expand(len(each), -1)
        return each[:, :, :shots].flatten(1, 2), labels, each[:, :, shots:].flatten(1, 2)

    def _turns(self, rows: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each inner step `shots` samples of each class, other ones in turn: steps that see different samples are
        what Reptile learns from (Nichol et al. 2018, section 5.1).
        """
        ways, shots, each = self.step.ways, self.step.shots, self.episode.each
        by_class = rows.reshape(-1, ways, each, *rows.shape[1:])
        labels = torch.arange(ways, device=rows.device).repeat_interleave(shots).expand(len(by_class), -1)
        turns = [[(k * shots + j) % each for j in range(shots)] for k in range(self.step.inner_steps)]
        return [(by_class[:, :, turn].flatten(1, 2), labels) for turn in turns]
