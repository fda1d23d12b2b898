"""Further pretraining of a text backbone as a step."""

from __future__ import annotations

import dataclasses

import numpy as np

from warmstart.data.schema import IntArray, Sample
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided
from warmstart.engine.pretraining import Hiding, TokenLoss, TokenNetwork, TokenStepper
from warmstart.engine.seeds import derive
from warmstart.engine.state import RunState
from warmstart.engine.stepper import Stepper
from warmstart.engine.steps.gradients import backbone_trained, train
from warmstart.engine.steps.registry import Making
from warmstart.model.network import Network
from warmstart.model.text.objective import chosen_objective
from warmstart.model.text.token_head import token_head
from warmstart.planning.plan import ParamGroup, PhasePlan, StepPlan
from warmstart.recipe.of_backbone import Pretrain

PART = "tokens"
"""Of the parameters that turn features into tokens, beside the backbone and the head."""


def run(state: RunState, plan: StepPlan, data: RunData, context: Context) -> RunState:
    """Train the backbone on the texts. The head stays as it is: a later step fits it."""
    assert isinstance(plan, PhasePlan)
    assert isinstance(plan.phase, Pretrain)
    name, step = plan.phase.name, plan.phase
    state.begin(step.start)
    objective = chosen_objective(step.objective, state.network.facts)  # as in the plan
    head, came = token_head(state.network.facts, objective, seed=derive(context.seed, name))
    network = TokenNetwork(state.network, head)
    texts = from_all(data)
    whence = "which came with the weights" if came else "which is new"
    text = f"{name}: {len(texts.split.train)} texts, {objective}, with a head for tokens {whence}"
    context.listener(Decided(text, {"texts": len(texts.split.train), "objective": objective, "new_head": not came}))
    whole = with_tokens(plan, network, None if came else step.head_lr)
    alone = None if came else head_alone(whole, network)
    results = [
        train(network, part, texts, state, _in_folder(context, folder))
        for folder, part in (("head", alone), ("all", whole))
        if part is not None
    ]
    return backbone_trained(state, *results)


def stepper(making: Making) -> Stepper:
    """One that tells tokens."""
    step = making.phase
    assert isinstance(step, Pretrain)
    assert isinstance(making.network, TokenNetwork), "what runs the step reads the network token by token"
    hiding = Hiding.of(making.network, chosen_objective(step.objective, making.network.facts), step.masked)
    return TokenStepper(**making.parts, objective=TokenLoss(making.network.tokens), data=making.data, hiding=hiding)


def _in_folder(context: Context, name: str) -> Context:
    return dataclasses.replace(context, folder=None if context.folder is None else context.folder / name)


def with_tokens(plan: PhasePlan, network: Network, rate: float | None) -> PhasePlan:
    """The plan for the network with what turns features into tokens, at `rate` or else the highest of the others."""
    fastest = max(plan.groups, key=lambda group: group.rate * group.scale if group.rate != "auto" else np.inf)
    known = {name for group in plan.groups for name in group.parameters} | set(plan.frozen)
    groups = list(plan.groups)
    new = {name: p for name, p in network.named_parameters() if name not in known}  # what is tied is the backbone's
    for flat in (False, True):
        members = {name: p for name, p in new.items() if (p.ndim <= 1) == flat}
        if members:
            group = ParamGroup(
                pattern=PART,
                block=PART,
                rate=fastest.rate if rate is None else rate,
                scale=fastest.scale if rate is None else 1.0,
                weight_decay=0.0 if flat else plan.phase.weight_decay,
                parameters=tuple(members),
                numel=sum(p.numel() for p in members.values()),
            )
            groups.append(group)
    return dataclasses.replace(plan, groups=tuple(groups))


def head_alone(plan: PhasePlan, network: TokenNetwork) -> PhasePlan | None:
    """The epochs of a new head before the backbone learns; `None` if there is nothing new, or no such epochs."""
    assert isinstance(plan.phase, Pretrain)
    new = tuple(group for group in plan.groups if group.block == PART)
    if not new or not plan.phase.head_epochs:
        return None
    names = {name for group in new for name in group.parameters}
    return dataclasses.replace(
        plan,
        phase=plan.phase.model_copy(update={"name": f"{plan.phase.name} head", "epochs": plan.phase.head_epochs}),
        groups=new,
        frozen=tuple(name for name, _ in network.named_parameters() if name not in names),
        cut=len(network.facts.chain) - 1,
        eval_modules=tuple(name for name, _ in network.named_modules() if name.split(".")[0] in ("backbone", "head")),
    )


def from_all(data: RunData) -> RunData:
    """The data with the unlabelled samples among those to train on, but for copies of what is held out."""
    samples, split = data.dataset.samples, data.split
    held_out = {_words(samples[i]) for part in (split.val, split.test) for i in part}
    more: IntArray = np.array([i for i in split.unlabelled if _words(samples[i]) not in held_out], dtype=np.int64)
    return dataclasses.replace(data, split=dataclasses.replace(split, train=np.concatenate([split.train, more])))


def _words(sample: Sample) -> str:
    """What two copies have in common."""
    return " ".join(str(sample.source).casefold().split())
