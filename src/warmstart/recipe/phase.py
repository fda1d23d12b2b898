"""The steps a recipe is made of, as plain validated data. No callables, loops or conditions: Python is for that.

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

HEAD_STILL: tuple[str, Rate] = ("head", None)

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
ScheduleName = Literal["constant", "cosine", "one_cycle", "slanted_triangular", "plateau"]
AugmentName = Literal["none", "flip", "light", "standard", "crop"]
"""`crop` is of series alone."""


def well_formed(pattern: str) -> str:
    """The pattern of a row of rates as it is; `ValueError`, as pydantic wants it, where it is malformed."""
    try:
        parse(pattern)
    except RecipeError as error:
        raise ValueError(f"{error.found}; expected {error.expected}") from error
    return pattern


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, revalidate_instances="always")


class PlateauRule(_Data):
    """When the schedule `plateau` cuts the rates (Keras' ReduceLROnPlateau)."""

    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """What the rates are multiplied by at a cut."""
    patience: Annotated[int, Field(ge=1)] = 2
    """Epochs without a gain before a cut."""
    least: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Share of the full rate below which nothing is cut."""
    delta: Annotated[float, Field(ge=0)] = 0.0
    """How much lower a loss has to be to count as a gain."""


class GradientStep(_Data):
    """What every kind of training by gradients has: one table of learning rates, and how long and by which rule.

    `rates` is ordered: the first pattern that matches a parameter wins, and every parameter must be in a row, so `"*"`
    comes last. `warmstart.recipe.rates` has the patterns (`head`, `block:-1`, `block:3..`, `depth:0.75`, `bias`,
    `norm`, globs on names, `&` and `|`).
    `layer_decay` multiplies a rate by its value once per block below the last one (head 1, last block 1, the one before
    it `layer_decay`, ...). The discriminative rates of ULMFiT (Howard & Ruder 2018), every layer at 1 / 2.6 of the one
    above, are `head: lr`, `"*": lr / 2.6` with `layer_decay = 1 / 2.6`.
    """

    kind: str
    name: str
    rates: Annotated[tuple[tuple[str, Rate], ...], Field(min_length=1)] = (("*", 1e-4),)
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    epochs: Annotated[int, Field(ge=1)] = 10
    batch_size: Annotated[int, Field(ge=1)] = 32
    optimizer: OptimizerName = "adamw"
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Not applied to biases and other one-dimensional parameters, nor to what `l2_sp` holds at its start."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of SGD."""
    schedule: ScheduleName = "cosine"
    plateau: PlateauRule = PlateauRule()
    """Of the schedule of that name; the others have no use for it."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the steps over which `cosine` rises linearly; the other schedules have no use for it."""
    size: Annotated[int, Field(ge=8)] | Annotated[float, Field(gt=0, le=1)] | None = None
    """Input side: pixels, or a share of the run's size (0.5; rounded to a multiple of 32); `None` is the run's size."""
    augment: AugmentName = "none"
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
    cutmix: Annotated[float, Field(ge=0)] = 0.0
    label_smoothing: Smoothing = 0.0
    class_weights: Literal["none", "balanced"] = "none"


class BackboneStep(GradientStep):
    """Training of the backbone on something else than the task. The head is no part of it: its row is `None`."""

    rates: Annotated[tuple[tuple[str, Rate], ...], Field(min_length=1)] = (HEAD_STILL, ("*", 5e-5))

    @field_validator("rates")
    @classmethod
    def _head_still(cls, rates: tuple[tuple[str, Rate], ...]) -> tuple[tuple[str, Rate], ...]:
        if dict(rates).get("head") is not None:
            raise ValueError("the row 'head' has a rate, and this step trains no head; expected null, or no such row")
        return (HEAD_STILL, *(row for row in rates if row != HEAD_STILL))


class Contrastive(BackboneStep):
    """Draw the features of a class together and those of different classes apart, before a head is fitted on them.

    The supervised contrastive loss (Khosla et al. 2020, eq. 2) on features of length one; on few labels, the first half
    of SetFit (Tunstall et al. 2022). An epoch sees every sample once, in batches that hold at least two of each class
    that they hold at all. A larger batch has more to tell apart, and is exact also where it does not fit into memory at
    once (gradient caching, Gao et al. 2021).
    """

    kind: Literal["contrastive"] = "contrastive"
    name: str = "contrast"
    batch_size: Annotated[int, Field(ge=4)] = 32
    temperature: Annotated[float, Field(gt=0)] = 0.1
    """Similarities are divided by it: the lower, the more the nearest of another class count."""
    projection: Annotated[int, Field(ge=0)] = 0
    """Width of a layer that the loss is on instead of the features, and that is dropped when the step is done; 0 is
    none. Features that pretraining leaves keep more than what tells its classes apart (Chen et al. 2020, section 4.2).
    """
    head_lr: Annotated[float, Field(gt=0)] = 1e-3
    """Rate of that layer."""


class Pretrain(BackboneStep):
    """Train the backbone on texts of the domain the way such models are pretrained; labels are not looked at.

    Domain-adaptive pretraining (Gururangan et al. 2020) on the training texts and on those that have no label. An
    encoder tells tokens that are hidden from it (Devlin et al. 2019, section 3.1: of those chosen 80 % are masked, 10 %
    replaced at random and 10 % left), a decoder the next token. What turns features into tokens comes with the weights
    where they have it, else it is new, and tied to the embeddings of the input; it is dropped when the step is done.
    """

    kind: Literal["pretrain"] = "pretrain"
    name: str = "pretrain"
    epochs: Annotated[int, Field(ge=1)] = 3
    objective: Literal["auto", "masked", "causal"] = "auto"
    """`auto` is what the architecture is made for."""
    masked: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of the tokens that are to be told."""
    head_lr: Annotated[float, Field(gt=0)] = 5e-4
    """Rate of a head that is new; one that came with the weights learns as fast as the fastest of `rates`."""
    head_epochs: Annotated[int, Field(ge=0)] = 2
    """Epochs in which a head that is new learns alone, before the backbone does: its first gradients are noise, and
    would spoil what is below (Kumar et al. 2022)."""


class Masked(BackboneStep):
    """Train the backbone on series of which stretches are hidden, to tell what was there; labels are not looked at.

    Stretches as long as a patch of the backbone are set to the mean, and a linear layer on its last activations that
    still run along time tells their values: the squared error over what was hidden (SimMIM, Xie et al. 2022, section 3,
    on series as in PatchTST, Nie et al. 2023, section 3.2). That layer is dropped when the step is done.
    """

    kind: Literal["masked"] = "masked"
    name: str = "mask"
    masked: Annotated[float, Field(gt=0, lt=1)] = 0.4
    """Share of the stretches that are hidden."""
    head_lr: Annotated[float, Field(gt=0)] = 1e-3
    """Rate of the layer that tells what was hidden."""


class Views(BackboneStep):
    """Draw the features of two views of one input together, and those of different inputs apart; labels are not needed.

    NT-Xent (SimCLR, Chen et al. 2020, section 2.1) on views that `augment` makes. The loss is on a projection of the
    features, which is dropped when the step is done.
    """

    kind: Literal["views"] = "views"
    name: str = "views"
    batch_size: Annotated[int, Field(ge=4)] = 128
    augment: AugmentName = "standard"
    temperature: Annotated[float, Field(gt=0)] = 0.1
    projection: Annotated[int, Field(ge=2)] = 128
    """Width of the projection."""
    head_lr: Annotated[float, Field(gt=0)] = 1e-3
    """Rate of the projection."""

    @field_validator("augment")
    @classmethod
    def _views_differ(cls, augment: AugmentName) -> AugmentName:
        if augment == "none":
            raise ValueError(
                "augment is 'none', and two views of an input would be one; expected light, standard, crop"
            )
        return augment


class Supervised(BackboneStep):
    """Train the backbone on the classes of several data sets at once, each with a head of its own over shared features.

    A class is named `SET/CLASS`; the softmax of a sample is over the classes of its own set. The heads are dropped when
    the step is done.
    """

    kind: Literal["supervised"] = "supervised"
    name: str = "supervised"
    head_lr: Annotated[float, Field(gt=0)] = 1e-3
    """Rate of the heads."""


class ClosedForm(_Data):
    """Fit the head in closed form (or convexly) on cached frozen features and put it in place."""

    kind: Literal["closed_form"] = "closed_form"
    name: str = "probe"
    heads: Annotated[tuple[str, ...], Field(min_length=1)] = ("blend",)
    """Names in the registry of closed-form heads; the best by cross-validation is kept."""


class Average(_Data):
    """Average of the weights before the recipe's last phase and after it (WiSE-FT, Wortsman 2022)."""

    kind: Literal["average"] = "average"
    name: str = "average"
    alphas: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Shares of the tuned weights that are tried on validation."""


Step = Annotated[
    Phase | Contrastive | Pretrain | Masked | Views | Supervised | ClosedForm | Average, Field(discriminator="kind")
]
