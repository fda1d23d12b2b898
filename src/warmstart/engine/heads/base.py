"""The contract of a closed-form head, and the registry of them.

A fit gets features and labels and gives a head that is ready to be put on the backbone, with outputs for the training
samples that the samples' own labels had no part in. Those are what a head's hyper-parameters are chosen by, and what
heads are compared by (`select`), so a fit needs no validation set and is never flattered by its own training data.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from warmstart.data.schema import IntArray
from warmstart.errors import TrainingError
from warmstart.model.backbone import FeatureGroup
from warmstart.model.head import LinearHead
from warmstart.model.several import linear_heads
from warmstart.registry import Registry

_TEXTS = 256
"""Of which the features of all tokens are computed with at a time."""


@dataclasses.dataclass(frozen=True)
class FittedHead:
    """A head fitted on n features, in eval mode.

    `cv_outputs` (n, classes), float32: for each training sample the logits of a fit without it (leave-one-out, or
    out-of-fold), at the chosen hyper-parameter. `choice` (JSON-able): the hyper-parameter, and the score of each value.
    `told`: how it was chosen, in words, if not by cross-validation.
    """

    name: str
    head: nn.Module
    cv_outputs: Tensor
    choice: dict[str, Any]
    told: str = ""

    def logits(self, features: Tensor) -> Tensor:
        """Logits (m, ..., classes) for features (m, ..., d)."""
        parts = torch.split(features, _TEXTS) if features.ndim == 3 else [features]
        with torch.inference_mode():
            out = torch.cat([self.head(part.float()) for part in parts])
        return out.clone()

    def linear(self) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
        """(weight, bias, mean, std) of `weight @ (x - mean) / std + bias`; `None` for a head that is not linear."""
        return self.head.as_linear if isinstance(self.head, LinearHead) else None

    @property
    def trains_on(self) -> bool:
        """Whether gradients can train on from it: it is linear, or made of heads that are."""
        return linear_heads(self.head) is not None


class HeadFit(Protocol):
    """What is registered: a function of the features alone; the same arguments give the same head."""

    def __call__(self, problem: Problem, *, folds: int = 5, seed: int = 0) -> FittedHead:
        """Fit a head.

        Args:
            problem: features and labels; heads fitted on the same one share what they all compute from it.
            folds: of cross-validation, for heads that have no exact leave-one-out; fewer where samples are few.
            seed: of the folds.
        """
        ...


closed_form: Registry[HeadFit] = Registry("closed-form head")
closed_form.add("blend", "warmstart.engine.heads.blend:fit")
closed_form.add("class_means", "warmstart.engine.heads.class_means:fit")
closed_form.add("grid", "warmstart.engine.heads.grid:fit")
closed_form.add("knn", "warmstart.engine.heads.knn:fit")
closed_form.add("lda", "warmstart.engine.heads.lda:fit")
closed_form.add("logistic", "warmstart.engine.heads.logistic:fit")
closed_form.add("ridge", "warmstart.engine.heads.ridge:fit")
closed_form.add("wide", "warmstart.engine.heads.wide:fit")


@dataclasses.dataclass(frozen=True)
class Labelled:
    """Labels, with the classes that occur numbered without gaps; a head is fitted on those alone."""

    labels: IntArray  # (n,), indices into `present`
    present: IntArray  # (k,), class indices that occur, ascending
    classes: int

    @property
    def targets(self) -> Tensor:
        """One-hot labels (n, k), float64."""
        return torch.eye(len(self.present), dtype=torch.float64)[torch.from_numpy(self.labels)]

    def spread(self, outputs: Tensor) -> Tensor:
        """Outputs (n, k) of the classes that occur as outputs (n, classes), float32; see `place` for the rest."""
        full = torch.full((len(outputs), self.classes), _floor(outputs), dtype=torch.float32)
        full[:, torch.from_numpy(self.present)] = outputs.float()
        return full

    def place(self, weight: Tensor, bias: Tensor, mean: Tensor, std: Tensor, seen: Tensor) -> LinearHead:
        """The linear head with `weight` (k, d) and `bias` (k,) for the classes that occur.

        A class that does not occur gets a constant logit one below the lowest in `seen`: it is never the answer, and
        tuning can still start from it, which it could not from minus infinity.
        """
        head = LinearHead(weight.shape[1], self.classes)
        rows = torch.from_numpy(self.present)
        full_weight = torch.zeros(self.classes, weight.shape[1])
        full_bias = torch.full((self.classes,), _floor(seen))
        full_weight[rows], full_bias[rows] = weight.float(), bias.float()
        head.set_linear(full_weight, full_bias, mean.float(), std.float())
        return head.eval()


def numbered(labels: IntArray | Tensor, classes: int) -> tuple[IntArray, IntArray]:
    """(indices (n,) into the classes that occur, those classes (k,)). Raises `TrainingError` as `Problem.of` does."""
    present, inside = np.unique(np.asarray(labels, dtype=np.int64), return_inverse=True)
    if len(present) < 2 or present[0] < 0 or present[-1] >= classes:
        raise TrainingError(
            f"the training labels are {present[:10].tolist()}",
            f"at least two classes, as indices in 0..{classes - 1}",
            "give labelled samples of two classes or more",
        )
    return inside.astype(np.int64), present.astype(np.int64)


def not_finite(bad: int, of: int) -> TrainingError:
    """The error of features of which `bad` samples have some that are not finite."""
    return TrainingError(
        f"the features of {bad} of {of} samples are not finite",
        do="check the backbone's weights and the inputs; a half-precision backbone may overflow",
    )


@dataclasses.dataclass(frozen=True)
class Problem(Labelled):
    """Checked input of a fit."""

    features: Tensor  # (n, d), float64
    groups: tuple[FeatureGroup, ...] = ()  # of the columns; empty if nothing is known of them

    @classmethod
    def of(
        cls, features: Tensor, labels: IntArray | Tensor, classes: int, groups: Sequence[FeatureGroup] = ()
    ) -> Problem:
        """Check and convert.

        Args:
            features: (n, d), finite.
            labels: (n,) class indices in 0 .. classes - 1; not every class needs to occur.
            classes: number of outputs.
            groups: what the columns are, for heads that choose among them.

        Raises:
            TrainingError: a feature is not finite, a label is out of range, or fewer than two classes occur.
        """
        if features.ndim != 2 or len(features) != len(labels) or features.shape[1] == 0:
            raise TrainingError(
                f"features of shape {tuple(features.shape)} and {len(labels)} labels", "features (n, d) and n labels"
            )
        bad = ~torch.isfinite(features).all(dim=1)
        if bool(bad.any()):
            raise not_finite(int(bad.sum()), len(features))
        inside, present = numbered(labels, classes)
        return cls(inside, present, classes, features.detach().double(), tuple(groups))

    @functools.cached_property
    def standard(self) -> tuple[Tensor, Tensor, Tensor]:
        """`standardised` features, with their mean and standard deviation."""
        return standardised(self.features)


def _floor(outputs: Tensor) -> float:
    return float(outputs[torch.isfinite(outputs)].min()) - 1.0


DEAD = 1e-6
"""Of the median column's standard deviation."""


def standardised(features: Tensor, least: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """(features - mean) / std per column, with mean (d,) and std (d,); a column that does not vary becomes zero.

    So does one that hardly varies beside the others (one of `minilm`'s 384 is about 1e-33 for every text): the gradient
    that reaches the backbone grows with 1 / std, and tuning would begin with infinity, or with nothing else.

    A column that varies less than `least` times the median column is divided by that much, rather than made as wide as
    the others.

    No label is used, so that folds may share it: what a left-out sample adds to them tells nothing of its class.
    """
    mean, std = features.mean(0), features.std(0, correction=0)
    std, constant = divisors(std, features.abs().amax(0), least)
    return torch.where(constant, 0.0, (features - mean) / std), mean, std


def divisors(std: Tensor, largest: Tensor, least: float = 0.0) -> tuple[Tensor, Tensor]:
    """(what `standardised` divides by (d,), which columns become zero (d,)), of deviations and largest sizes (d,)."""
    constant = std <= torch.maximum(1e-7 * largest.clamp_min(1e-30), DEAD * std.median())
    return torch.maximum(std, least * std.median()).where(~constant, torch.ones_like(std)), constant


def class_means(features: Tensor, labels: IntArray, classes: int) -> tuple[Tensor, Tensor]:
    """(counts (k,), means (k, d)) of the classes; the mean of a class without samples is zero."""
    counts = torch.from_numpy(np.bincount(labels, minlength=classes)).to(features.dtype)
    sums = torch.zeros(classes, features.shape[1], dtype=features.dtype)
    return counts, sums.index_add_(0, torch.from_numpy(labels), features) / counts.clamp_min(1)[:, None]
