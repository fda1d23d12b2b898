"""Which rungs a `fit` climbs, from the number of labels, the size of the images and the time there is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from warmstart.data.targets import AnomalyTarget
from warmstart.engine.events import Decided
from warmstart.engine.heads.anomaly import DEFAULT, DISTANCES, distances
from warmstart.engine.ladder.alone import SINGLE, AloneRung
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.gate import FEW as FEW_VALIDATION
from warmstart.engine.ladder.mixtures import AverageRung, EnsembleRung
from warmstart.engine.ladder.rungs import FromRung, RecipeRung, Rung
from warmstart.engine.ladder.simple import default_simple, simple_rungs
from warmstart.errors import RecipeError
from warmstart.model.detect.base import Detector
from warmstart.model.network import Network
from warmstart.model.norms import has_batch_norm
from warmstart.model.uri import Uri
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import GradientStep
from warmstart.recipe.recipe import Recipe

SCRATCH_SHARE, TUNE_SHARE, LIGHT_SHARE, SIMPLE_SHARE = 0.2, 0.35, 0.1, 0.1
"""Shares of the time left that training from scratch, the tune and the parameter-efficient tune may take, and a second
simple baseline."""

DEPTHS = (0.4, 0.55, 0.7, 0.85)
"""Shares of the blocks that stay frozen, deepest tune first; the first that fits the time is taken. What lies below is
general (Yosinski et al. 2014), and its activations are computed once."""

EPOCHS = {"image": (6, 4), "text": (6, 4, 2), "series": (20, 10)}
"""Epochs, the preferred number first; more gained nothing on Fashion-MNIST and cost as much again. Texts are tuned a
little rather than not at all (ULMFiT, Howard and Ruder 2018, table 7: the last layer alone has twice the error)."""

WRITING_RATE, WRITING_EPOCHS = 3e-4, (30, 20, 10, 6, 4, 2, 1)
"""AdamW's rate and the epochs of models that write: T5 is mostly tuned at 1e-4 to 1e-3, GPT-2 at 5e-5 to 3e-4.
Validation keeps the best epoch."""
CONTRASTED = 200
"""Training texts below which they are contrasted: with 8 labels per class of BBC News it reached 94.1 %, LP-FT 90.7 %,
the probe 90.1 % (minilm, 128 tokens, 5 draws), and was the best in each draw."""
TAG_RATE = 3e-4
"""AdamW's rate for all blocks where words are tagged (minilm, 200 sentences)."""
HEAD_SHARE, WHOLE_SHARE = 0.25, 0.6
"""Of the time left, that tuning the head that writes may take, and everything."""

MAPS_BATCH, MAPS_VIEWS, MAPS_DECAY = 8, 4, 0.75
"""Of boxes and masks: images in a batch, stored views of each, and the rate of a block beside that of the one above."""
MAPS_HEAD_RATE, MAPS_HEAD_EPOCHS, MAPS_HEAD_SHARE = 1e-3, (40, 25, 15, 8, 4, 2), 0.35
"""AdamW's rate for a new decoder (`Detector.rate` for detectors), its epochs, the share of the time left."""
MAPS_RATES, MAPS_EPOCHS, MAPS_SHARE = {True: 3e-4, False: 1e-4}, (30, 20, 12, 6, 3), 0.6
"""Of the tune that follows, by whether the backbone has batch normalisation (see `RATES`). It starts at the first block
where there is time."""

_SHARING = ("lp_ft", "finetune")
"""Rungs of the ladder in which tasks share what is trained; the first is done for each task alone too."""

EVERY = ("probe", "lp_ft", "bias_only")
"""Members of an ensemble; with few validation samples only the two that were tried there, see `FEW_VALIDATION`."""

FEW = 500
"""Training samples below which a tune takes smaller steps, because it takes few of them."""

RATES = {(True, False): 1e-3, (True, True): 3e-4, (False, False): 1e-4, (False, True): 3e-5}
"""AdamW's rate for the last block, by (batch normalisation, few samples). EfficientNet-Lite0 on held
out Fashion-MNIST training images: from 800 labels 1e-3 reached 89.3 %, 3e-4 88.2 %, the probe 85.7 %; from 100 labels
1e-3 75.4 %, 3e-4 79.2 %, the probe 77.8 %. Transformers want less (Kumar et al. 2022)."""


def default_rungs(context: LadderContext, baseline: str, reserve: float) -> list[Rung]:
    """The ladder: a baseline, the probe, LP-FT, the average of the two, a parameter-efficient tune, an ensemble."""
    time = Time(context, reserve)
    if baseline == SINGLE:
        rungs = default_rungs(context, "simple", reserve)
        twins = [rung for rung in rungs if isinstance(rung, RecipeRung) and rung.name in _SHARING]
        return [*rungs, *(AloneRung(rung) for rung in twins[:1])]
    if context.task.name == "anomaly":
        return [*_baseline(baseline, time), *_by_distance(context)]
    if context.backbone.maps is not None:
        return [*_baseline(baseline, time), *_on_maps(time)]
    if not context.task.closed_form:
        return [*_baseline(baseline, time), *_by_gradient(time)]
    if not context.backbone.card.parameters:  # there is nothing to tune
        return [*_baseline(baseline, time), _probe(context)]
    epochs, lr = EPOCHS[context.data.spec.kind], _rate(context)
    options = [{"from_block": d, "epochs": n, "lr": lr} for d in _starts(context) for n in epochs]
    tunes = [load_recipe("lp_ft", **option) for option in options]
    lights = [load_recipe("bias_only", **option) for option in options]
    return [
        *_baseline(baseline, time),
        _probe(context),
        *(_whole(time, epochs) if context.task.name == "tag" else []),
        *_tuned("lp_ft", "probe, then tuning from it", tunes, TUNE_SHARE, time),
        AverageRung("lp_ft"),
        *(_contrastive(time, epochs) if _few_texts(context) else []),
        *_tuned("bias_only", "only biases, normalisation scales and the head tuned", lights, LIGHT_SHARE, time),
        EnsembleRung(("probe", "lp_ft") if len(context.data.split.val) < FEW_VALIDATION else EVERY),
    ]


def _by_gradient(time: Time) -> list[Rung]:
    """Where no head is fitted in closed form: the head alone on frozen features, then everything."""
    options = {"lr": WRITING_RATE, "head": 1.0}
    alone = [load_recipe("head_only", epochs=n, lr=WRITING_RATE) for n in WRITING_EPOCHS]
    whole = [load_recipe("finetune", from_block=0, epochs=n, **options) for n in WRITING_EPOCHS]
    return [
        RecipeRung("head_only", "only the head that writes tuned, on frozen features", time.best(alone, HEAD_SHARE)),
        RecipeRung("finetune", "everything tuned", time.best(whole, WHOLE_SHARE)),
    ]


def _on_maps(time: Time) -> list[Rung]:
    """Of boxes and masks: a head alone on frozen maps, which are stored, then everything from there on."""
    head = time.context.network().head
    lr = head.rate if isinstance(head, Detector) else MAPS_HEAD_RATE
    heads = [
        load_recipe("head_only", epochs=n, lr=lr, batch_size=MAPS_BATCH, augment="light", views=MAPS_VIEWS)
        for n in MAPS_HEAD_EPOCHS
    ]
    rate = MAPS_RATES[has_batch_norm(time.context.backbone.module)]
    tunes = [
        load_recipe(
            "finetune",
            from_block=start,
            epochs=n,
            lr=rate,
            head=1.0,
            layer_decay=MAPS_DECAY,
            batch_size=MAPS_BATCH,
            augment="light",
        )
        for start in (0, *_starts(time.context)[::-1])
        for n in MAPS_EPOCHS
    ]
    named = [_phase_named(recipe, "head") for recipe in heads]
    return [
        RecipeRung("head_only", "only the head trained, on frozen feature maps", time.best(named, MAPS_HEAD_SHARE)),
        FromRung(
            "finetune",
            "the backbone tuned too, from that head, lower blocks more slowly",
            time.best(tunes, MAPS_SHARE),
            start="head_only",
        ),
    ]


def _phase_named(recipe: Recipe, name: str) -> Recipe:
    """With its one phase named apart from those of what is trained on from it."""
    (phase,) = recipe.steps
    return recipe.model_copy(update={"steps": (phase.model_copy(update={"name": name}),)})


def _by_distance(context: LadderContext) -> list[Rung]:
    """The default distance, and where validation can tell which is better, the others."""
    names = [name for name in distances if name != DEFAULT] if _choosable(context) else []
    others = [load_recipe("probe", heads=(name,)).model_copy(update={"name": name}) for name in names]
    return [
        _probe(context),
        *(RecipeRung(one.name, f"{DISTANCES[one.name]} of frozen features", one) for one in others),
    ]


def _choosable(context: LadderContext) -> bool:
    target = context.data.dataset.target
    return isinstance(target, AnomalyTarget) and target.choosable


def _few_texts(context: LadderContext) -> bool:
    return (
        context.task.name == "classify"
        and context.data.spec.kind == "text"
        and len(context.data.split.train) < CONTRASTED
        and int(np.bincount(context.data.targets(context.data.split.train).numpy()).max()) > 1
    )


def _contrastive(time: Time, epochs: Sequence[int]) -> list[Rung]:
    options = [load_recipe("contrastive", epochs=n) for n in (10, *epochs)]
    about = "features of a class drawn together, then a head"
    return _tuned("contrastive", about, options, TUNE_SHARE, time, favoured=True)


def _whole(time: Time, epochs: Sequence[int]) -> list[Rung]:
    """Of words, which mean what their neighbours make of them, more than the upper blocks have to learn: on sentences
    whose names training had not seen, tuning everything from a new head reached an entity F1 of .978, LP-FT .865.
    """
    options = [load_recipe("finetune", from_block=0, epochs=n, lr=TAG_RATE, head=1.0) for n in epochs]
    return _tuned("finetune", "everything tuned from a new head", options, TUNE_SHARE, time)


def _tuned(
    name: str, about: str, options: list[Recipe], share: float, time: Time, *, favoured: bool = False
) -> list[Rung]:
    """The rung with the best of its options; none where the network has nothing that they would train."""
    network = time.context.network()
    fitting = [option for option in options if _fits(option, network, time.context)]
    return [RecipeRung(name, about, time.best(fitting, share), favoured=favoured)] if fitting else []


def _fits(recipe: Recipe, network: Network, context: LadderContext) -> bool:
    try:
        context.seconds(recipe, network)
    except RecipeError:
        return False
    return True


def recipe_rungs(chosen: Recipe, baseline: str, context: LadderContext, reserve: float) -> list[Rung]:
    """What the user asked for, beside a baseline and the probe to compare it with."""
    asked = RecipeRung(chosen.name, chosen.about, chosen)
    if baseline == SINGLE:
        return [*recipe_rungs(chosen, "simple", context, reserve), AloneRung(asked)]
    before = [*_baseline(baseline, Time(context, reserve)), *([_probe(context)] if context.task.closed_form else [])]
    return [*(rung for rung in before if rung.name != chosen.name), asked]


def _starts(context: LadderContext) -> list[int]:
    """Blocks from which a tune may start, deepest first; the head alone is the probe's business."""
    blocks = len(context.backbone.chain.blocks)
    return list(dict.fromkeys(min(math.ceil(share * blocks), blocks - 1) for share in DEPTHS))


def _rate(context: LadderContext) -> float:
    return RATES[has_batch_norm(context.backbone.module), len(context.data.split.train) < FEW]


def _probe(context: LadderContext) -> RecipeRung:
    if context.task.name == "anomaly":
        return RecipeRung("probe", f"{DISTANCES[DEFAULT]} of frozen features", load_recipe("probe"))
    counted = not context.backbone.card.parameters  # thousands of shares rather than some features that were learned
    recipe = load_recipe("probe", heads=("wide",)) if counted else load_recipe("probe")
    return RecipeRung("probe", "a linear head on frozen features", recipe)


def _baseline(baseline: str, time: Time) -> list[Rung]:
    if baseline == "simple" and time.context.backbone.maps is not None:
        why = "there is no simple baseline of boxes and masks; --baseline scratch trains the same network from nothing"
        time.context.listener(Decided(why))
        return []
    if baseline == "simple":
        kind, task = time.context.data.spec.kind, time.context.task.name
        kinds, own = default_simple(kind, task), Uri.of(time.context.backbone.card.name).scheme
        if any(rung.name == own for rung in kinds):  # the backbone is itself what would be compared with
            kinds = (simple_rungs(kind, task)[-1], *(rung for rung in kinds if rung.name != own))
        first, *more = [cast(Rung, rung()) for rung in kinds]
        if task == "anomaly":
            first.about = f"no transfer: {DISTANCES[DEFAULT]}, {'TF-IDF' if first.name == 'tfidf' else 'raw values'}"
        if task == "forecast":  # they take next to nothing, and are what any forecast is told beside
            return [first, *more]
        return [first, *(rung for rung in more if time.fits(rung.seconds(time.context), SIMPLE_SHARE))]
    if baseline == "scratch":
        how: dict[str, Any] = {"augment": "none"}
        if time.context.backbone.maps is not None:  # as what it is compared with
            how = {"augment": "light", "batch_size": MAPS_BATCH}
        recipe = time.best([load_recipe("scratch", epochs=n, **how) for n in (60, 40, 30, 20, 15, 10)], SCRATCH_SHARE)
        return [
            RecipeRung(
                "scratch", "no transfer: all weights drawn anew, trained on the training part", recipe, "baseline"
            )
        ]
    return []


def of_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The recipe with so many epochs in each of its phases."""
    steps = [
        step.model_copy(update={"epochs": epochs}) if isinstance(step, GradientStep) else step for step in recipe.steps
    ]
    return recipe.model_copy(update={"steps": tuple(steps)})


@dataclasses.dataclass(frozen=True)
class Time:
    """What fits into the time there is. `reserve` seconds are not to be spent."""

    context: LadderContext
    reserve: float

    def fits(self, seconds: float, share: float) -> bool:
        """Whether so many are within `share` of what is left."""
        return seconds <= share * max(0.0, self.context.deadline.left() - self.reserve)

    def best(self, options: list[Recipe], share: float) -> Recipe:
        """The first option whose expected time is within `share` of what is left; the last one if none is.

        The ladder asks again before it starts a rung, and skips it, saying so, if there is no time for it then.
        """
        network, allowed = self.context.network(), share * max(0.0, self.context.deadline.left() - self.reserve)
        fitting = (option for option in options if self.context.seconds(option, network) <= allowed)
        return next(fitting, options[-1])

    def longest(self, recipe: Recipe, epochs: Sequence[int], share: float) -> Recipe:
        """The recipe with the first of these numbers of epochs for which there is time, as `best` has it."""
        return self.best([of_epochs(recipe, number) for number in epochs], share)
