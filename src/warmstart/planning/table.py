"""A plan as a person reads it: tables for a terminal or a report, plain text, and plain data for JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from warmstart.planning.caching import megabytes
from warmstart.planning.plan import (
    AveragePlan,
    BlockPlan,
    DataFacts,
    HeadPlan,
    ParamGroup,
    PhasePlan,
    Plan,
    StatisticsPlan,
    StepPlan,
)
from warmstart.planning.storage import COLUMNS as CUT_COLUMNS
from warmstart.planning.storage import cut_rows
from warmstart.planning.target import beside
from warmstart.recipe.aligning import Align, SelfTrain, SourceFree
from warmstart.recipe.distilling import Distill
from warmstart.recipe.episodic import Meta
from warmstart.recipe.of_backbone import Contrastive, Masked, Pretrain, Supervised, Views
from warmstart.recipe.phase import GradientStep, Phase, PlateauRule

COLUMNS = ("part", "row of the table", "rate", "decay", "trained", "parameters", "state")


@dataclasses.dataclass(frozen=True)
class StepTable:
    """One step: a heading, rows under `COLUMNS` (none but for gradient phases), and labelled facts."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    facts: tuple[tuple[str, str], ...]


def plan_header(plan: Plan) -> str:
    """One line on what is planned, one on what it will take."""
    data = plan.data
    memory = max(step.memory for step in plan.steps)
    return (
        f"{plan.recipe} on {plan.backbone}; {data.name}: {data.train} training and {data.val} validation {data.noun}, "
        f"{data.answers}, {data.extent(data.size)}\n"
        f"expected: {duration(plan.seconds)}, up to {megabytes(memory)} of memory"
    )


def plan_rows(plan: Plan) -> tuple[StepTable, ...]:
    """The steps as tables of text."""
    return tuple(_step(i, step, plan.data) for i, step in enumerate(plan.steps, start=1))


def plan_text(plan: Plan) -> str:
    """The whole plan as plain text, at most about 120 columns but for reasons and long names."""
    parts = [plan_header(plan)]
    for table in plan_rows(plan):
        lines = [table.title]
        if table.rows:
            lines += [f"  {line}" for line in _aligned((COLUMNS, *table.rows))]
        lines += [f"  {label:<9} {text}" for label, text in table.facts]
        parts.append("\n".join(lines))
    if plan.storage:
        lines = _aligned((CUT_COLUMNS, *cut_rows(plan.storage)))
        parts.append("\n".join([f"activations of all {plan.data.noun} at each cut", *(f"  {line}" for line in lines)]))
    return "\n\n".join(parts)


def plan_dict(plan: Plan) -> dict[str, Any]:
    """The whole plan as JSON-able data, names of parameters included."""
    steps = []
    for step in plan.steps:
        if isinstance(step, PhasePlan):
            fields = {f.name: getattr(step, f.name) for f in dataclasses.fields(step) if f.name != "phase"}
            steps.append({"step": step.phase.model_dump(mode="json"), **_plain(fields), "steps": step.steps})
        else:
            fields = {f.name: getattr(step, f.name) for f in dataclasses.fields(step) if f.name != "step"}
            steps.append({"step": step.step.model_dump(mode="json"), **_plain(fields)})
    head = {"recipe": plan.recipe, "backbone": plan.backbone, "data": dataclasses.asdict(plan.data)}
    storage = [dataclasses.asdict(cost) for cost in plan.storage]
    return {**head, "seconds": plan.seconds, "steps": steps, "storage": storage}


def duration(seconds: float) -> str:
    """A time as a person reads it.

    >>> duration(0.2), duration(48), duration(130), duration(9000)
    ('under 1 s', '48 s', '2 min', '2.5 h')
    """
    if seconds < 1:
        return "under 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _step(i: int, step: StepPlan, data: DataFacts) -> StepTable:
    expected = ("expected", f"{duration(step.seconds)}, {megabytes(step.memory)} of memory")
    match step:
        case PhasePlan(phase=phase):
            batch = f"{step.batch_size} {data.noun} of {data.extent(step.size)}"
            title = (
                f"{i}. {phase.kind} {phase.name!r}: {phase.epochs} epochs of {step.steps_per_epoch} steps, "
                f"{batch} a step, {phase.optimizer}, {phase.schedule}"
            )
            start = f"cut {step.cut}, {step.cut_name!r}"
            why = "all below is frozen and in eval mode" if step.cut else "gradients reach the whole network"
            facts = (("trains", f"from {start}; {why}"), *_extras(step, data.banded), _stored(step), expected)
            return StepTable(title, _part_rows(step), facts)
        case HeadPlan(step=head):
            features = f"frozen features at {data.extent(step.size)}"
            title = f"{i}. closed-form head {head.name!r}: {', '.join(head.heads)}, on {features}"
            return StepTable(title, (), (_stored(step), expected))
        case AveragePlan(step=average):
            shares = ", ".join(f"{alpha:g}" for alpha in average.alphas)
            title = (
                f"{i}. average {average.name!r}: of the weights before and after, shares {shares} tried on validation"
            )
            return StepTable(title, (), (expected,))
        case StatisticsPlan():
            return _statistics(i, step, data, expected)


def _statistics(i: int, step: StatisticsPlan, data: DataFacts, *expected: tuple[str, str]) -> StepTable:
    share = "" if step.step.share == 1 else f", x {step.step.share:g}"
    samples = data.unlabelled if step.step.of == "target" else data.train
    said = f"statistics of batch normalisation from {samples} {data.noun} of the {step.step.of}{share}"
    return StepTable(f"{i}. {step.step.kind} {step.step.name!r}: {said}", (), expected)


def _stored(step: PhasePlan | HeadPlan) -> tuple[str, str]:
    cache = step.cache
    said = [cache.what, megabytes(cache.bytes) if cache.bytes else ""]
    if cache.what == "activations":
        said += [cache.dtype if cache.dtype != "fp32" else "", "mapped from disk" if cache.where == "disk" else ""]
    text = f"{', '.join(filter(None, said))}: {cache.why}"
    if cache.also:
        text += f"; the same pass stores {_count(len(cache.also), 'lower cut')} for the steps that follow"
    if isinstance(step, PhasePlan) and step.saved >= 1:
        text += f"; saves about {duration(step.saved)}"
    return "stored", text


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _extras(step: PhasePlan, banded: bool) -> tuple[tuple[str, str], ...]:
    """What the step does beyond plain training, in words; nothing if it does nothing."""
    phase = step.phase
    plain = " without changes of colour, which bands have not" if banded and phase.augment == "standard" else ""
    said = [
        f"augmentation {phase.augment}{plain}" if phase.augment != "none" else "",
        f"{_count(phase.views, 'view')} of each image" if phase.views and phase.augment != "none" else "",
        f"jitter {phase.jitter:g}" if phase.jitter else "",
        *_of_its_kind(phase, step.batch_size),
        f"average of weights {phase.ema:g}" if phase.ema else "",
        f"L2-SP {phase.l2_sp:g}" if phase.l2_sp else "",
        _cuts(phase.plateau) if phase.schedule == "plateau" else "",
        "the epoch of the lowest training loss is the best" if phase.watch == "training" else "",
        f"stops after {phase.early_stopping} epochs without gain" if phase.early_stopping else "",
        f"ends at a training loss of {phase.enough:g}" if phase.enough is not None else "",
        "starts from the best weights so far" if phase.start == "best" else "",
    ]
    text = ", ".join(filter(None, said))
    return (("with", text),) if text else ()


def _cuts(rule: PlateauRule) -> str:
    by = f" by more than {rule.delta:g}" if rule.delta else ""
    after = "an epoch" if rule.patience == 1 else f"{rule.patience} epochs"
    return f"rates x {rule.factor:g} after {after} without gain{by}, down to x {rule.least:g}"


def _of_its_kind(phase: GradientStep, batch: int) -> list[str]:
    """What only this kind of step has."""
    match phase:
        case Phase():
            return [
                f"mixup {phase.mixup:g}" if phase.mixup else "",
                f"cutmix {phase.cutmix:g}" if phase.cutmix else "",
                f"label smoothing {float(phase.label_smoothing):g}" if phase.label_smoothing else "",
                f"class weights {phase.class_weights}" if phase.class_weights != "none" else "",
                f"{phase.rehearsal:.0%} of each batch rehearsed" if phase.rehearsal else "",
            ]
        case Distill():
            return [f"{phase.share:.0%} of the loss by the teacher's answers, at temperature {phase.temperature:g}"]
        case Contrastive():
            return [f"features of a class drawn together at temperature {phase.temperature:g}"]
        case Masked():
            return [f"{phase.masked:.0%} of the stretches hidden"]
        case Views():
            return [f"two views of an input drawn together at temperature {phase.temperature:g}"]
        case Meta():
            shape = f"{phase.ways} ways, {phase.shots} shots, {phase.queries} queries"
            return [f"{phase.method} on {phase.episodes} episodes an epoch, {shape}, {phase.tasks} to a step"]
        case Supervised():
            return ["a head for each data set"]
        case SelfTrain():
            how = f", augmented ({phase.strong})" if phase.strong != "none" else ""
            return [
                f"{beside(phase, batch)} samples of the target at once{how}, told as what is predicted of them with a "
                f"probability of {phase.threshold:g} and more, their loss x {phase.weight:g}"
            ]
        case Align():
            return [f"as many samples of the target at once, the loss of {phase.kind} x {phase.weight:g}"]
        case SourceFree():
            return [f"samples of the target alone, the loss on pseudo-labels x {phase.pseudo:g}"]
        case Pretrain():
            return [
                f"{phase.masked:.0%} of the tokens hidden" if phase.objective == "masked" else "the next token asked"
            ]
    return []


def _part_rows(step: PhasePlan) -> tuple[tuple[str, ...], ...]:
    """One row per block and row of the rates table; one for a block that is frozen."""
    rows = []
    for block in step.blocks:
        mine: dict[tuple[str, float | str, float], list[ParamGroup]] = {}
        for group in step.groups:
            if group.block == block.name:
                mine.setdefault((group.pattern, group.rate, group.scale), []).append(group)
        state = _state(block, step)
        if not mine:
            rows.append((block.name, "", "frozen", "", "0", f"{block.total:,}", state))
        for (pattern, rate, scale), groups in mine.items():
            decay = max(group.weight_decay for group in groups)
            numel = sum(group.numel for group in groups)
            rows.append(
                (block.name, pattern, _rate(rate, scale), f"{decay:g}", f"{numel:,}", f"{block.total:,}", state)
            )
    return tuple(rows)


def _rate(rate: float | str, scale: float) -> str:
    if isinstance(rate, str):
        return rate if scale == 1 else f"{rate} x {scale:.3g}"
    return f"{rate * scale:.2e}"


def _state(block: BlockPlan, step: PhasePlan) -> str:
    if block.frozen:
        return "frozen, eval" if block.eval else "frozen, statistics move"
    trains = "trains" if block.trained == block.total else "trains in part"
    if block.name == "head":
        return trains
    return f"{trains}, statistics {'fixed' if step.phase.norm == 'eval' else 'move'}"


def _aligned(rows: tuple[tuple[str, ...], ...]) -> list[str]:
    """Columns of equal width, numbers to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    right = {"rate", "decay", "trained", "parameters"}
    return [
        "  ".join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(row, widths, COLUMNS, strict=True)
        ).rstrip()
        for row in rows
    ]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
