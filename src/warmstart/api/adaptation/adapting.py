"""The methods of an `adapt`: which are tried, for how long, what each leaves behind, and which is chosen."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from warmstart.api.finishing.shifted import SAMPLES
from warmstart.data.schema import IntArray
from warmstart.engine.events import Advanced, Decided, Finished, Started
from warmstart.engine.ladder.contender import Contender
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import RecipeRung, evaluation_seconds
from warmstart.engine.run import refuse_training
from warmstart.engine.seeds import some_of
from warmstart.engine.trials.budget import SHARES, USE
from warmstart.engine.trials.contender import Contestant
from warmstart.errors import RecipeError, TrainingError
from warmstart.evaluation.adaptation import REFERENCE, Tried
from warmstart.evaluation.scoring import interval_of
from warmstart.evaluation.similarity import Similarity
from warmstart.model.inputs import weight_of
from warmstart.model.modes import evaluating
from warmstart.model.norms import has_batch_norm
from warmstart.recipe.aligning import Statistics, TargetStep
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.recipe import Recipe
from warmstart.select.adaptation.answers import Answers
from warmstart.select.adaptation.registry import criteria
from warmstart.select.similarity import compare_features
from warmstart.select.similarity.proxy_a import right_share

DEFAULT = (REFERENCE, "probe", "adabn", "mcc")
MOST = 2000
"""Features of the source that a criterion is given, at most: hundreds tell two domains apart."""
MEASURES = ("proxy_a", "mmd", "frechet", "cosine")


def contestants(methods: Sequence[str | Path | Recipe] | None, context: LadderContext) -> list[Contestant]:
    """The methods to try, `source_only` the first of them, whether it was asked for or not.

    Raises:
        RecipeError: a method that there is not, one twice, or one that does not fit the backbone or the data.
    """
    asked: list[str | Path | Recipe] = list(methods) if methods is not None else list(DEFAULT)
    if methods is None and not has_batch_norm(context.backbone.module):
        asked.remove("adabn")
        context.listener(Decided(f"adabn is not tried: {context.backbone.card.name} has no batch normalisation"))
    loaded = [(one, load_recipe(one)) for one in asked]
    if not any(recipe.name.partition("?")[0] == REFERENCE for _, recipe in loaded):
        loaded.insert(0, (REFERENCE, load_recipe(REFERENCE)))
        context.listener(Decided(f"{REFERENCE} is tried too: it is what the others are compared with"))
    names = [recipe.name for _, recipe in loaded]
    if len(set(names)) < len(names):
        raise RecipeError(f"the methods {', '.join(names)}", expected="none twice")
    loaded.sort(key=lambda pair: pair[1].name.partition("?")[0] != REFERENCE)
    uri, network = context.backbone.card.name, context.network()
    for _, recipe in loaded:
        refuse_training(recipe, context.task)
        context.plan(recipe, network)
    return [Contestant(r.name, r.name, uri, r, fixed=not isinstance(a, str) or "?" in a) for a, r in loaded]


def fitted(field: Sequence[Contestant], context: LadderContext, left: float) -> list[RecipeRung]:
    """The methods with as many of their epochs as fit `left` seconds: the same share of each, so that what one has over
    another is not time. One with epochs that the user wrote down keeps them.
    """
    network = context.network()
    for share in SHARES:
        scaled = [one.scaled(share) for one in field]
        expected = sum(context.seconds(one.recipe, network) for one in scaled if one.recipe is not None)
        if expected <= USE * left:
            break
    cut = [
        f"{a.name} from {a.epochs} to {b.epochs}" for a, b in zip(field, scaled, strict=True) if a.epochs != b.epochs
    ]
    if cut:
        context.listener(Decided(f"epochs are cut so that all methods fit the budget: {', '.join(cut)}"))
    context.listener(Decided(f"the methods are expected to take {expected:.0f} s"))
    return [RecipeRung(one.name, one.recipe.about, one.recipe) for one in scaled if one.recipe is not None]


@dataclasses.dataclass(frozen=True)
class Done:
    """A method that was run: what it left behind, and its answers for the target (m, classes)."""

    contender: Contender
    outputs: Tensor


def try_all(
    rungs: Sequence[RecipeRung], context: LadderContext, target: IntArray, reserve: float
) -> tuple[list[Tried], dict[str, Done]]:
    """Run every method that fits the time, and let each criterion see its answers for the target.

    `reserve` seconds must be left for what comes after. The first method is run however little time there is.
    """
    tried: list[Tried] = []
    done: dict[str, Done] = {}
    context.listener(Started("rungs", len(rungs)))
    for rung in rungs:
        context.stop_if_asked(f"method {rung.name}")
        found = _skipped(rung, context, reserve) if done else ""
        if not found:
            try:
                done[rung.name], row = _run(rung, context, target)
                tried.append(row)
            except TrainingError as error:
                if not done:
                    raise
                found = f"failed: {error.found}"
        if found:
            context.listener(Decided(f"{rung.name} {found}"))
            tried.append(Tried(rung.name, rung.about, skipped=found))
        context.listener(Advanced("rungs"))
    context.listener(Finished("rungs"))
    return tried, done


def _skipped(rung: RecipeRung, context: LadderContext, reserve: float) -> str:
    """Why there is no time for a method; empty where there is."""
    looked = context.data.split
    expected = rung.seconds(context) + evaluation_seconds(context, len(looked.val) + len(looked.unlabelled))
    left = context.deadline.left() - reserve
    if expected <= left:
        return ""
    return f"skipped: it needs about {expected:.0f} s and {max(left, 0.0):.0f} s of the budget are left"


def _run(rung: RecipeRung, context: LadderContext, target: IntArray) -> tuple[Done, Tried]:
    context.listener(Started(f"rung {rung.name}"))
    contender = rung.climb(context, {})
    outputs, answers = answers_of(contender, context, target)
    values = {name: criteria[name].score(answers) for name in criteria}
    data, task, held = context.data, context.task, context.data.split.val
    row = Tried(
        rung.name,
        rung.about,
        adapts=any(isinstance(step, TargetStep | Statistics) for step in rung.recipe.steps),
        val=interval_of(task, contender.val_outputs, data.targets(held), context.seed, data.units(held)),
        criteria=values,
        seconds=contender.seconds,
        trained_parameters=contender.trained_parameters,
        answers=tuple(np.bincount(outputs.argmax(1).numpy(), minlength=outputs.shape[1]).tolist()),
        curve=contender.curve,
    )
    context.listener(Finished(f"rung {rung.name}", contender.seconds))
    said = ", ".join(f"{criteria[name].title} {value:.4g}" for name, value in values.items())
    context.listener(Decided(f"{rung.name}, on the target without labels: {said}", values))
    return Done(contender, outputs), row


def answers_of(contender: Contender, context: LadderContext, target: IntArray) -> tuple[Tensor, Answers]:
    """Outputs for the target (m, classes), and what a criterion may see; labels are those of the source alone."""
    data, member = context.data, contender.members[0]
    rng = np.random.default_rng(context.seed)
    train = some_of(rng, data.split.train, MOST)
    held = data.split.val
    features = context.features(member, np.concatenate([target, train, held])).flatten(1)
    with evaluating(member.network), torch.inference_mode():
        rows = features[: len(target)].to(weight_of(member.network).device)
        outputs = member.network.answer(rows).float().cpu()
    losses = functional.cross_entropy(contender.val_outputs.double(), data.targets(held), reduction="none")
    parts = torch.split(features.double(), [len(target), len(train), len(held)])
    seen = (outputs.double(), *parts, losses)
    return outputs.clone(), Answers(*(part.numpy() for part in seen))


def shift_of(context: LadderContext, target: IntArray) -> Similarity | None:
    """How far apart training samples of the source and samples of the target are, in pretrained features; `None` where
    the backbone gives no features of whole inputs.
    """
    if not context.backbone.pools:
        return None
    rng = np.random.default_rng(context.seed)
    a, b = some_of(rng, context.data.split.train, SAMPLES), some_of(rng, target, SAMPLES)
    network, cut = context.network(), len(context.backbone.chain.cuts) - 1
    found = context.activations(network, cut, np.concatenate([a, b])).flatten(1).numpy()
    return compare_features(found[: len(a)], found[len(a) :], only=MEASURES, seed=context.seed)


def words_of_shift(found: Similarity | None) -> str:
    """Whether there is a shift worth adapting to."""
    if found is None:
        return "Whether there is a shift cannot be told: this backbone gives no features of whole inputs."
    told, p = found.measure("proxy_a").interval, found.measure("mmd").p
    if told is not None:
        how = f"a linear classifier tells them apart in {round(100 * right_share(told.value))} of 100 cases"
    else:
        how = "too few samples to say more" if p is None else f"MMD: p = {p:.3f}"
    if found.strength == "none shown":
        return (
            f"Nothing shows a shift between source and target ({how}): a model of the source should do as it is, and "
            "adapting to the target has little to gain."
        )
    worth = "little to gain" if found.strength == "slight" else "something to adapt to"
    return f"There is a {found.strength} shift between source and target ({how}): there is {worth}."
