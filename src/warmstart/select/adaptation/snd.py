"""Soft neighbourhood density: whether samples of the target that are answered alike have many such neighbours."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from warmstart.select.adaptation.answers import Answers, Floats

TEMPERATURE = 0.05
ROWS = 1000
"""Samples whose similarities to all others are held at a time."""


def snd(answers: Answers) -> float:
    """Mean entropy of each sample's similarities to all others, in nats; higher is better.

    Similarities are cosines of the predicted probabilities over a temperature of 0.05, that to itself taken as -1,
    through a softmax: Saito, Kim, Teterwak, Sclaroff, Darrell & Saenko, ICCV 2021, "Tune it the right way: unsupervised
    validation of domain adaptation via soft neighborhood density", equations 2 and 3. A model that gives every sample
    the same class has the highest there is, log(m - 1).

    >>> one = np.ones((2, 1))
    >>> alike = np.array([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0], [0.0, 9.0]])
    >>> apart = Answers(alike, np.ones((4, 1)), one, one, one[:, 0])
    >>> round(snd(apart), 4)
    0.0
    """
    unit = np.exp(answers.log_probabilities)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    parts = [_entropies(unit, start) for start in range(0, len(unit), ROWS)]
    return float(np.concatenate(parts).mean())


def _entropies(unit: Floats, start: int) -> Floats:
    """Of the rows from `start` on."""
    rows = unit[start : start + ROWS]
    similarities = rows @ unit.T / TEMPERATURE
    similarities[np.arange(len(rows)), start + np.arange(len(rows))] = -1 / TEMPERATURE
    log = log_softmax(similarities, axis=1)
    found: Floats = -(np.exp(log) * log).sum(1)
    return found
