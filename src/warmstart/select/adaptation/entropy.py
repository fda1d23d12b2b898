"""Mean entropy of the answers on the target."""

from __future__ import annotations

import numpy as np

from warmstart.select.adaptation.answers import Answers


def entropy(answers: Answers) -> float:
    """Mean entropy of the predicted distributions, in nats; lower is better.

    Morerio, Cavazza & Murino, ICLR 2018, "Minimal-entropy correlation alignment for unsupervised deep domain
    adaptation", section 3.2. A model that gives every sample of the target the same class with certainty has the
    lowest: many methods minimise it, or something much like it.

    >>> one = np.ones((2, 1))
    >>> round(entropy(Answers(np.zeros((2, 4)), one, one, one, one[:, 0])), 4)
    1.3863
    """
    log = answers.log_probabilities
    return float(-(np.exp(log) * log).sum(1).mean())
