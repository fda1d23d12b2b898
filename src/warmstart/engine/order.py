"""Which samples make up the batches of an epoch, where a step wants others than those drawn one by one."""

from __future__ import annotations

import numpy as np

from warmstart.data.episodes import Episode, episode_order, set_numbers
from warmstart.data.pairs import paired_order
from warmstart.data.rehearsal import rehearsed_order
from warmstart.data.schema import IntArray
from warmstart.data.several import SeveralTarget
from warmstart.data.taskorder import task_order
from warmstart.engine.data import RunData
from warmstart.planning.plan import PhasePlan
from warmstart.recipe.episodic import Meta
from warmstart.recipe.of_backbone import Contrastive
from warmstart.recipe.phase import Phase


def own_order(plan: PhasePlan, data: RunData, seed: int, epoch: int) -> list[IntArray] | None:
    """The batches of an epoch, positions among the training samples; `None` where `batch_order` draws them."""
    train, step, old, target = data.split.train, plan.phase, data.known, data.dataset.target
    match step:
        case Phase() if step.rehearsal and old is not None:
            return rehearsed_order(np.isin(train, old.samples), plan.batch_size, step.rehearsal, seed, epoch)
        case Phase() if isinstance(target, SeveralTarget):
            known = target.known([data.dataset.samples[int(i)].label for i in train])
            return None if known.all() else task_order(known, plan.batch_size, seed, epoch)
        case Contrastive():
            return paired_order(data.targets(train).numpy(), plan.steps_per_epoch, seed, epoch)
        case Meta():
            sets, episode = set_numbers(data.dataset.target.classes), Episode(step.ways, step.shots, step.queries)
            count = {"episodes": step.episodes, "at_once": step.tasks}
            return episode_order(data.targets(train).numpy(), sets, episode, **count, seed=seed, epoch=epoch)
    return None
