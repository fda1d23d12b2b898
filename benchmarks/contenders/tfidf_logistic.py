"""No transfer: TF-IDF of words and pairs of words, and logistic regression, as scikit-learn's users write it.

The penalty is chosen by 5-fold cross-validation over 5 values of C, half a decade apart. In its favour: C is chosen by
accuracy (by likelihood it is always the largest, which of reviews costs a point), it reads whole texts, whatever the
others read, a word counts by the logarithm of how often it occurs (`sublinear_tf`), terms of one text alone are left
out (four times as fast, and no worse), and the weights of words are learned from all training texts once instead of
anew in every fold.
"""

from __future__ import annotations

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.contenders import job as jobs
from benchmarks.contenders.logistic import chosen, strength
from benchmarks.contenders.minilm import texts, training


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    train, y = training(job)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    search = chosen([], words.fit_transform(train), y, np.logspace(0, 2, 5), job.seed, "accuracy")
    files = job.test_files()
    predicted = [job.classes()[i] for i in search.predict(words.transform(texts(files)))]
    job.answer(zip(files, predicted, strict=True), packages=["scikit-learn"], C=strength(search))


if __name__ == "__main__":
    main()
