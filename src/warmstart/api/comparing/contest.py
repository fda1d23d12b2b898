"""What a `compare` is made of: data, folds and contestants. The same options give the same, in whatever process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from warmstart.api.inputs.options import how_read
from warmstart.api.inputs.prepare import Decoded, activation_store, backbone_at, read_whole
from warmstart.api.running.budget import cache_limits
from warmstart.api.running.pace import set_pace
from warmstart.api.running.rungs import MAPS_BATCH
from warmstart.data.schema import Dataset, Split
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Decided, Listener
from warmstart.engine.ladder.alone import SINGLE
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.rungs import RecipeRung
from warmstart.engine.ladder.simple import SIMPLE, simple_rungs
from warmstart.engine.run import refuse_training
from warmstart.engine.trials.contender import Contestant
from warmstart.engine.trials.folds import Fold, Folds, make_folds
from warmstart.errors import DataError, RecipeError
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.recipe import Recipe
from warmstart.task.base import task_of

ALONE = f"{SINGLE}:"
"""Before the name of a method that is to train each of several tasks alone."""


@dataclasses.dataclass(frozen=True)
class Contest:
    """Everything that a trial needs. `contexts` are by backbone as the user named it; none is ever trained itself."""

    contexts: dict[str, LadderContext]
    folds: Folds
    contestants: tuple[Contestant, ...]
    first: Decoded
    """The data as the first backbone sees them."""

    def held(self) -> int:
        """Samples that a fold holds out, on average."""
        return sum(len(fold.split.test) for fold in self.folds.every) // len(self.folds.every)

    def pricing(self) -> Callable[[Contestant], float]:
        """A function that gives the expected time of one trial; a network is made once per backbone for all of them."""
        networks = {uri: context.network() for uri, context in self.contexts.items()}

        def seconds(contestant: Contestant) -> float:
            context = self.contexts[contestant.backbone]
            data = dataclasses.replace(context.data, split=self.folds.every[-1].split)
            inner = dataclasses.replace(context, data=data)
            return contestant.seconds(inner, networks[contestant.backbone], self.held())

        return seconds

    def share(self, contestants: Sequence[Contestant], fold: Fold) -> None:
        """Compute in one pass per backbone the activations that several trials will ask for."""
        for uri, context in self.contexts.items():
            inner = dataclasses.replace(context, data=dataclasses.replace(context.data, split=fold.split))
            rungs = [one.rung for one in contestants if one.backbone == uri]
            cuts = {cut for rung in rungs if isinstance(rung, RecipeRung) for cut in rung.cuts(inner)}
            if cuts:
                context.prefetch(cuts, context.data.split.train)


def contestants_of(methods: Sequence[str | Path | Recipe], backbones: Sequence[str]) -> tuple[Contestant, ...]:
    """Every method on every backbone, named as short as they can be told apart; what needs no backbone, `pixels` or
    `tfidf`, is one.

    Raises:
        RecipeError: no method, a method or backbone twice, or one that there is not.
    """
    recipes = [(_name(method), _recipe(method)) for method in methods]
    names = [_called(asked, recipe) for asked, recipe in recipes]
    for what, given in (("method", names), ("backbone", list(backbones))):
        if not given or len(set(given)) < len(given):
            raise RecipeError(
                f"the {what}s {', '.join(given) or '(none)'}", expected=f"at least one {what}, none twice"
            )
    found: list[Contestant] = []
    for (asked, recipe), name in zip(recipes, names, strict=True):
        for backbone in backbones[:1] if recipe is None else backbones:
            several = len(backbones) > 1 and recipe is not None
            alone = asked.startswith(ALONE)
            written = "?" in asked or not isinstance(asked, str) or asked.endswith((".yaml", ".yml"))
            found.append(
                Contestant(
                    f"{name} on {backbone}" if several else name, name, backbone, recipe, fixed=written, alone=alone
                )
            )
    return tuple(found)


def _recipe(method: str | Path | Recipe) -> Recipe | None:
    """That of a method; `None` of one without a network."""
    if method in SIMPLE:
        return None
    return load_recipe(method.removeprefix(ALONE) if isinstance(method, str) else method)


def _called(asked: str, recipe: Recipe | None) -> str:
    if recipe is None:
        return asked
    return f"{ALONE}{recipe.name}" if asked.startswith(ALONE) else recipe.name


def _check_alone(contestants: Sequence[Contestant], task: str) -> None:
    """Raise `RecipeError` for a method that is to train each task alone where there is one."""
    for one in contestants:
        if one.alone and task != "several":
            raise RecipeError(
                f"the method {one.method} trains each of several tasks alone, and the task is {task}",
                expected="a column of labels for each task",
                do=f"write {one.method.removeprefix(ALONE)}, or name more columns with --label-column",
            )


def _check_simple(contestants: Sequence[Contestant], uri: str, simple: Sequence[str]) -> None:
    """Raise `RecipeError` for a method without a network that is none for such data."""
    for one in contestants:
        if one.recipe is None and one.backbone == uri and one.method not in simple:
            raise RecipeError(f"the method {one.method} on this data", expected=" or ".join(simple))


def _check_anomalies(dataset: Dataset, folds: Folds) -> None:
    """Raise `DataError` where methods are to be compared by the anomalies they find, and a fold has none."""
    kinds = dataset.strata
    if dataset.target.kind == "anomaly" and any(len(set(kinds[f.split.test].tolist())) < 2 for f in folds.every):
        raise DataError(
            f"{int((kinds == 1).sum())} anomalies and {int((kinds == 0).sum())} normal samples in "
            f"{len(folds.every)} folds, not both in each",
            expected="some of both held out in each fold: methods are compared by telling them apart",
            do="label some more, or take fewer folds",
        )


def _name(method: str | Path | Recipe) -> str:
    return f"{method.name}?" if isinstance(method, Recipe) else str(method)


def contest(
    data: Any,
    contestants: tuple[Contestant, ...],
    options: dict[str, Any],
    *,
    folder: Path,
    cache: str | Path | None,
    deadline: Deadline,
    listener: Listener,
) -> Contest:
    """Read the data as each backbone is to see them, measure the machine, and deal the folds."""
    limits = cache_limits(options["cache_budget"], options["cache_dtype"])
    store = activation_store(cache, limits)
    contexts: dict[str, LadderContext] = {}
    first: Decoded | None = None
    folds: Folds | None = None
    seeds = tuple(range(options["seed"], options["seed"] + options["seeds"]))
    for number, uri in enumerate(dict.fromkeys(one.backbone for one in contestants)):
        accepted = bool(options["accept_licence"])
        backbone = backbone_at(uri, options["size"], options["seed"], accept_licence=accepted)
        whole = read_whole(data, backbone, listener=listener, cache=cache, limits=limits, **how_read(options))
        target = whole.dataset.target
        _check_alone(contestants, target.kind)
        for one in contestants:
            if one.recipe is not None and one.backbone == uri:
                refuse_training(one.recipe, task_of(target))
        _check_simple(contestants, uri, [rung.name for rung in simple_rungs(backbone.spec.kind, target.kind)])
        backbone = whole.backbone
        if backbone.maps is not None:  # as in the ladder: scenes are few, and batches of 32 would be few steps
            contestants = tuple(one.in_batches(MAPS_BATCH) for one in contestants)
        if first is None or folds is None:
            first = whole
            folds = make_folds(whole.dataset, options["folds"], seeds, val=options["val"], alike=whole.alike)
            _check_anomalies(whole.dataset, folds)
            listener(Decided(folds.how))
        split = _pooled(folds)
        given = RunData(whole.dataset, split, whole.store, whole.store.spec, store, limits)
        context = LadderContext(backbone, given, task_of(target), deadline, seed=options["seed"], listener=listener)
        set_pace(context, folder / f"backbone-{number}", len(split.train))
        contexts[uri] = context
    assert first is not None
    assert folds is not None
    return Contest(contexts, folds, contestants, first)


def _pooled(folds: Folds) -> Split:
    """All samples that take part, as one training part."""
    every = np.unique(np.concatenate([np.concatenate([f.split.train, f.split.val, f.split.test]) for f in folds.every]))
    return Split(every, every[:0], every[:0], folds.how)
