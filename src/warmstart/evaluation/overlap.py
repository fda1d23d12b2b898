"""How much written texts have in common with the texts that were wanted: ROUGE, BLEU and chrF.

They are counted by the packages that others count them by (rouge-score and sacrebleu), with words of any script.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.data.schema import IntArray
from warmstart.errors import DataError, MissingExtraError
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.units import several, widened

ROUGE = ("rouge1", "rouge2", "rougeL")
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
"""Thai, Lao, Burmese, Khmer, kana and Han put no space between words: each letter counts as one."""


class _Words:
    """rouge-score's own tokenizer keeps a to z alone: of texts in other scripts nothing would be left."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())


def overlaps(written: Sequence[str], wanted: Sequence[str]) -> dict[str, Tensor]:
    """Per-sample values (n,), float64, in [0, 1]: F1 of words, of pairs of words and of the longest sequence in common
    (Lin 2004), and chrF (Popović 2015). BLEU is none of them: see `bleu`.

    Raises:
        DataError: there are not as many of one as of the other.
        MissingExtraError: a package is not installed.
    """
    scorer, sacrebleu = _packages(written, wanted)
    rouge = [scorer.score(want, have) for have, want in zip(written, wanted, strict=True)]
    found = {name: _column([one[name].fmeasure for one in rouge]) for name in ROUGE}
    chrf = sacrebleu.CHRF()
    pairs = zip(written, wanted, strict=True)
    return found | {"chrf": _column([chrf.sentence_score(have, [want]).score / 100 for have, want in pairs])}


def bleu(
    written: Sequence[str],
    wanted: Sequence[str],
    *,
    resamples: int = 200,
    seed: int = 0,
    units: IntArray | None = None,
) -> Interval:
    """BLEU (Papineni et al. 2002) of all texts together, in [0, 1], with its 95 % interval by resampling texts (Koehn
    2004). Tokens are those of sacrebleu's "13a", of scripts without spaces single letters. `units` (n,) number texts
    that belong together: whole units are drawn.

    >>> import pytest; _ = pytest.importorskip("rouge_score"), pytest.importorskip("sacrebleu")
    >>> round(bleu(["the cat sat on"], ["the cat sat on"]).value, 3)
    1.0
    """
    _, sacrebleu = _packages(written, wanted)
    unspaced = any(re.search(f"[{_UNSPACED}]", text) for text in wanted)
    have, want = ([_apart(text) if unspaced else text for text in texts] for texts in (written, wanted))
    scorer, rng = sacrebleu.BLEU(tokenize="intl" if unspaced else "13a"), np.random.default_rng(seed)

    def score(rows: Sequence[int]) -> float:
        return float(scorer.corpus_score([have[i] for i in rows], [[want[i] for i in rows]]).score) / 100

    every = range(len(have))
    whole = several(units)
    if whole is None:
        draws = [score(rng.integers(0, len(have), len(have)).tolist()) for _ in range(resamples)]
        low, high = np.quantile(draws, [0.025, 0.975])
        return Interval(score(every), float(low), float(high))
    members = [np.flatnonzero(whole == unit) for unit in range(int(whole.max()) + 1)]
    if len(members) == 1:
        return Interval(score(every), 0.0, 1.0)
    picks = rng.integers(0, len(members), (resamples, len(members)))
    draws = [score(np.concatenate([members[one] for one in pick]).tolist()) for pick in picks]
    return widened(score(every), np.array(draws), len(members)).within(0.0, 1.0)


def _apart(text: str) -> str:
    return re.sub(f"([{_UNSPACED}])", r" \1 ", text)


def _column(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _packages(written: Sequence[str], wanted: Sequence[str]) -> tuple[Any, Any]:
    if len(written) != len(wanted) or not len(wanted):
        raise DataError(f"{len(written)} written texts for {len(wanted)}", expected="one for each, and at least one")
    for name in ("rouge_score", "sacrebleu"):
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError("counting what texts have in common", "text")
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu import metrics as sacrebleu

    return RougeScorer(list(ROUGE), tokenizer=_Words()), sacrebleu
