"""Trains a backbone on episodes and measures it on new ones: what `warmstart meta-train` runs."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

from torch import nn

from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Listener
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.pretrained import Pretrained, pretrain_backbone
from warmstart.engine.seeds import derive
from warmstart.evaluation.interval import Interval
from warmstart.methods.meta.exam import Exam, Row
from warmstart.methods.meta.step import headed, refuse
from warmstart.model.adapters.base import seeded
from warmstart.model.backbone import Backbone
from warmstart.model.network import Network
from warmstart.planning.compile import compile_plan
from warmstart.planning.plan import PhasePlan
from warmstart.recipe.episodic import Meta
from warmstart.recipe.pretraining import Pretraining


@dataclasses.dataclass(frozen=True)
class MetaTrained:
    """A backbone that was trained on episodes, and what it is worth."""

    trained: Pretrained
    rows: tuple[Row, ...]
    verdict: str
    gain: Interval  # of the method over the best head on the backbone as it was


def meta_train_backbone(
    recipe: Pretraining,
    backbone: Backbone,
    data: RunData,
    *,
    evaluated: int,
    seed: int,
    listener: Listener,
    folder: Path | None = None,
    limit: float | None = None,
    interrupt: Interrupt | None = None,
) -> MetaTrained:
    """Measure what the backbone is worth as it is, train a copy of it on episodes, and measure again.

    Args:
        recipe: one `Meta` step.
        backbone: where training starts.
        data: parts whose classes are disjoint; the test part is measured on.
        evaluated: episodes that are measured on.
        seed: of everything random.
        listener: is told everything.
        folder: keeps checkpoints; what was begun there goes on.
        limit: seconds for all of it; what measuring takes is set aside. None has no end.
        interrupt: flag to stop by.

    Raises:
        RecipeError, DataError, RunError, Interrupted: as `pretrain_backbone` does.
    """
    began = time.monotonic()
    (step,) = recipe.steps
    assert isinstance(step, Meta)
    refuse(step, data)
    before = Network(backbone.clone(), nn.Linear(backbone.out_features, 1))
    (plan,) = compile_plan(recipe, before, data.facts, limits=data.limits).steps
    assert isinstance(plan, PhasePlan)
    exam = Exam(plan, data, episodes=evaluated, seed=seed, listener=listener)
    with seeded(derive(seed, step.name)):
        exam.start(headed(before, step))
    left = None if limit is None else max(0.0, limit - (time.monotonic() - began) - exam.seconds)
    if left is not None:
        listener(Decided(f"{left:.0f} s for training, {exam.seconds:.0f} s set aside to measure {step.method}"))
    trained = pretrain_backbone(
        recipe,
        backbone,
        data,
        seed=seed,
        listener=listener,
        folder=folder,
        deadline=Deadline(left),
        interrupt=interrupt,
    )
    after = headed(Network(trained.backbone, nn.Linear(backbone.out_features, 1)), step)
    after.load_state_dict(trained.beside, strict=False)
    rows = exam.finish(after)
    verdict, gain = exam.verdict()
    if not trained.curve:
        verdict = "nothing was trained: measuring the backbone as it was took all the time; give a longer budget"
    return MetaTrained(trained, rows, verdict, gain)
