"""The losses that align a source with a target, on plain tensors: features (n, d), logits (n, classes)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_TINY = 1e-7
_WIDTHS = tuple(2.0 ** (k / 2) for k in range(-16, 17))
"""Of the kernels, as multiples of the median distance squared (Long et al. 2015, section 4.1)."""


def entropy(logits: Tensor) -> Tensor:
    """Entropy of each prediction (n,), in nats.

    >>> round(float(entropy(torch.zeros(1, 2))), 4)
    0.6931
    """
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)


def class_confusion(logits: Tensor, temperature: float = 2.5) -> Tensor:
    """Minimum class confusion of predictions for a target (Jin et al. 2020, eq. 2 to 6).

    How often two classes are probable for one sample, samples of low entropy counting more, and each class as much as
    another; the mean over the classes of what a class shares with others.

    >>> sure, torn = torch.tensor([[9.0, 0.0], [0.0, 9.0]]), torch.zeros(2, 2)
    >>> float(class_confusion(sure, 1.0)) < 0.01, float(class_confusion(torn))
    (True, 0.5)
    """
    scaled = logits / temperature
    probabilities = scaled.softmax(1)
    weights = 1 + torch.exp(-entropy(scaled).detach())
    weights = weights / weights.mean()
    confusion = probabilities.T @ (weights[:, None] * probabilities)
    confusion = confusion / confusion.sum(1, keepdim=True).clamp_min(_TINY)
    return (confusion.sum() - confusion.trace()) / logits.shape[1]


def covariance_distance(source: Tensor, target: Tensor) -> Tensor:
    """Squared Frobenius distance of the covariances of features, over 4 d^2 (Sun & Saenko 2016, eq. 1).

    Of centred samples over the root of their number less one, it is the sum of the squared products of all pairs, those
    of the source with the target subtracted: (n + m)^2 products in the place of d^2 covariances.

    >>> x = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    >>> float(covariance_distance(x, x + 5)), float(covariance_distance(x, torch.zeros(2, 2)))
    (0.0, 0.25)
    """
    z = torch.cat([(x - x.mean(0)) / (len(x) - 1) ** 0.5 for x in (source, target)])
    sign = torch.ones(len(z), device=z.device)
    sign[len(source) :] = -1
    return ((z @ z.T).square() * torch.outer(sign, sign)).sum() / (4 * source.shape[1] ** 2)


def mean_discrepancy(source: Tensor, target: Tensor) -> Tensor:
    """Squared maximum mean discrepancy, the mean over 33 Gaussian kernels (Long et al. 2015, eq. 2, and section 4.1).

    Their widths are the median of the squared distances of all samples, times 2^-8 to 2^8; each counts alike. It is the
    biased estimate: never below 0.

    >>> x = torch.tensor([[0.0], [1.0], [2.0]])
    >>> round(float(mean_discrepancy(x, x)), 6), float(mean_discrepancy(x, x + 9)) > 0.2
    (0.0, True)
    """
    both, n = torch.cat([source, target]), len(source)
    squared = _squared_distances(both)
    median = squared.detach()[~torch.eye(len(both), dtype=torch.bool, device=both.device)].median()
    widths = torch.tensor(_WIDTHS, device=both.device) * (median + _TINY)
    kernel = torch.exp(-squared / widths[:, None, None]).mean(0)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


def told_apart(source: Tensor, target: Tensor, weights: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """Cross entropy of telling source (0) from target (1) by one logit for each sample, (n,) and (m,): of both, the
    sum of the means (Ganin et al. 2016, eq. 9), weighted where samples count unlike.
    """
    losses = functional.softplus(source), functional.softplus(-target)
    if weights is None:
        return losses[0].mean() + losses[1].mean()
    first, second = ((loss * weight).sum() / weight.sum() for loss, weight in zip(losses, weights, strict=True))
    return first + second


def sureness(logits: Tensor) -> Tensor:
    """How much a sample counts in CDAN+E (n,): 1 + exp(-entropy) (Long et al. 2018, section 3.3); without gradient."""
    return 1 + torch.exp(-entropy(logits.detach()))


def margin_disparity(
    source: Tensor, target: Tensor, source_other: Tensor, target_other: Tensor, margin: float
) -> Tensor:
    """What a second classifier minimises: to agree with the first on the source, and to differ from it on the target
    (Zhang et al. 2019, eq. 29 and 30). Its logits are `_other`; those of the first have no gradient here.
    """
    agree = functional.cross_entropy(source_other, source.argmax(1))
    same = target_other.log_softmax(1).gather(1, target.argmax(1)[:, None])[:, 0]
    differ = -torch.log1p(-same.exp().clamp(max=1 - _TINY)).mean()
    return margin * agree + differ


def information(logits: Tensor) -> Tensor:
    """Minus the information that predictions hold (Liang et al. 2020, eq. 3): sure one by one, and diverse together.

    >>> sure = torch.tensor([[99.0, 0.0], [0.0, 99.0]])
    >>> round(float(information(sure)), 4)  # minus log 2
    -0.6931
    """
    together = logits.softmax(1).mean(0)
    return entropy(logits).mean() + (together * torch.log(together + _TINY)).sum()


def class_means_labels(features: Tensor, logits: Tensor) -> Tensor:
    """Pseudo-labels (n,): the class whose mean a sample is nearest to, by cosine (Liang et al. 2020, eq. 4 to 6).

    Means are first weighted by probabilities, then those of the labels that came of it. A class that nothing is
    predicted as has no mean, and no sample.
    """
    there = torch.bincount(logits.argmax(1), minlength=logits.shape[1]) > 0
    points = functional.normalize(torch.cat([features, features.new_ones(len(features), 1)], dim=1), dim=1)
    shares = logits.softmax(1)
    for _ in range(2):
        means = shares.T @ points / (shares.sum(0)[:, None] + _TINY)
        near = (points @ functional.normalize(means, dim=1).T).masked_fill(~there, -torch.inf)
        labels = near.argmax(1)
        shares = functional.one_hot(labels, logits.shape[1]).to(points)
    return labels


def _squared_distances(x: Tensor) -> Tensor:
    """Of all pairs (n, n), by products, whose gradient is finite where two are equal."""
    norms = x.square().sum(1)
    return (norms[:, None] + norms - 2 * x @ x.T).clamp_min(0)
