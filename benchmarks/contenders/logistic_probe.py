"""A correct probe: features of the frozen backbone once, standardised, and a path of logistic regressions.

The strength of the penalty is chosen by 5-fold cross-validation over 13 values of C, half a decade apart, standardised
inside each fold's own training part.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import Loader, backbone, images, moved, snapshot
from benchmarks.contenders.logistic import chosen, strength


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
    search = chosen([StandardScaler()], x, y, np.logspace(-5, 1, 13), job.seed)
    predicted = [job.classes()[i] for i in search.predict(features(body, images(job.test, 64))[0])]
    job.answer(
        zip(job.test_files(), predicted, strict=True),
        packages=["torch", "timm", "scikit-learn"],
        frozen=moved(before, body),
        C=strength(search),
    )


if __name__ == "__main__":
    main()
