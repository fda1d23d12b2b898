"""Steps that train the backbone on something else than the task; a head is fitted on its new features afterwards."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from warmstart.recipe.phase import AugmentName, GradientStep, Rate

HEAD_STILL: tuple[str, Rate] = ("head", None)


def head_still(rates: tuple[tuple[str, Rate], ...]) -> tuple[tuple[str, Rate], ...]:
    """The rows with that of the head first; `ValueError`, as pydantic wants it, where it has a rate."""
    if dict(rates).get("head") is not None:
        raise ValueError("the row 'head' has a rate, and this step trains no head; expected null, or no such row")
    return (HEAD_STILL, *(row for row in rates if row != HEAD_STILL))


class BackboneStep(GradientStep):
    """Training of the backbone on something else than the task. The head is no part of it: its row is `None`."""

    rates: Annotated[tuple[tuple[str, Rate], ...], Field(min_length=1)] = (HEAD_STILL, ("*", 5e-5))

    @field_validator("rates")
    @classmethod
    def _head_still(cls, rates: tuple[tuple[str, Rate], ...]) -> tuple[tuple[str, Rate], ...]:
        return head_still(rates)


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
    """Similarities are divided by it: the lower, the more the nearest of another input count."""
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
