"""Where a network that is trained further starts: as it was, with a row for each class that is new to it."""

from __future__ import annotations

import dataclasses

from warmstart.engine.ladder.contender import Contender, Member
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import Earlier, Role
from warmstart.methods.continual.head import extended, linear_head
from warmstart.model.network import Network
from warmstart.recipe.recipe import Recipe

START = "start"


@dataclasses.dataclass
class StartRung:
    """The network as it was; nothing is trained."""

    network: Network
    recipe: Recipe
    """By which it was trained."""
    name: str = START
    about: str = "the network as it was, with a row for each new class from the mean of its features"
    role: Role = "baseline"
    after: tuple[str, ...] = ()

    def seconds(self, context: LadderContext) -> float:
        """Its features are asked for anyway."""
        return 0.0

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Give it the rows that it lacks."""
        target, split = context.data.dataset.target, context.data.split
        network = self.network.clone()
        head, last = linear_head(network.head), len(network.facts.chain.cuts) - 1
        member = Member(network, last, self.recipe)
        outputs = len(target.classes)
        if outputs > head.linear.out_features:
            features = context.features(member, split.train)
            network.head = extended(head, outputs, target.kind, features, context.data.targets(split.train))
        return Contender(
            self.name, lambda indices: context.outputs(member, indices), context.outputs(member, split.val), (member,)
        )

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """With rows from more samples."""
        return self.climb(context, earlier)
