"""How often is a difference claimed between two classifiers, by the bootstrap, by two t-tests over folds, and by both?

Two classifiers learn from features of their own of the same 200 samples. Under the null both kinds of features are
equally good, so whatever is claimed is wrong. Ridge is a stable learner, a stump on the best single feature is not.
Run: python benchmarks/micro/paired_folds.py (a minute).
"""

from __future__ import annotations

import numpy as np
from scipy.stats import t

from warmstart.evaluation.paired import corrected_t, p_value

SAMPLES, FEATURES, SIGNAL = 200, 12, 0.35
Rows = np.ndarray


def draw(rng: np.random.Generator, labels: Rows, signal: float) -> Rows:
    shift = np.r_[np.full(3, signal), np.zeros(FEATURES - 3)]
    return rng.normal(size=(len(labels), FEATURES)) + (2 * labels - 1)[:, None] * shift


def ridge(x: Rows, y: Rows, asked: Rows) -> Rows:
    wide = np.c_[x, np.ones(len(x))]
    weight = np.linalg.solve(wide.T @ wide + np.eye(wide.shape[1]), wide.T @ (2 * y - 1))
    return np.c_[asked, np.ones(len(asked))] @ weight > 0


def stump(x: Rows, y: Rows, asked: Rows) -> Rows:
    places = np.quantile(x, [0.2, 0.35, 0.5, 0.65, 0.8], axis=0)
    right = ((x[None] > places[:, None]) == y[None, :, None].astype(bool)).mean(1)
    place, feature = np.unravel_index(int(right.argmax()), right.shape)
    return asked[:, feature] > places[place, feature]


def claims(learner: object, folds: int, gain: float, repeats: int) -> dict[str, float]:
    rng, found = np.random.default_rng(0), {"bootstrap": 0, "corrected t": 0, "moderated": 0, "both": 0}
    for _ in range(repeats):
        y = rng.integers(0, 2, SAMPLES)
        kinds = (draw(rng, y, SIGNAL), draw(rng, y, SIGNAL + gain))
        fold, gap = rng.permutation(SAMPLES) % folds, np.zeros(SAMPLES)
        for number in range(folds):
            held = fold == number
            right = [learner(x[~held], y[~held], x[held]) == y[held] for x in kinds]  # type: ignore[operator]
            gap[held] = right[1].astype(float) - right[0]
        parts = [gap[fold == number] for number in range(folds)]
        means = np.array([part.mean() for part in parts])
        ratio, sampling = 1 / (folds - 1), float(np.mean([part.var(ddof=1) / len(part) for part in parts]))
        plain = abs(means.mean()) / np.sqrt((1 / folds + ratio) * means.var(ddof=1) + 1e-12)
        sure = abs(gap.mean()) > 1.96 * gap.std(ddof=1) / np.sqrt(SAMPLES)
        moderated = p_value(corrected_t(means, ratio, sampling) or (0.0, 0.0, 1)) <= 0.05
        said = (sure, plain > t.ppf(0.975, folds - 1), moderated, sure and moderated)
        found = {name: found[name] + bool(one) for name, one in zip(found, said, strict=True)}
    return {name: count / repeats for name, count in found.items()}


if __name__ == "__main__":
    for learner in (ridge, stump):
        for folds in (2, 3, 5, 10):
            for gain, repeats in ((0.0, 600), (0.25, 200)):
                shares = ", ".join(f"{n} {100 * v:.1f} %" for n, v in claims(learner, folds, gain, repeats).items())
                print(f"{learner.__name__}, {folds} folds, {'a true' if gain else 'no'} difference: {shares}")
