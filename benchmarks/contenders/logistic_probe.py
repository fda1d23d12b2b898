"""A correct probe: features of the frozen backbone once, standardised, and a path of logistic regressions.

The strength of the penalty is chosen by 5-fold cross-validation over 13 values of C, half a decade apart, standardised
inside each fold's own training part.
"""

from __future__ import annotations

import numpy as np
import torch
from joblib import parallel_config
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import nn

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import Loader, backbone, images, moved, snapshot


@torch.inference_mode()
def features(body: nn.Module, loader: Loader) -> tuple[np.ndarray, np.ndarray]:
    """Features `(n, 1280)` and labels `(n,)`."""
    pairs = [(body(x), y) for x, y in loader]
    return torch.cat([f for f, _ in pairs]).numpy(), torch.cat([y for _, y in pairs]).numpy()


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    body = backbone()
    before = snapshot(body)
    x, y = features(body, images(job.train, 64))
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    members = int(np.bincount(y).min())
    folds = StratifiedKFold(max(2, min(5, members)), shuffle=True, random_state=job.seed)
    path = {"logisticregression__C": np.logspace(-5, 1, 13)}
    # The fits are small: a thread per fold is faster than threads inside each fit, and needs no new processes.
    with parallel_config(backend="threading"), threadpool_limits(1):
        search = GridSearchCV(probe, path, cv=folds, scoring="neg_log_loss", n_jobs=2).fit(x, y)
    predicted = [job.classes()[i] for i in search.predict(features(body, images(job.test, 64))[0])]
    job.answer(
        zip(job.test_files(), predicted, strict=True),
        packages=["torch", "timm", "scikit-learn"],
        frozen=moved(before, body),
        C=float(search.best_params_["logisticregression__C"]),
    )


if __name__ == "__main__":
    main()
