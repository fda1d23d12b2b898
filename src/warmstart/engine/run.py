"""Runs a recipe: edits, plan, then one step after another; what is finished is loaded, what was begun goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
from pathlib import Path

import torch

from warmstart.engine import finished
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Listener, silent
from warmstart.engine.finished import RecipeResult, trained_parameters
from warmstart.engine.freeze import release
from warmstart.engine.from_data import learn_from
from warmstart.engine.identity import claim, identity
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.several import refuse_for_several
from warmstart.engine.state import RunState
from warmstart.engine.steps.registry import kind_of, name_of, steps
from warmstart.engine.training import copied
from warmstart.errors import Interrupted, RecipeError
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.device import chosen
from warmstart.model.low_rank import merge
from warmstart.model.network import Network
from warmstart.planning.compile import compile_plan
from warmstart.planning.cost import SpeedFacts
from warmstart.planning.edited import edited
from warmstart.planning.plan import PhasePlan, Plan, StepPlan
from warmstart.recipe.distilling import Distill
from warmstart.recipe.of_backbone import BackboneStep
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import ClosedForm
from warmstart.task.base import Task


def run_recipe(
    recipe: Recipe,
    network: Network,
    data: RunData,
    *,
    task: Task,
    seed: int = 0,
    rung: str = "",
    listener: Listener = silent,
    folder: Path | None = None,
    deadline: Deadline | None = None,
    interrupt: Interrupt | None = None,
    speed: SpeedFacts | None = None,
) -> RecipeResult:
    """Run `recipe` on a copy of `network`, on the device at hand; the network given is not changed.

    Args:
        recipe: what to do.
        network: pretrained backbone and a fresh head.
        data: what to train and validate on.
        task: head, loss and metrics.
        seed: of everything random.
        rung: name of the run in events; the recipe's name if not given.
        listener: is told everything.
        folder: keeps checkpoints. A finished run found there is loaded, an unfinished one goes on; None keeps nothing.
        deadline: no step trains beyond it; the result is the best so far.
        interrupt: flag to stop by; if None, SIGINT and SIGTERM are caught for the length of the run.
        speed: of this machine, for the plan's estimates.

    Raises:
        RecipeError: the recipe trains what has nothing to train.
        RunError: `folder` holds a run of another configuration, or cannot be written.
        Interrupted: stopped by the user; what is done is saved.
        TrainingError: training does not stay finite, or one sample does not fit into memory.
    """
    refuse_training(recipe, task, taught=data.taught is not None)
    network = edited(network.clone(), recipe.edits, seed=seed)
    network.to(chosen())
    plan = compile_plan(recipe, network, data.facts, speed=speed, limits=data.limits)
    if folder is not None:
        claim(folder, identity(recipe, plan, data, network, seed))
        found = finished.load(folder, network, plan)
        if found is not None:
            listener(Decided(f"{rung or recipe.name}: finished before, loaded from {folder}"))
            return found
    began = time.monotonic()
    learn_from(data, network.facts, seed, listener)
    with contextlib.ExitStack() as stack:
        flag = interrupt if interrupt is not None else stack.enter_context(Interrupt())
        context = Context(task, seed, rung or recipe.name, listener, folder, deadline or Deadline(None), flag)
        state = run_steps(plan, network, data, context)
    result = _result(state, plan, data, context, began)
    if folder is not None:
        finished.save(folder, result)
    return result


def refuse_training(recipe: Recipe, task: Task, *, taught: bool = False) -> None:
    """Raise `RecipeError` for a recipe that does more than fit a head, where the task has heads of distances alone, for
    one that does to images what makes no sense of what is marked in them, and for one that wants a teacher where a run
    is not `taught`.
    """
    refuse_for_several(recipe, task)
    if not taught and (odd := [step for step in recipe.steps if isinstance(step, Distill)]):
        raise RecipeError(
            f"{odd[0].kind} {odd[0].name!r} learns from a teacher, and there is none",
            expected="a bundle whose answers are learned",
            do="warmstart distill BUNDLE DATA --backbone NAME; or leave the step out of the recipe",
        )
    if task.name in ("detect", "segment"):
        _refuse_for_scenes(recipe, task)
    if task.name == "anomaly" and not all(isinstance(step, ClosedForm) for step in recipe.steps):
        raise RecipeError(
            f"the recipe {recipe.name} trains, and anomalies are told by distances, in which there is nothing to train",
            expected="a recipe that fits a head on frozen features",
            do="take probe, probe?heads=mahalanobis, or none",
        )


def _refuse_for_scenes(recipe: Recipe, task: Task) -> None:
    for step in recipe.steps:
        if isinstance(step, Phase):
            asked = {"mixup": step.mixup > 0, "cutmix": step.cutmix > 0}
            if task.name == "detect":
                asked |= {
                    "label_smoothing": step.label_smoothing not in (0, "auto"),
                    "class_weights": step.class_weights != "none",
                }
            if found := [name for name, there in asked.items() if there]:
                what = "boxes" if task.name == "detect" else "masks"
                raise RecipeError(
                    f"{step.kind} {step.name!r} has {' and '.join(found)}, and what is learned are {what}",
                    expected=f"a recipe without {' and '.join(found)}",
                    do=f"leave {' and '.join(found)} out of the recipe; augment=light or standard varies images",
                )
        elif isinstance(step, BackboneStep):
            raise RecipeError(
                f"{step.kind} {step.name!r} learns from features of whole images, and a backbone that marks gives maps",
                expected="a recipe of phases",
                do="take head_only, finetune, gradual or lora",
            )


def run_steps(plan: Plan, network: Network, data: RunData, context: Context) -> RunState:
    """All steps in order, each with a checkpoint folder of its own."""
    start = copied(network)
    state = RunState(network, last=start, best=start, start=start)
    for index, step in enumerate(plan.steps):
        if context.interrupt.stopped:
            raise Interrupted(f"stopped before step {name_of(step)}")
        slug = re.sub(r"[^a-z0-9]+", "-", name_of(step).lower()).strip("-")
        folder = context.folder / f"step-{index}-{slug}" if context.folder is not None else None
        tuned = any(_through_head(later) for later in plan.steps[index + 1 :])
        state = steps[kind_of(step)](state, step, data, dataclasses.replace(context, folder=folder, tuned=tuned))
    return state


def _through_head(step: StepPlan) -> bool:
    """Whether its gradients pass through the head."""
    return isinstance(step, PhasePlan) and not isinstance(step.phase, BackboneStep)


def _result(state: RunState, plan: Plan, data: RunData, context: Context, began: float) -> RecipeResult:
    state.begin("best")
    release(state.network)
    trained = trained_parameters(state.network, plan)
    merge(state.network)
    size = plan.steps[-1].size
    targets = data.targets(data.split.val, size)
    outputs, metrics = state.val_outputs, {}
    if not len(targets):
        outputs = torch.empty(0, len(data.dataset.target.classes))
    elif outputs is None:
        outputs = predict_outputs(state.network, data.inputs(size), data.split.val)
    if len(targets):
        metrics = context.task.metrics(outputs, targets)
    seconds = time.monotonic() - began
    return RecipeResult(
        state.network, plan, state.curve, outputs, metrics, seconds, trained, state.stopped, state.left_out
    )
