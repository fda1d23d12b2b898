"""Logistic regression whose penalty is chosen by cross-validation, for every contender that ends in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits


def chosen(
    before: Sequence[Any],
    x: Any,
    y: np.ndarray,
    strengths: np.ndarray,
    seed: int,
    scoring: str = "neg_log_loss",
) -> GridSearchCV:
    """The best of several C by 5-fold cross-validation, fitted on all of `x` (n, d) and the class indices `y` (n,).

    `before` are transformations that are fitted inside each fold's own training part. The fits are small: a thread per
    fold is faster than threads inside each fit, and needs no new processes.
    """
    folds = StratifiedKFold(max(2, min(5, int(np.bincount(y).min()))), shuffle=True, random_state=seed)
    model = make_pipeline(*before, LogisticRegression(max_iter=1000))
    with parallel_config(backend="threading"), threadpool_limits(1):
        path = {"logisticregression__C": strengths}
        return GridSearchCV(model, path, cv=folds, scoring=scoring, n_jobs=2).fit(x, y)


def strength(search: GridSearchCV) -> float:
    """The C that was chosen."""
    return float(search.best_params_["logisticregression__C"])
