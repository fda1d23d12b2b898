"""Steps that learn from unlabelled samples of a target, beside the labelled ones of a source or in their place.

Unsupervised domain adaptation: classes are the same in both, and what the samples look like is not. Labels of target
samples are never read, whether they are there or not.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from warmstart.recipe.of_backbone import HEAD_STILL, head_still
from warmstart.recipe.phase import AugmentName, Data, GradientStep, Rate, Share, Smoothing


class TargetStep(GradientStep):
    """Training that reads samples of the target.

    Its result are the weights after its last epoch. Validation samples are the source's, and how well a network does on
    them says little of the target where there is a shift; it is measured for the learning curve, and nothing goes by
    it.
    """

    @field_validator("early_stopping", "watch")
    @classmethod
    def _nothing_to_go_by(cls, value: object) -> object:
        if value not in (None, "validation"):
            raise ValueError(
                f"found {value!r}, and no step that adapts to a target can tell its best epoch: labels of the target "
                "are not known; expected no such field"
            )
        return value


class Align(TargetStep):
    """Training on the task with the source's samples, and at once on a loss that brings source and target together.

    Every step takes a batch of each; an epoch is one pass over the source, and the target's samples come round as often
    as that takes. Both go through the network together, so that statistics of norms that train are those of both.
    """

    weight: Annotated[float, Field(ge=0)] = 1.0
    """Of the loss that aligns, beside that of the task; reached as Ganin et al. (2016, section 5.2.2) have it."""
    after: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Share of the steps before it begins, in which the source alone is learned: predictions for the target that are
    no better than chance would be made sure as they are."""
    label_smoothing: Smoothing = 0.0
    """Of the source's labels: share that is given to all classes alike."""


class Mcc(Align):
    """Minimum class confusion (Jin et al. 2020): predictions for the target that do not waver between classes."""

    kind: Literal["mcc"] = "mcc"
    name: str = "mcc"
    temperature: Annotated[float, Field(gt=0)] = 2.5
    """Logits are divided by it before they become probabilities (section 3.2)."""


class Dan(Align):
    """Features of source and target that have one distribution, by the maximum mean discrepancy over Gaussian kernels
    of many widths (DAN, Long et al. 2015).
    """

    kind: Literal["dan"] = "dan"
    name: str = "dan"


class Coral(Align):
    """Features of source and target of one covariance (Deep CORAL, Sun & Saenko 2016)."""

    kind: Literal["coral"] = "coral"
    name: str = "coral"


class Adversarial(Align):
    """Alignment by a module that learns to tell, beside a backbone that learns to give nothing to tell by.

    The module is dropped when the step is done. Its gradient reaches the backbone reversed, times `weight`.
    """

    head_lr: Annotated[float, Field(gt=0)] = 1e-3
    """Rate of the module."""
    width: Annotated[int, Field(ge=1)] = 256
    """Of its hidden layers."""


class Dann(Adversarial):
    """Features by which source and target cannot be told apart (DANN, Ganin et al. 2016)."""

    kind: Literal["dann"] = "dann"
    name: str = "dann"


class Cdan(Adversarial):
    """Features by which, with what is predicted from them, source and target cannot be told apart (CDAN, Long et al.
    2018).
    """

    kind: Literal["cdan"] = "cdan"
    name: str = "cdan"
    entropy: bool = True
    """Samples of sure predictions count more (CDAN+E, section 3.3)."""


class Mdd(Adversarial):
    """Features on which no second classifier can agree with the head on the source and differ from it on the target
    (margin disparity discrepancy, Zhang et al. 2019).
    """

    kind: Literal["mdd"] = "mdd"
    name: str = "mdd"
    weight: Annotated[float, Field(ge=0)] = 0.1
    margin: Annotated[float, Field(gt=1)] = 4.0
    """How much more the source counts for the second classifier: the exponential of the margin (section 4.2)."""


class SelfTrain(Align):
    """Training on what the network itself says of target samples, where it is sure (FixMatch, Sohn et al. 2020).

    What it says of a sample as evaluation sees it is what an augmented version of that sample is to be told as. Of
    texts, which are not augmented, both are the same text; it is read without dropout first and with dropout then,
    where the network has any, and else this is training on pseudo-labels (Lee 2013).
    """

    kind: Literal["self_train"] = "self_train"
    name: str = "selftrain"
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Probability from which a prediction counts."""
    strong: AugmentName = "standard"
    """How the version that is trained on is augmented; what is predicted from is not."""
    views: Annotated[int, Field(ge=0)] = 4
    """Augmented versions of each target sample that are drawn once and used in turn, so that what is frozen is computed
    once for each; 0 augments anew in every epoch."""

    @field_validator("augment")
    @classmethod
    def _strong_alone(cls, augment: AugmentName) -> AugmentName:
        if augment != "none":
            raise ValueError(
                f"found {augment!r}, and only the versions of target samples that are trained on are augmented; "
                "expected 'strong' in its place"
            )
        return augment


class SourceFree(TargetStep):
    """The backbone adapted to the target under a head that stays, without one sample of the source (SHOT, Liang et al.
    2020).

    Predictions are to be sure one by one and diverse together, and those that the nearest class mean of the target's
    own features makes, anew in every epoch, are to be told. The source is there as the weights that the step starts
    from; nothing is validated, for that would be on the source.
    """

    kind: Literal["source_free"] = "source_free"
    name: str = "shot"
    rates: Annotated[tuple[tuple[str, Rate], ...], Field(min_length=1)] = (HEAD_STILL, ("*", 1e-4))
    pseudo: Annotated[float, Field(ge=0)] = 0.3
    """Weight of the loss on pseudo-labels, beside that of sure and diverse predictions (section 3.3)."""

    @field_validator("rates")
    @classmethod
    def _head_still(cls, rates: tuple[tuple[str, Rate], ...]) -> tuple[tuple[str, Rate], ...]:
        return head_still(rates)


class Statistics(Data):
    """The statistics of batch normalisation taken from samples, in place of those that are there (AdaBN, Li et al.
    2016). Nothing is trained, and no label is read.

    Those of the target stand in for those of the source, under which the weights were trained. So they do good only
    where that was so: a network that was tuned under the statistics it was pretrained with has to get those of the
    source first, and to be tuned with `norm: train`.
    """

    kind: Literal["statistics"] = "statistics"
    name: str = "adabn"
    """What reports and the log call it."""
    of: Literal["source", "target"] = "target"
    """Which training samples they are of."""
    share: Share = 1.0
    """Of the new statistics; the rest is as it was (Schneider et al. 2020, eq. 3)."""


AlignStep = Mcc | Dann | Cdan | Dan | Coral | Mdd | SelfTrain
