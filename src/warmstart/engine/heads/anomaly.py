"""Heads that tell anomalies by their distance from normal samples, each fitted on the normal training samples alone.

Features are centred, and each group of columns (each block of the backbone) is brought to one spread as a whole. To
standardise every column, as a linear probe wants it, would be wrong here: many features hardly vary among normal
samples, and would outweigh all others. Area under the ROC curve, and the share of normal test samples with p <= 0.05,
mean of five digits of scikit-learn as the normal class (frozen EfficientNet-Lite0 with three taps, 90 normal samples):

                  one spread for a group    every column standardised
    neighbours        .986                       .923    .22  (of five neighbours)
    mahalanobis       .990    .05                .923    .25

Neither head is the better one everywhere (raw series, by the same protocol: ECG5000 .979 and .967, Coffee .954 and
.975), nor are both together. One to ten neighbours differed by up to 13 points, fewer being better; two are taken, so
that one anomaly that was taken for normal hides no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from sklearn.covariance import ledoit_wolf_shrinkage
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.threads import eigen, gram, product, threads_for
from warmstart.errors import RecipeError, TrainingError
from warmstart.model.anomaly import FALSE_ALARMS, AnomalyHead, MahalanobisHead, NeighboursHead
from warmstart.model.backbone import FeatureGroup
from warmstart.registry import Registry

DEFAULT, NEIGHBOURS = "neighbours", 2
FOLDS = 10
MOST = 5000
"""Normal samples that a head remembers, at most: a random choice of more."""
LEAST_SHRINKAGE = 1e-4
"""So that a direction in which normal samples do not vary at all weighs 10,000 times as much as others at most."""
_ROWS = 1024
DISTANCES = {
    "neighbours": f"distance to the {NEIGHBOURS} nearest normal samples",
    "mahalanobis": "Mahalanobis distance from the normal samples",
}
"""What each is, in words."""


class Distance(Protocol):
    """What is registered."""

    def __call__(self, rows: Tensor, false_alarms: float) -> tuple[AnomalyHead, Tensor]:
        """The head for features (n, d), scaled, of normal samples, and the distance (n,) of each from the rest."""
        ...


distances: Registry[Distance] = Registry("head for anomalies", RecipeError)
"""By name."""


def fit_anomaly(
    features: Tensor,
    targets: Tensor,
    names: Sequence[str] = (),
    seed: int = 0,
    *,
    groups: Sequence[FeatureGroup] = (),
    units: Sequence[str | None] | None = None,
    false_alarms: float = FALSE_ALARMS,
) -> FittedHead:
    """Fit on the features (n, d) of samples whose target (n,) is 0, normal; others have no part in it.

    Args:
        features: finite.
        targets: 0 for normal samples, 1 for anomalies, -1 where unknown.
        names: the first of them that is in `distances`; the default where none is.
        seed: of the choice where there are more than `MOST`.
        groups: of the columns; one where nothing is known of them.
        units: what each sample belongs to (a patient, a recording), if anything: windows of one recording are alike,
            so that all of them are left out together.
        false_alarms: share of normal samples that may raise an alarm.

    Of the result, `cv_outputs` (n, 3) are those of each normal sample as if it had been left out.

    Raises:
        TrainingError: a feature is not finite, or fewer than two samples are normal.

    >>> x = torch.tensor([[0.0, 1.0], [0.1, 0.9], [-0.1, 1.1], [0.0, 1.0], [5.0, 5.0]])
    >>> fit_anomaly(x, torch.tensor([0, 0, 0, 0, 1])).logits(x)[:, 0].argmax().item()
    4
    """
    normal = torch.nonzero(targets == 0).flatten()
    if len(normal) < 2:
        raise TrainingError(
            f"{len(normal)} normal training samples", expected="two or more, better a hundred", do="give more of them"
        )
    if not bool(torch.isfinite(features).all()):
        raise TrainingError("the features of some samples are not finite", do="check the backbone's weights")
    if len(normal) > MOST:
        drawn = np.random.default_rng(seed).permutation(len(normal))[:MOST]
        normal = normal[torch.from_numpy(np.sort(drawn))]
    name = next((name for name in names if name in distances), DEFAULT)
    rows = features[normal].double()
    with threads_for(float(len(rows)) * rows.shape[1] * min(rows.shape)):
        mean, std = rows.mean(0), _spreads(rows, groups)
        scaled = (rows - mean) / std
        head, left_out = distances[name](scaled, false_alarms)
        folds = _folds([units[i] for i in normal.tolist()], seed) if units is not None else None
        if folds is not None:
            left_out = _left_out_by_fold(distances[name], scaled, folds)
        head.mean.copy_(mean)
        head.std.copy_(std)
        head.calibrate(left_out)
        head.eval()
        with torch.no_grad():
            outputs = head(features.float())
            outputs[normal] = head.judged((left_out / head.unit).float())
    choice: dict[str, Any] = {"samples": len(rows), "alarm": head.rate}
    return FittedHead(name, head, outputs, choice, told(name, head, by_unit=folds is not None))


def _folds(units: Sequence[str | None], seed: int) -> IntArray | None:
    """Fold (n,) in which each sample is left out with all of its unit; `None` where units do not hold several samples,
    or there is only one.
    """
    names = [f"of {unit}" if unit is not None else f"alone {i}" for i, unit in enumerate(units)]
    found, which = np.unique(names, return_inverse=True)
    if not 1 < len(found) < len(names):
        return None
    return (np.random.default_rng(seed).permutation(len(found)) % min(FOLDS, len(found)))[which].astype(np.int64)


def _left_out_by_fold(fit: Distance, rows: Tensor, folds: IntArray) -> Tensor:
    """Distance (n,) of each scaled row (n, d) from those of the other folds."""
    left = torch.empty(len(rows), dtype=rows.dtype)
    for fold in np.unique(folds):
        held = torch.from_numpy(folds == fold)
        middle = rows[~held].mean(0)
        if int((~held).sum()) < 2:
            raise TrainingError("one normal sample beside a group", "two or more", do="give more groups")
        head, _ = fit(rows[~held] - middle, FALSE_ALARMS)
        left[held] = head.distance((rows[held] - middle).float()).to(left)
    return left


def _spreads(rows: Tensor, groups: Sequence[FeatureGroup]) -> Tensor:
    """What to divide columns by (d,): by group, the root mean square distance of rows (n, d) from their mean."""
    variance = rows.var(0, correction=0)
    found = torch.empty_like(variance)
    for columns in [slice(group.start, group.stop) for group in groups] or [slice(None)]:
        found[columns] = variance[columns].sum().sqrt()
    return torch.where(found > 0, found, 1.0)


def told(name: str, head: AnomalyHead, *, by_unit: bool = False) -> str:
    """What was fitted, and when it raises an alarm, in words."""
    n = len(head.left_out)
    how = ", p-values by leaving out whole groups" if by_unit else ""
    what = f"{name}, from {n} normal samples{how}; an alarm is a p-value of at most {head.rate:.3g}"
    if head.rate > head.false_alarms:
        least = round(1 / head.false_alarms) - 1
        what += f", the least that so few can say: a rate of {head.false_alarms:.3g} takes {least}"
    return what


@distances.register("neighbours")
def neighbours(rows: Tensor, false_alarms: float) -> tuple[NeighboursHead, Tensor]:
    """Mean distance to the nearest few."""
    n, d = rows.shape
    k = min(NEIGHBOURS, n - 1)
    head = NeighboursHead(d, n, k, false_alarms)
    head.set_bank(rows.float())
    squares, found = rows.square().sum(1), []
    for start in range(0, n, _ROWS):
        part = rows[start : start + _ROWS]
        far = squares[start : start + _ROWS, None] + squares - 2 * product(part, rows.T)
        here = torch.arange(len(part))
        far[here, start + here] = torch.inf
        found.append(far.topk(k, dim=1, largest=False).values.clamp_min(0).sqrt().mean(1))
    return head, torch.cat(found)


@distances.register("mahalanobis")
def mahalanobis(rows: Tensor, false_alarms: float) -> tuple[MahalanobisHead, Tensor]:
    """Mahalanobis distance; the covariance is shrunk as Ledoit and Wolf (2004) would.

    To leave a sample out changes mean and covariance by one direction, so that its distance from the others follows
    from that to all of them (Sherman and Morrison 1950), exactly for a given shrinkage.
    """
    n, d = rows.shape
    share = max(float(ledoit_wolf_shrinkage(rows.numpy(), assume_centered=True)), LEAST_SHRINKAGE)
    least = share * max(float(rows.square().sum()) / (n * d), 1e-12)
    sizes, basis = _directions(rows)
    spread = (1 - share) * sizes / n
    head = MahalanobisHead(d, n, len(sizes), false_alarms)
    head.set_precision(basis.float(), (1 / (spread + least) - 1 / least).float(), 1 / least)
    more = n / (n - 1)
    along, whole = product(rows, basis.T).square(), rows.square().sum(1)
    far = whole / least + along @ (1 / (more * spread + least) - 1 / least)
    left = far / (1 - (1 - share) * more / (n - 1) * far)
    return head, more * left.clamp_min(0).sqrt()


def _directions(rows: Tensor) -> tuple[Tensor, Tensor]:
    """(sums of squares (r,), orthonormal directions (r, d)) of centred rows (n, d), for the directions they vary in."""
    n, d = rows.shape
    sizes, vectors = eigen(gram(rows) if n <= d else gram(rows.T.contiguous()))
    kept = sizes > 1e-9 * sizes.max().clamp_min(1e-30)
    sizes, vectors = sizes[kept], vectors[:, kept]
    return sizes, (product(vectors.T.contiguous(), rows) / sizes.sqrt()[:, None] if n <= d else vectors.T.contiguous())
