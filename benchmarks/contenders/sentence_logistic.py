"""Features of sentence-transformers, once, and a path of logistic regressions: the probe that its users write.

The penalty is chosen for accuracy by 5-fold cross-validation over 9 values of C, half a decade apart; the features are
of length one as the network gives them.
"""

from __future__ import annotations

import numpy as np

from benchmarks.contenders import job as jobs
from benchmarks.contenders.logistic import chosen, strength
from benchmarks.contenders.minilm import PACKAGE, sentences, texts, training


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    train, y = training(job)
    model = sentences(job)
    features = model.encode(train, show_progress_bar=False)
    search = chosen([], features, y, np.logspace(-1, 3, 9), job.seed, "accuracy")
    files = job.test_files()
    predicted = search.predict(model.encode(texts(files), show_progress_bar=False))
    job.answer(
        zip(files, [job.classes()[i] for i in predicted], strict=True),
        packages=["sentence-transformers", "transformers", "torch", "scikit-learn", PACKAGE],
        C=strength(search),
    )


if __name__ == "__main__":
    main()
