"""What a student is compared with: its teacher, and itself without one."""

from __future__ import annotations

import dataclasses

import numpy as np

from warmstart.data.schema import IntArray
from warmstart.engine.data import RunData, Taught
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import Earlier, RecipeRung, Role
from warmstart.recipe.distillation import without_teacher
from warmstart.recipe.recipe import Recipe

TEACHER, ALONE = "teacher", "alone"


def taught(data: RunData) -> Taught:
    """What the teacher says of the samples of a run, which has one."""
    assert data.taught is not None, "asked of a run with a teacher"
    return data.taught


@dataclasses.dataclass
class TeacherRung:
    """The teacher, by the answers that it gave once."""

    name: str = TEACHER
    about: str = "the teacher, as it is"
    role: Role = "baseline"
    after: tuple[str, ...] = ()

    def seconds(self, context: LadderContext) -> float:
        """Everything is there."""
        return 0.0

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Its answers."""
        outputs = taught(context.data).outputs
        return Contender(self.name, lambda indices: outputs[indices], outputs[context.data.split.val])

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """It does not change."""
        return self.climb(context, earlier)


class AloneRung(RecipeRung):
    """The student's backbone and recipe on labels alone, in as many steps: what the teacher is worth beside it."""

    @classmethod
    def of(cls, recipe: Recipe, data: RunData) -> AloneRung:
        """For a recipe that distils, on data with labels."""
        train = data.split.train
        times = len(train) / max(1, len(_with_labels(data, train)))
        about = "the same backbone and recipe without a teacher, on the labels alone"
        return cls(ALONE, about, without_teacher(recipe, times), "baseline")

    def climb(self, context: LadderContext, earlier: Earlier) -> Contender:
        """Run the recipe on what has a label."""
        return super().climb(_labelled(context), earlier)

    def again(self, context: LadderContext, first: Contender, earlier: Earlier) -> Contender:
        """Likewise."""
        return super().again(_labelled(context), first, earlier)

    def seconds(self, context: LadderContext) -> float:
        """As the plan expects of what has a label."""
        return super().seconds(_labelled(context))


def _labelled(context: LadderContext) -> LadderContext:
    data = context.data
    split = dataclasses.replace(data.split, train=_with_labels(data, data.split.train))
    return dataclasses.replace(context, data=dataclasses.replace(data, split=split, taught=None))


def _with_labels(data: RunData, indices: IntArray) -> IntArray:
    labelled = taught(data).labelled.numpy()
    found: IntArray = np.asarray(indices)[labelled[indices]]
    return found
