"""Recipe x network x data -> plan. Pure: the network's names and shapes are read, and nothing on it is changed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from warmstart.errors import DataError, RecipeError
from warmstart.model.network import Network
from warmstart.model.text.objective import chosen_objective
from warmstart.planning.caching import plan_ahead, plan_cache, plan_features
from warmstart.planning.cost import Costs, SpeedFacts
from warmstart.planning.groups import group_parameters, trained_per_block
from warmstart.planning.modes import eval_modules, is_still
from warmstart.planning.plan import (
    AveragePlan,
    BlockPlan,
    CacheLimits,
    DataFacts,
    HeadPlan,
    ParamGroup,
    PhasePlan,
    Plan,
    StatisticsPlan,
    StepPlan,
)
from warmstart.planning.target import check_target, others, own
from warmstart.preprocess.kinds import PLURAL, UNIT, Kind
from warmstart.recipe.aligning import Align, SelfTrain, SourceFree, Statistics, TargetStep
from warmstart.recipe.episodic import Meta
from warmstart.recipe.of_backbone import Masked, Pretrain, Views
from warmstart.recipe.phase import SMOOTHING, GradientStep, Phase
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import Average, ClosedForm, Step

DEFAULT = CacheLimits()


def compile_plan(
    recipe: Recipe,
    network: Network,
    data: DataFacts,
    *,
    speed: SpeedFacts | None = None,
    limits: CacheLimits = DEFAULT,
) -> Plan:
    """Every decision that follows from the three.

    Args:
        recipe: what to do.
        network: what to do it to; only names, shapes and the trace are read.
        data: how many samples, classes and pixels.
        speed: of this machine, for the expected times; defaults where not measured.
        limits: what stored activations or pixels may take.

    Raises:
        RecipeError: a rates table does not fit the network, or an image size does not.
        DataError: there is nothing to train on.

    >>> from warmstart.model.catalog import load_backbone
    >>> from warmstart.recipe.methods import load_recipe
    >>> import torch
    >>> backbone = load_backbone("toy")
    >>> network = Network(backbone, torch.nn.Linear(backbone.out_features, 3))
    >>> plan = compile_plan(load_recipe("finetune"), network, DataFacts(train=65, val=20, outputs=3, size=32))
    >>> plan.steps[0].steps_per_epoch, plan.steps[0].cache.what
    (2, 'activations')
    """
    if data.train < 1 and not all(isinstance(step, SourceFree | Statistics) for step in recipe.steps):
        raise DataError(f"{data.name} has no training sample", expected="at least one")
    drafts = [_compile(step, network, data, limits) for step in _steps(recipe, network)]
    costs = Costs(network, data, speed or SpeedFacts(), limits.most)
    steps = tuple(costs.of(step) for step in plan_ahead(drafts, network.facts, limits))
    return Plan(recipe=recipe.name, backbone=network.facts.card.name, data=data, steps=steps)


def _steps(recipe: Recipe, network: Network) -> Sequence[Step]:
    """Those of the recipe. There is no head to be fitted first where it came with its weights, as one that writes, or
    reads feature maps.
    """
    of_maps = network.facts.maps is not None
    if not (of_maps or getattr(network.head, "forced", False)):
        return recipe.steps
    found = [step for step in recipe.steps if not isinstance(step, ClosedForm)]
    if not found:
        which = "one on feature maps" if of_maps else "one that writes"
        raise RecipeError(
            f"recipe {recipe.name!r} fits a head in closed form alone, and {which} is trained by gradients",
            expected="a recipe with a phase of training",
            do="take finetune, or one that `warmstart recipes` lists",
        )
    return found


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Training batches of one pass; a last batch of one sample is merged into the one before (batch norm needs two).

    >>> steps_per_epoch(64, 32), steps_per_epoch(65, 32), steps_per_epoch(66, 32), steps_per_epoch(1, 32)
    (2, 2, 3, 1)
    """
    batches = math.ceil(samples / batch_size)
    return batches - 1 if batches > 1 and samples % batch_size == 1 else batches


def batch_size(phase: GradientStep, samples: int) -> int:
    """Samples in a batch: as many as the phase says, as far as they are there and its `batch_share` goes.

    >>> [batch_size(Phase(batch_size=16, batch_share=0.1), n) for n in (1, 15, 67, 400)]
    [1, 2, 6, 16]
    """
    share = phase.batch_share if isinstance(phase, Phase) else 1.0
    most = max(2, math.floor(share * samples + 1e-9))  # two: statistics of a batch need them
    return min(phase.batch_size, most, samples)


def input_size(size: int | float | None, data: DataFacts, smallest: int) -> int:
    """Input side in pixels: as given, or a share of the run's size to the nearest 32 that is possible.

    >>> facts = DataFacts(train=1, val=1, outputs=2, size=224)
    >>> [input_size(size, facts, 32) for size in (None, 160, 0.5, 1.0)]
    [224, 160, 128, 224]
    """
    if size is None or size == 1:
        return data.size
    if isinstance(size, float):
        return min(max(32 * round(size * data.size / 32), smallest), data.size)
    if size < smallest:
        least = f"{smallest} {UNIT[data.kind]}"
        raise RecipeError(f"{data.kind} size {size}", expected=f"at least {least}, which this network needs")
    return int(size)


def _compile(step: Step, network: Network, data: DataFacts, limits: CacheLimits) -> StepPlan:
    """The step without its costs, which depend on what the steps before it have stored."""
    match step:
        case Pretrain():
            return _pretrain(step, network, data, limits)
        case TargetStep():
            check_target(step, network, data)
            return _phase(step, network, data, limits)
        case Statistics():
            check_target(step, network, data)
            return StatisticsPlan(step, data.size)
        case Masked() | Views():
            return _phase(_fitting(step, data), network, data, limits)
        case GradientStep():
            return _phase(step, network, data, limits)
        case ClosedForm():
            return HeadPlan(step, data.size, plan_features(network.facts, data, data.size))
        case Average():
            return AveragePlan(step, data.size)


def _phase(phase: GradientStep, network: Network, data: DataFacts, limits: CacheLimits) -> PhasePlan:
    chain = network.facts.chain
    phase = phase if data.kind == "image" else _unmixed(phase, data)
    if isinstance(phase, Phase | Align) and phase.label_smoothing == "auto":
        phase = phase.model_copy(update={"label_smoothing": SMOOTHING[data.kind]})
    groups, frozen = group_parameters(phase, network)
    names = {name for group in groups for name in group.parameters}
    trained = {name.removeprefix("backbone.") for name in names if name.startswith("backbone.")}
    cut = 0 if phase.norm == "train_all" else chain.cut_for(trained)
    card = network.facts.card
    if card.fixed_size and phase.size not in (None, 1, data.size):
        raise RecipeError(
            f"{phase.kind} {phase.name!r} asks for {data.noun} of size {phase.size:g}, of a network of one size",
            expected=f"the run's {data.size} {UNIT[data.kind]}",
            do="leave the size out of the recipe; --size gives the whole run another",
        )
    size = input_size(phase.size, data, card.min_size)
    samples = own(phase, data)
    if isinstance(phase, Meta):
        batch, steps = phase.samples, phase.batches
    else:
        batch = batch_size(phase, samples)
        steps = steps_per_epoch(samples, batch)
    still, blocks = _blocks(phase, network, groups, cut)
    if "head" in still and network.facts.maps is not None and getattr(network.head, "forced", False):
        raise RecipeError(
            f"{phase.kind} {phase.name!r} keeps the detector frozen, and its loss comes from it as it trains",
            expected="a rate for the head",
            do="add a row such as head: 1e-5 to the rates",
        )
    return PhasePlan(
        phase=phase,
        groups=groups,
        frozen=frozen,
        blocks=blocks,
        cut=cut,
        cut_name=chain.cuts[cut].name,
        eval_modules=still,
        size=size,
        batch_size=batch,
        steps_per_epoch=steps,
        cache=plan_cache(
            phase, network.facts, dataclasses.replace(data, train=samples + others(phase, data)), cut, size, limits
        ),
    )


def _fitting(step: Masked | Views, data: DataFacts) -> Masked | Views:
    """The step itself. Raises `RecipeError` where the data are not of a kind that it learns from."""
    kinds: tuple[Kind, ...] = ("series",) if isinstance(step, Masked) else ("image", "series")
    if data.kind not in kinds:
        what = "hides stretches of series" if isinstance(step, Masked) else "makes views of images or series"
        raise RecipeError(
            f"{step.kind} {step.name!r} {what}, and the data are {data.noun}",
            expected=" or ".join(PLURAL[kind] for kind in kinds),
            do="leave the step out of the recipe",
        )
    return step


def _pretrain(step: Pretrain, network: Network, data: DataFacts, limits: CacheLimits) -> PhasePlan:
    """With the objective chosen. Raises `RecipeError` where the data are no texts, or the network has none."""
    if data.kind != "text":
        raise RecipeError(
            f"{step.kind} {step.name!r} hides tokens of texts, and the data are {data.noun}",
            expected="texts",
            do="leave the step out of the recipe",
        )
    step = step.model_copy(update={"objective": chosen_objective(step.objective, network.facts)})
    return _phase(step, network, data, limits)


def _unmixed(phase: GradientStep, data: DataFacts) -> GradientStep:
    """The step for texts, which are not augmented, or for series. Raises `RecipeError` where it mixes inputs in a way
    that is for images alone.
    """
    for name in ("mixup", "cutmix", "jitter") if data.kind == "text" else ("cutmix",):
        if getattr(phase, name, 0):
            raise RecipeError(
                f"{phase.kind} {phase.name!r} has {name}, and the data are {data.noun}",
                do=f"leave {name} out of the recipe",
            )
    if data.kind != "text":
        return phase
    return phase.model_copy(update={"augment": "none"} | ({"strong": "none"} if isinstance(phase, SelfTrain) else {}))


def _blocks(
    phase: GradientStep, network: Network, groups: tuple[ParamGroup, ...], cut: int
) -> tuple[tuple[str, ...], tuple[BlockPlan, ...]]:
    """Modules in eval mode, and what becomes of each block and (last) of the head."""
    chain, moving = network.facts.chain, trained_per_block(groups)
    # A block without parameters has nothing to freeze: it counts as frozen only where all below it is.
    frozen = [b for b in chain.blocks if b.name not in moving and (b.parameters or b.cut <= cut)]
    still = eval_modules(network, frozen, "head" not in moving, cut, phase.norm)
    numel = {name: parameter.numel() for name, parameter in network.backbone.named_parameters()}
    rows = [
        BlockPlan(
            name=block.name,
            trained=moving.get(block.name, 0),
            total=sum(numel[name] for name in block.parameters),
            frozen=block in frozen,
            eval=is_still(network, block, set(still)),
        )
        for block in chain.blocks
    ]
    total = sum(parameter.numel() for parameter in network.head.parameters())
    rows.append(BlockPlan("head", moving.get("head", 0), total, "head" not in moving, "head" in still))
    return still, tuple(rows)
