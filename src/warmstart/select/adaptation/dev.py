"""Deep embedded validation: the source's validation loss, weighted towards samples that look like the target's."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from warmstart.select.adaptation.answers import Answers, Floats

ITERATIONS = 1000
FARTHEST = 500.0
"""Logit beyond which a sample is as surely of one domain as numbers can say."""


def dev(answers: Answers) -> float:
    """Estimate of the loss on the target, from labels of the source alone; lower is better, and it may fall below 0.

    Mean of w l + eta (mean of w - 1) over held-out samples of the source, with the loss l, the weight w = (n_source /
    n_target) P(target | features) / P(source | features), and eta = - Cov(w l, w) / Var(w), which makes the estimate
    vary least: You, Wang, Long & Jordan, ICML 2019, "Towards accurate model selection in deep unsupervised domain
    adaptation", equations 6 to 9. Where the two are told apart without a mistake hardly any sample has a weight, and it
    says next to nothing.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(600, 2))
    >>> alike = Answers(x[:200], x[:200], x[200:400], x[400:], np.full(200, 0.5))
    >>> round(dev(alike), 2)
    0.5
    """
    weights = density_ratio(answers.train, answers.target, answers.held_out)
    weighted = weights * answers.losses
    variance = float(weights.var(ddof=1)) if len(weights) > 1 else 0.0
    eta = -float(np.cov(weighted, weights)[0, 1]) / variance if variance > 0 else 0.0
    return float(weighted.mean() + eta * weights.mean() - eta)


def density_ratio(source: Floats, target: Floats, of: Floats) -> Floats:
    """How much likelier each row of `of` (k, d) is under the target than under the source, by a logistic classifier
    between `source` (n, d) and `target` (m, d), standardised.
    """
    both = np.concatenate([source, target])
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=ITERATIONS))
    classifier.fit(both, np.repeat([1, 0], [len(source), len(target)]))
    logits = np.clip(classifier.decision_function(of), -FARTHEST, FARTHEST)
    found: Floats = len(source) / len(target) * np.exp(-logits)
    return found
