"""What a bundle keeps of the samples it was made from, to say how far an answer can be trusted: an optional file.

Bundles without it answer all the same, and say of no input whether it is known.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import safetensors.torch
import torch

from warmstart.evaluation.conformal import Scores
from warmstart.evaluation.selective import Sureness
from warmstart.evaluation.unknowns import Bank
from warmstart.shipping.known import Known

NAME = "reference.safetensors"


@dataclasses.dataclass(frozen=True)
class Reference:
    """`scores` are the nonconformity of validation samples, sorted, so that any coverage can be asked for later.

    `None` where answers are no classes, of which there could be sets. `known` says what the samples of the bank are
    called, row by row; it is a file of its own (`warmstart.shipping.known`), and may be left out.
    """

    scores: Scores | None
    bank: Bank | None = None
    known: tuple[Known, ...] = ()
    sureness: Sureness | None = None
    """How sure and how right the answers to validation samples were; `None` where answers are no classes, and in
    bundles of earlier versions."""

    def without_names(self) -> Reference:
        """The same without what samples are called."""
        return dataclasses.replace(self, known=())


def to_bytes(reference: Reference) -> bytes:
    """As the content of a safetensors file: `scores` (n,), `bank` (m, d) with `threshold`, and `probabilities` (n,)
    with whether they were `right`, each where there is one.
    """
    tensors: dict[str, torch.Tensor] = {}
    if reference.scores is not None:
        tensors["scores"] = torch.from_numpy(np.ascontiguousarray(reference.scores, dtype=np.float64))
    if reference.bank is not None:
        threshold = torch.tensor(reference.bank.threshold, dtype=torch.float64)
        tensors |= {"bank": reference.bank.rows.contiguous(), "threshold": threshold}
    if (sure := reference.sureness) is not None:
        right = torch.from_numpy(np.ascontiguousarray(sure.right))
        tensors |= {"probabilities": torch.from_numpy(np.ascontiguousarray(sure.probabilities)), "right": right}
    return safetensors.torch.save(tensors)


def from_bytes(content: bytes, features: int) -> Reference:
    """Inverse of `to_bytes`, for a network of so many features.

    Raises `SafetensorError`, `KeyError` or `ValueError` where the content is not that.
    """
    tensors = safetensors.torch.load(content)
    scores = tensors["scores"].double().numpy() if "scores" in tensors else None
    if scores is not None and (scores.ndim != 1 or not bool((np.diff(scores) >= 0).all())):
        raise ValueError("the scores of validation are not sorted")
    sureness = _sureness(tensors) if "probabilities" in tensors else None
    if "bank" not in tensors:
        return Reference(scores, sureness=sureness)
    bank, threshold = tensors["bank"], float(tensors["threshold"])
    if bank.ndim != 2 or not len(bank) or bank.shape[1] != features or not math.isfinite(threshold):
        raise ValueError(f"a bank of shape {tuple(bank.shape)} and threshold {threshold} for {features} features")
    return Reference(scores, Bank(bank, threshold), sureness=sureness)


def _sureness(tensors: dict[str, torch.Tensor]) -> Sureness:
    probabilities, right = tensors["probabilities"].double().numpy(), tensors["right"].numpy().astype(bool)
    if probabilities.ndim != 1 or probabilities.shape != right.shape:
        raise ValueError(f"{right.shape} answers that were right or not, of {probabilities.shape} probabilities")
    return Sureness(probabilities, right)
