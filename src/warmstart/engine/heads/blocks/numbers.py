"""A linear head for numbers, or for labels that do not exclude each other, of features that are read in blocks."""

from __future__ import annotations

import torch
from torch import Tensor

from warmstart.data.batches import Rows
from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.blocks.ridge import BlockRidge
from warmstart.engine.heads.blocks.standard import Standard
from warmstart.engine.heads.numbers import LEAST, platt
from warmstart.engine.heads.ridge import PENALTIES
from warmstart.engine.heads.threads import threads_for
from warmstart.errors import TrainingError
from warmstart.model.head import LinearHead
from warmstart.task.base import is_known


def fit_numbers(rows: Rows, targets: Tensor, *, labels: bool, at_once: int | None = None) -> FittedHead:
    """As `warmstart.engine.heads.numbers.fit_numbers`, of rows (n, d) of which `at_once` are held.

    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> fit_numbers(x, 2 * x, labels=False, at_once=3).logits(torch.tensor([[4.0]])).round().item()
    8.0
    """
    known = is_known(targets)
    if int(known.sum()) < 2:
        raise TrainingError(f"{int(known.sum())} training samples with a label", "at least two", "give more labels")
    standard = Standard.of(rows, known.nonzero().flatten(), least=0.0 if labels else LEAST, at_once=at_once)
    truth = targets[known]
    with threads_for(2.0 * standard.at_once * standard.width**2):
        ridge = BlockRidge.of(standard, truth)
        penalties = [share * ridge.scale for share in PENALTIES]
        errors = torch.zeros(len(penalties), dtype=torch.float64)
        for part, found in ridge.left_out(penalties):
            errors += torch.stack([(outputs - truth[part].double()).square().sum() for outputs in found])
        errors /= truth.numel()
        chosen = int(errors.argmin())
        weight, bias = ridge.weights(penalties[chosen])
        cv = ridge.outputs(penalties[chosen])
    if labels:
        factor, shift = platt(cv.double(), truth.double())
        weight, bias, cv = weight * factor[:, None], bias * factor + shift, cv * factor + shift
    head = LinearHead(standard.width, truth.shape[1])
    head.set_linear(weight.float(), bias.float(), standard.mean.float(), standard.std.float())
    outputs = torch.full(targets.shape, torch.nan)
    outputs[known] = cv.float()
    choice = {"penalty": penalties[chosen], "squared_error": float(errors[chosen])}
    return FittedHead("ridge", head.eval(), outputs, choice)
