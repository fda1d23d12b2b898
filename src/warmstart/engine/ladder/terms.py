"""TF-IDF of texts of any script, or of pairs of texts: the terms that a linear model weighs, as sparse rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from warmstart.data.schema import Text

View = Literal["words", "words and their pairs", "characters"]
VIEWS: tuple[View, ...] = get_args(View)
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Thai, Lao, Burmese, Khmer, kana and Han: scripts that put no space between words."""
_BETWEEN = r"\s\x00-\x1f!-/:-@\[-^`{-~\x7f-\xbf\u2000-\u206f\u3000-\u303f\uff00-\uff0f"
TOKEN = rf"[{_UNSPACED}]|[^{_UNSPACED}{_BETWEEN}]+"
r"""A letter of a script without spaces, whose pairs stand for words; else what lies between spaces and punctuation, for
`\w` has no vowel signs of Indian scripts and would cut words at them."""
_SHAPES: dict[View, dict[str, Any]] = {
    "words": {"token_pattern": TOKEN},
    "words and their pairs": {"token_pattern": TOKEN, "ngram_range": (1, 2)},
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 5)},
}
"""None leaves out what only one text has: of 200 headlines that took 11 points of 54, and cross-validation, which sees
the terms of all folds, did not find it."""


@dataclasses.dataclass(frozen=True)
class Terms:
    """What was counted in some texts, and how seldom each term is there. Rows of others are made by `rows`."""

    vectorizer: TfidfVectorizer | None  # none where no text has any term

    @classmethod
    def of(cls, texts: Sequence[Text], view: View, most: int) -> tuple[Terms, Any]:
        """The terms of `texts`, at most the `most` frequent ones, and the rows (n, columns) of these texts.

        Pairs are neighbours, `characters` runs of 2 to 5 within a word.
        """
        counter = TfidfVectorizer(sublinear_tf=True, max_features=most, dtype=np.float32, **_SHAPES[view])
        try:
            counted = counter.fit_transform(_parts(texts))
        except ValueError:  # what scikit-learn says of texts without any term
            return cls(None), _none(texts)
        return cls(counter), _beside(counted, len(texts))

    def names(self, parts: int) -> list[str]:
        """What each column counts; of a pair "1: term" and "2: term"."""
        if self.vectorizer is None:
            return [""]
        found = list(map(str, self.vectorizer.get_feature_names_out()))
        if parts == 1:
            return found
        return [*(f"{k}: {name}" for k in (1, 2) for name in found), "terms of both"]

    def rows(self, texts: Sequence[Text]) -> Any:
        """A sparse row for each text, of the same columns as those that were counted."""
        if self.vectorizer is None:
            return _none(texts)
        return _beside(self.vectorizer.transform(_parts(texts)), len(texts))


def _parts(texts: Sequence[Text]) -> list[str]:
    """All first parts, then all second ones."""
    return [text.parts[k] for k in range(len(texts[0].parts)) for text in texts]


def _beside(counted: Any, n: int) -> Any:
    """The terms of each part in columns of their own; of a pair also the cosine of the two, which no sum of them is."""
    if counted.shape[0] == n:
        return counted
    first, second = counted[:n], counted[n:]
    cosine = sparse.csr_matrix(first.multiply(second).sum(axis=1), dtype=np.float32)
    return sparse.hstack([first, second, cosine], format="csr")


def _none(texts: Sequence[Text]) -> Any:
    """One column of zeros: what can be learned from it are the shares of the classes."""
    return sparse.csr_matrix(np.zeros((len(texts), 1), dtype=np.float32))
