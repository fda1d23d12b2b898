"""Runs the steps that train a backbone, and gives it back without any head."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

from torch import Tensor, nn

from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Listener, silent
from warmstart.engine.identity import claim, identity
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.run import run_steps
from warmstart.evaluation.outcome import CurveRow
from warmstart.model.backbone import Backbone
from warmstart.model.network import Network
from warmstart.model.weights import state_sha256
from warmstart.planning.compile import compile_plan
from warmstart.planning.plan import Plan
from warmstart.recipe.pretraining import Pretraining
from warmstart.task.base import task_of


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """A backbone that was trained further, how its loss fell, and why training ended where the time was over."""

    backbone: Backbone
    plan: Plan
    curve: tuple[CurveRow, ...]
    seconds: float
    stopped: str = ""
    beside: dict[str, Tensor] = dataclasses.field(default_factory=dict)  # what it was trained with, and has not kept


def pretrain_backbone(
    recipe: Pretraining,
    backbone: Backbone,
    data: RunData,
    *,
    seed: int = 0,
    listener: Listener = silent,
    folder: Path | None = None,
    deadline: Deadline | None = None,
    interrupt: Interrupt | None = None,
) -> Pretrained:
    """Run `recipe` on a copy of `backbone`; the one given is not changed.

    Args:
        recipe: its steps.
        backbone: where training starts.
        data: to learn from, with validation samples whose loss says which weights are kept.
        seed: of everything random.
        listener: is told everything.
        folder: keeps checkpoints; what was begun there goes on.
        deadline: no step trains beyond it; the result is the best so far.
        interrupt: flag to stop by.

    Raises:
        RecipeError: the recipe does not fit the backbone or the data.
        RunError: `folder` holds a run of another configuration, or cannot be written.
        Interrupted: stopped by the user; what is done is saved.
    """
    copy = backbone.clone()
    network = Network(copy, nn.Linear(copy.out_features, 1))  # what a network has to have; it stays as it is
    plan = compile_plan(recipe, network, data.facts, limits=data.limits)
    if folder is not None:
        claim(folder, identity(recipe, plan, data, network, seed))
    began = time.monotonic()
    flag, end = interrupt or Interrupt(), deadline or Deadline(None)
    context = Context(task_of(data.dataset.target), seed, recipe.name, listener, folder, end, flag)
    state = run_steps(plan, network, data, context)
    state.begin("best")
    card = dataclasses.replace(copy.card, weights_sha256=state_sha256(copy.module.state_dict()))
    trained = dataclasses.replace(copy, card=card)
    return Pretrained(trained, plan, state.curve, time.monotonic() - began, state.stopped, state.beside)
