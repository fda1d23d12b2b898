"""From what tokens add to what words add, as they stand in the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warmstart.preprocess.text import TextSpec


def words_with(parts: Sequence[str], values: Sequence[float], spec: TextSpec) -> tuple[tuple[str, float], ...]:
    """The words of a text or a pair, in order, each with the sum of what its tokens add.

    Words are those of the tokenizer, spelt as in the text; tokens that it adds itself are of none, and what is cut off
    behind has none. Args: `parts` are the text or the two of a pair, `values` one for each token.
    """
    encoded: Any = spec.opened(spec.size).encode(*parts)
    found: dict[tuple[int, int], tuple[int, int, float]] = {}
    told = zip(encoded.word_ids, encoded.sequence_ids, encoded.offsets, values, strict=False)
    for word, part, (start, stop), value in told:
        if word is None or part is None:
            continue
        first, last, total = found.get((part, word), (start, stop, 0.0))
        found[part, word] = min(first, start), max(last, stop), total + float(value)
    named = ((parts[part][first:last].strip(), total) for (part, _), (first, last, total) in sorted(found.items()))
    return tuple((word, total) for word, total in named if word)
