"""Training by gradients as plain validated data: what all kinds of it have, and the phase, which trains on the task.

This room imports no torch: a recipe can be listed, checked, written and read without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from warmstart.errors import RecipeError
from warmstart.recipe.rates import parse

Rate = Annotated[float, Field(gt=0)] | Literal["auto"] | None
"""A learning rate; `None` freezes; `"auto"` is found by a range test (Smith 2017) before the phase."""

Share = Annotated[float, Field(ge=0, le=1)]
Smoothing = Annotated[float, Field(ge=0, lt=1)] | Literal["auto"]
"""Of labels. `"auto"` is 0.1 of images and none of texts and series, see `SMOOTHING`."""
SMOOTHING = {"image": 0.1, "text": 0.0, "series": 0.0}
"""By the kind of input, for a tune that starts from a fitted head. That head leaves next to no training loss: without a
loss the gradient is noise, and Adam makes steps of full length of it. Images gain by it and texts lose. Accuracy with
0.1 and with none: EfficientNet-Lite0 on CIFAR-10 with 30 labels per class, LP-FT 79.8 and 77.8 %, the probe 78.9 % (3
draws); minilm on BBC News with 8 labels per class, LP-FT 87.1 and 90.2 %, LP-FT of the last half at a third of the rate
89.3 and 91.4 %, the probe 91.8 % (5 draws), LoRA 91.2 and 92.8 %, biases alone 84.0 and 91.2 % (3 draws)."""
OptimizerName = Literal["adamw", "adam", "sgd"]
ScheduleName = Literal["constant", "cosine", "one_cycle", "slanted_triangular", "exponential", "plateau"]
BalanceName = Literal["sum", "uncertainty", "gradnorm", "pcgrad", "cagrad", "nashmtl", "upgrad"]
AugmentName = Literal["none", "flip", "light", "standard", "crop"]
"""`crop` is of series alone."""


def well_formed(pattern: str) -> str:
    """The pattern of a row of rates as it is; `ValueError`, as pydantic wants it, where it is malformed."""
    try:
        parse(pattern)
    except RecipeError as error:
        raise ValueError(f"{error.found}; expected {error.expected}") from error
    return pattern


def rows_from(block: int, lr: Rate) -> tuple[tuple[str, Rate], ...]:
    """Rows of rates that train the backbone from a block on (negative: from the end), and all of it with 0.

    >>> rows_from(-2, 0.1), rows_from(0, 0.1)
    ((('block:-2..', 0.1), ('*', None)), (('*', 0.1),))
    """
    return ((f"block:{block}..", lr), ("*", None)) if block else (("*", lr),)


def with_head(block: int, lr: Rate) -> tuple[tuple[str, Rate], ...]:
    """The same, and the head at that rate too."""
    return (("head", lr), *rows_from(block, lr)) if block else rows_from(block, lr)


class Data(BaseModel):
    """What a recipe is made of: plain data, checked, that does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, revalidate_instances="always")


class PlateauRule(Data):
    """When the schedule `plateau` cuts the rates (Keras' ReduceLROnPlateau)."""

    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """What the rates are multiplied by at a cut."""
    patience: Annotated[int, Field(ge=1)] = 2
    """Epochs without a gain before a cut."""
    least: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Share of the full rate below which nothing is cut."""
    delta: Annotated[float, Field(ge=0)] = 0.0
    """How much lower a loss has to be to count as a gain."""


class GradientStep(Data):
    """What every kind of training by gradients has: one table of learning rates, and how long and by which rule."""

    kind: str
    name: str
    """What reports and the log call it."""
    rates: Annotated[tuple[tuple[str, Rate], ...], Field(min_length=1)] = (("*", 1e-4),)
    """Learning rate by part, in order: the first pattern that matches a parameter wins, and every parameter must be in
    a row, so `"*"` comes last. `null` freezes, `auto` is found by a range test (Smith 2017). `warmstart.recipe.rates`
    has the patterns (`head`, `block:-1`, `block:3..`, `depth:0.75`, `bias`, `norm`, globs on names, `&` and `|`)."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Multiplies a rate once per block below the last one (head 1, last block 1, the one before it `layer_decay`, ...).
    The discriminative rates of ULMFiT (Howard & Ruder 2018), every layer at 1 / 2.6 of the one above, are `head: lr`,
    `"*": lr / 2.6` with `layer_decay = 1 / 2.6`."""
    epochs: Annotated[int, Field(ge=1)] = 10
    """Passes over the training samples, at most."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Samples of a step of the optimizer."""
    optimizer: OptimizerName = "adamw"
    """AdamW (Loshchilov & Hutter 2019), Adam, or SGD with momentum."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Not applied to biases and other one-dimensional parameters, nor to what `l2_sp` holds at its start."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of SGD."""
    schedule: ScheduleName = "cosine"
    """How the rates change from step to step, as `warmstart.recipe.schedule` has it."""
    plateau: PlateauRule = PlateauRule()
    """Of the schedule of that name; the others have no use for it."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the steps over which `cosine` rises linearly; the other schedules have no use for it."""
    size: Annotated[int, Field(ge=8)] | Annotated[float, Field(gt=0, le=1)] | None = None
    """Input side: pixels, or a share of the run's size (0.5; rounded to a multiple of 32); `None` is the run's size."""
    augment: AugmentName = "none"
    """How training samples are varied. Images: mirrored; with crops of 70 % of the area and more (`light`); of 35 % and
    more, and other brightness, contrast and saturation (`standard`). Of series: slices, warped and scaled."""
    views: Annotated[int, Field(ge=0)] = 0
    """Augmented views of each image that are drawn once and used in turn, so that what is frozen is computed once per
    view; 0 augments anew in every epoch. With as many views as epochs the two are the same."""
    jitter: Annotated[float, Field(ge=0)] = 0.0
    """Noise on the activations where training starts, in standard deviations of each channel over the batch: an
    augmentation that costs nothing and leaves what is stored exact."""
    clip: Annotated[float, Field(gt=0)] | None = 1.0
    """Largest gradient norm."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the exponential moving average of the weights; 0 is off. Evaluation and the result use the average."""
    l2_sp: Annotated[float, Field(ge=0)] = 0.0
    """Penalty alpha / 2 * |w - w_start|^2 on trained backbone parameters (Li et al. 2018, eq. 3)."""
    norm: Literal["eval", "train", "train_all"] = "eval"
    """Statistics of normalisation layers: fixed everywhere; moving in blocks that train; moving in frozen ones too."""
    watch: Literal["validation", "training"] = "validation"
    """What says which epoch was the best, when a plateau is reached and when to stop early: the validation samples, or
    the mean loss of an epoch's batches as they were trained on, which needs none. Without validation samples nothing
    but the latter can; `validation` then takes the last epoch for the best."""
    early_stopping: Annotated[int, Field(ge=1)] | None = None
    """Epochs without a better score (see `watch`) before the step ends."""
    enough: Annotated[float, Field(ge=0)] | None = None
    """Training loss at which the step ends, with the first epoch whose mean is no higher."""
    start: Literal["last", "best"] = "last"
    """The weights this step starts from: those the one before ended with, or its best."""

    @field_validator("rates", mode="before")
    @classmethod
    def _rows(cls, rates: object) -> object:
        return tuple(rates.items()) if isinstance(rates, Mapping) else rates

    @field_validator("rates")
    @classmethod
    def _patterns(cls, rates: tuple[tuple[str, Rate], ...]) -> tuple[tuple[str, Rate], ...]:
        patterns = [pattern for pattern, _ in rates]
        for i, pattern in enumerate(patterns):
            if pattern in patterns[:i]:
                raise ValueError(f"two rows are both {pattern!r}; expected every pattern once")
            well_formed(pattern)
        return rates


class Phase(GradientStep):
    """Training on the task: the head, and as much of the backbone as `rates` says."""

    kind: Literal["phase"] = "phase"
    name: str = "tune"
    batch_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """A batch is at most this share of the training samples, and at least two of them."""
    mixup: Annotated[float, Field(ge=0)] = 0.0
    """Alpha of the beta distribution by which two samples are mixed (Zhang et al. 2018); 0 mixes none."""
    cutmix: Annotated[float, Field(ge=0)] = 0.0
    """The same, of a patch of one image that is laid on another (Yun et al. 2019)."""
    label_smoothing: Smoothing = 0.0
    """Share of a label that is given to all classes alike; `auto` is 0.1 of images and none of texts and series."""
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` lets each class count the same, however few samples it has."""
    rehearsal: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each batch that is of the data a network knew before, where a run has some (`warmstart update`): an
    epoch is then one pass over what is new (experience replay, Ratcliff 1990; Rolnick et al. 2019)."""
    balance: BalanceName = "sum"
    """Of several tasks, how their losses move what they share: as they add up; weighed by learned variances (Kendall
    2018) or so that all pull alike (GradNorm, Chen 2018); or by gradients made to agree (PCGrad, Yu 2020; CAGrad, Liu
    2021; Nash-MTL, Navon 2022; UPGrad, Quinton & Rey 2024)."""
