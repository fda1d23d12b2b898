"""Rungs made of earlier ones: the average of weights (WiSE-FT) and of answers (an ensemble). Neither trains."""

from __future__ import annotations

import dataclasses

import torch

from warmstart.engine.ladder.contender import Contender, Member
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import Earlier, Role, evaluation_seconds
from warmstart.evaluation.scoring import Merit
from warmstart.model.network import Network
from warmstart.recipe.phase import Phase

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclasses.dataclass
class AverageRung:
    """`alpha` x tuned + (1 - alpha) x its start, weight by weight (Wortsman et al. 2022, "Robust fine-tuning", eq. 1).

    The start is what the tuned rung's recipe reaches before its last phase: a head on frozen features, fitted again
    from activations that are there already.
    """

    tuned: str
    name: str = "average"
    about: str = "weights of the tuned network and of the probe it started from, averaged (WiSE-FT)"
    role: Role = "candidate"

    @property
    def after(self) -> tuple[str, ...]:
        """The tuned network."""
        return (self.tuned,)

    def seconds(self, context: LadderContext) -> float:
        """One evaluation on validation for each share but the two ends."""
        return (len(ALPHAS) - 2) * evaluation_seconds(context, len(context.data.split.val))

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Try every share on validation."""
        start, targets = self._start(context, earlier), context.data.targets(context.data.split.val)
        tried = [self._at(alpha, start, context, earlier) for alpha in ALPHAS]
        return max(tried, key=lambda one: Merit.of(context.task, one.val_outputs, targets))

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """The same share of the new weights."""
        return self._at(float(str(first.settings["alpha"])), self._start(context, earlier), context, earlier)

    def _start(self, context: LadderContext, earlier: Earlier) -> Network:
        tuned = earlier[self.tuned].members[0].recipe
        last = max(i for i, step in enumerate(tuned.steps) if isinstance(step, Phase))
        before = tuned.model_copy(
            update={"name": f"{tuned.name} before {tuned.steps[last].name}", "steps": tuned.steps[:last]}
        )
        return context.run(before, self.name).network

    def _at(self, alpha: float, start: Network, context: LadderContext, earlier: Earlier) -> Contender:
        tuned = earlier[self.tuned]
        member = dataclasses.replace(tuned.members[0], network=interpolate(start, tuned.members[0].network, alpha))
        return Contender(
            self.name,
            lambda indices: context.outputs(member, indices),
            context.outputs(member, context.data.split.val),
            (member,),
            {"alpha": alpha},
            trained_parameters=tuned.trained_parameters,
            note=f"{100 * alpha:.0f} % tuned, {100 - 100 * alpha:.0f} % probe",
            plan=tuned.plan,
            made_of=(self.tuned,),
        )


def interpolate(start: Network, end: Network, alpha: float) -> Network:
    """A new network with `alpha` of the way from `start` to `end` in every floating-point entry of the state."""
    network = end.clone()
    ours, theirs = network.state_dict(), start.state_dict()
    with torch.no_grad():
        for name, tensor in ours.items():
            if tensor.is_floating_point():
                tensor.lerp_(theirs[name].to(tensor.dtype), 1.0 - alpha)
    return network


@dataclasses.dataclass
class EnsembleRung:
    """The mean of the probabilities of several earlier rungs."""

    of: tuple[str, ...]
    name: str = "ensemble"
    about: str = "the mean of the answers of several rungs"
    role: Role = "candidate"

    @property
    def after(self) -> tuple[str, ...]:
        """The first two; more are taken if they are there."""
        return self.of[:2]

    def seconds(self, context: LadderContext) -> float:
        """All outputs are there already."""
        return 0.0

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Average the outputs on validation."""
        parts = [earlier[name] for name in self.of if name in earlier]
        members: tuple[Member, ...] = tuple(member for part in parts for member in part.members)
        combine = context.task.combine
        val = combine([part.val_outputs for part in parts])
        note = " + ".join(part.name for part in parts)
        return Contender(
            self.name,
            lambda indices: combine([part.outputs(indices) for part in parts]),
            val,
            members,
            trained_parameters=sum(part.trained_parameters for part in parts),
            note=note,
            plan="\n\n".join(part.plan for part in parts if part.plan),
            made_of=tuple(part.name for part in parts),
        )

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """The mean of the new members."""
        return self.climb(context, earlier)
