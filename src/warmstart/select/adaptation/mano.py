"""MaNo: how far the answers on the target lie from where the model decides, as a matrix norm."""

from __future__ import annotations

import numpy as np

from warmstart.select.adaptation.answers import Answers, Floats

ORDER = 4
SURE = 5.0
"""Mean of -log p over samples and classes, beyond which the softmax itself is taken."""


def mano(answers: Answers) -> float:
    """The entry-wise norm of order 4 of the normalised logits, over its number of entries; from 0 to 1, higher is
    better.

    Normalised by the softmax where the model is sure, and else by its second-order Taylor polynomial, which errors in
    the logits distort less: Xie, Odonnat, Feofanov, Deng, Zhang & An, NeurIPS 2024, "MaNo: exploiting matrix norm for
    unsupervised accuracy estimation under distribution shifts", equations 2, 3 and 6.

    >>> one = np.ones((2, 1))
    >>> round(mano(Answers(np.zeros((2, 4)), one, one, one, one[:, 0])), 4)
    0.0
    """
    log = answers.log_probabilities
    normalised = np.exp(log) if -log.mean() > SURE else _taylor(answers.logits)
    return float((normalised**ORDER).mean() ** (1 / ORDER))


def _taylor(logits: Floats) -> Floats:
    """1 + q + q^2 / 2 less its least in each row, each row summing to 1; zeros where a row is all alike."""
    polynomial = 1 + logits + logits**2 / 2
    polynomial -= polynomial.min(1, keepdims=True)
    sums = polynomial.sum(1, keepdims=True)
    found: Floats = np.divide(polynomial, sums, out=np.zeros_like(polynomial), where=sums > 0)
    return found
