"""Tagged words as what is counted and shown of them: entities that are right, told and true, and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from warmstart.data.entities import Scheme
from warmstart.data.schema import Text
from warmstart.data.targets import UNKNOWN
from warmstart.data.words import spans
from warmstart.errors import DataError


class Known:
    """The words whose tags are known, of all texts one behind the other."""

    def __init__(self, outputs: Tensor, targets: Tensor, text: Tensor, texts: int) -> None:
        self.outputs = outputs  # (w, tags), float64
        self.targets = targets  # (w,)
        self.text = text  # (w,), which of the texts that have any; ascending
        self.texts = texts

    @classmethod
    def of(cls, outputs: Tensor, targets: Tensor) -> Known:
        """Raises `DataError` where there is none."""
        length = min(outputs.shape[1], targets.shape[1])
        outputs, targets = outputs[:, :length], targets[:, :length]
        read = ~outputs.isnan().any(-1)
        known = (targets != UNKNOWN) & (read | ~read.any())
        labelled = (targets != UNKNOWN).any(1)
        if not bool(known.any()):
            raise DataError("no sample with a known label to measure on", expected="at least one labelled sample")
        number = labelled.cumsum(0) - 1
        text = number[:, None].expand_as(targets)[known]
        return cls(outputs[known].double(), targets[known], text, int(labelled.sum()))

    def by_text(self, values: Tensor) -> Tensor:
        """Sums (m, k) over the words of each text of values (w, k)."""
        return values.new_zeros(self.texts, values.shape[1]).index_add_(0, self.text, values)


def entity_counts(scheme: Scheme, known: Known) -> Tensor:
    """Entities that are right, told and true, of each text and type, (m, types, 3)."""
    text = known.text.numpy()
    truth = scheme.spans(known.targets.numpy(), text)
    said = scheme.spans(known.outputs.argmax(1).numpy(), text)
    found = np.zeros((known.texts, len(scheme.types), 3))
    hits = said.found_in(truth)
    np.add.at(found[..., 0], (text[said.start[hits]], said.kind[hits]), 1)
    np.add.at(found[..., 1], (text[said.start], said.kind), 1)
    np.add.at(found[..., 2], (text[truth.start], truth.kind), 1)
    return torch.from_numpy(found)


def tag_counts(known: Known, tags: int) -> Tensor:
    """Words that are right, told and true, of each tag (tags, 3)."""
    said, true = known.outputs.argmax(1), known.targets
    return torch.stack([torch.bincount(x, minlength=tags) for x in (true[said == true], said, true)], 1).double()


def rated(names: Sequence[str], counts: Tensor) -> tuple[dict[str, Any], ...]:
    """Precision, recall, F1 and number of each kind, of counts (kinds, 3): right, told, true.

    >>> rated(["PER"], torch.tensor([[1, 2, 0]]))
    ({'name': 'PER', 'precision': 0.5, 'recall': None, 'f1': 1.0, 'count': 0},)
    """
    return tuple(
        {
            "name": name,
            "precision": right / told if told else None,
            "recall": right / true if true else None,
            "f1": 2 * right / (told + true) if told + true else None,
            "count": int(true),
        }
        for name, (right, told, true) in zip(names, counts.tolist(), strict=True)
    )


def entities(
    scheme: Scheme, numbers: Sequence[int], shares: Sequence[float], read: Sequence[bool], text: Text | None
) -> list[dict[str, Any]]:
    """Entities in the tags of a text's words, as rows; see `Tag.decode`.

    Args:
        scheme: of the tags.
        numbers: the tag of each word, by number.
        shares: its probability.
        read: whether the word was read; one that was not divides nothing and is of nothing.
        text: what the words are of; without it, rows do not say where entities are.
    """
    at = np.flatnonzero(np.array(read, dtype=bool))
    found = scheme.spans(np.array(numbers, dtype=np.int64)[at], np.zeros(len(at), dtype=np.int64))
    places = [] if text is None else spans(text)
    rows = []
    for start, stop, kind in zip(found.start.tolist(), found.stop.tolist(), found.kind.tolist(), strict=True):
        first, last = int(at[start]), int(at[stop - 1])
        row: dict[str, Any] = {"type": scheme.types[kind], "words": [first, last + 1]}
        row["probability"] = float(np.mean([shares[k] for k in at[start:stop]]))
        if text is not None:
            row |= {"start": places[first][0], "end": places[last][1]}
            row["text"] = text.parts[0][row["start"] : row["end"]]
        rows.append(row)
    return rows
