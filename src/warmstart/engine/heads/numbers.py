"""A linear head for numbers, or for labels that do not exclude each other: ridge with exact leave-one-out.

Numbers are what ridge regression answers. Of labels it answers how likely each is, on a scale of its own; two numbers
for each label bring that to logits (Platt 1999, "Probabilistic outputs for support vector machines"), fitted on the
left-out answers, so that they are calibrated on samples that the regression has not seen.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from warmstart.engine.heads.base import FittedHead, standardised
from warmstart.engine.heads.ridge import PENALTIES, RidgePath
from warmstart.engine.heads.threads import threads_for
from warmstart.errors import TrainingError
from warmstart.model.head import LinearHead
from warmstart.task.base import is_known

LEAST = 0.1
"""Of numbers, the spread of a column over that of the median one below which it is not made wider. A feature that is
not zero for one training sample alone has next to no spread, and another sample that has it is answered with a number
far from all others: R2 of the angle of 246 rotated digits, held-out, was -.20 without this and .41 with it at 64
pixels, .40 and .43 at 224 (EfficientNet-Lite0, four blocks; left-out .24, .23, .23 and .23)."""


def fit_numbers(features: Tensor, targets: Tensor, *, labels: bool) -> FittedHead:
    """Fit on features (n, d) and targets (n, k), NaN where unknown; `labels` where they are zeros and ones.

    The penalty is that of the least squared error of the left-out answers, mean over all targets.

    Raises:
        TrainingError: a feature is not finite, or fewer than two samples are known.

    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> fit_numbers(x, 2 * x, labels=False).logits(torch.tensor([[4.0]])).round().item()
    8.0
    """
    known = is_known(targets)
    if int(known.sum()) < 2:
        raise TrainingError(f"{int(known.sum())} training samples with a label", "at least two", "give more labels")
    if not bool(torch.isfinite(features).all()):
        raise TrainingError("the features of some samples are not finite", do="check the backbone's weights")
    rows, y = features[known].double(), targets[known].double()
    n, d = rows.shape
    with threads_for(float(n) * d * min(n, d)):
        x, mean, std = standardised(rows, 0.0 if labels else LEAST)
        path = RidgePath.of(x, y)
        penalties = [share * path.scale for share in PENALTIES]
        left_out = [path.left_out(penalty) for penalty in penalties]
        errors = [float((outputs - y).square().mean()) for outputs in left_out]
        chosen = int(np.argmin(errors))
        weight, bias = path.weights(penalties[chosen])
    cv = left_out[chosen]
    if labels:
        factor, shift = platt(cv, y)
        weight, bias, cv = weight * factor[:, None], bias * factor + shift, cv * factor + shift
    head = LinearHead(d, y.shape[1])
    head.set_linear(weight.float(), bias.float(), mean.float(), std.float())
    outputs = torch.full(targets.shape, torch.nan)
    outputs[known] = cv.float()
    choice = {"penalty": penalties[chosen], "squared_error": errors[chosen]}
    return FittedHead("ridge", head.eval(), outputs, choice)


def platt(outputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """(factor (k,), shift (k,)) that make logits of left-out outputs (n, k); truth is 0 or 1.

    A label that all samples have, or none, gets the logit of its share with one imagined sample of each kind.
    """
    factors, shifts = [], []
    for column, label in zip(outputs.T, truth.T, strict=True):
        held, n = float(label.sum()), len(label)
        if 0 < held < n:
            spread = float(column.std()) or 1.0
            found = LogisticRegression(C=100.0).fit(column[:, None].numpy() / spread, label.numpy())
            factors.append(max(float(found.coef_[0, 0]), 0.0) / spread)
            shifts.append(float(found.intercept_[0]))
        else:
            factors.append(0.0)
            shifts.append(float(np.log((held + 1) / (n - held + 1))))
    return torch.tensor(factors, dtype=outputs.dtype), torch.tensor(shifts, dtype=outputs.dtype)
