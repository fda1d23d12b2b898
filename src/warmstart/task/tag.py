"""Token classification: a tag for each word of a text, such as its part of speech, or which entity it is of.

Outputs are logits (n, length, tags). Targets are tag indices (n, length), -1 where there is no word to tag: behind the
end of a text, and, where the length is in tokens, at all but the first of each word. Either may be padded further than
the other. Where outputs are of words, they are NaN for a word that was not read; it is left out of every metric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.data.entities import OUTSIDE, Scheme
from warmstart.data.schema import Text
from warmstart.data.targets import UNKNOWN, Target, TaskName
from warmstart.data.words import at_words, words_of
from warmstart.data.words import spans as places
from warmstart.errors import DataError
from warmstart.model.adapters.texts import pooled
from warmstart.model.backbone import Backbone
from warmstart.model.head import LinearHead
from warmstart.task.base import Values, linearised


class Tag:
    """The task of tagging words; see `warmstart.task.base.Task` for the contract.

    Args:
        classes: the tags. They say whether there are entities, and so what is measured.
    """

    name: TaskName = "tag"
    closed_form = True
    calibrates = False
    surprise = "log_loss"
    fields: tuple[str, ...] = ("tags", "words", "probabilities", "entities")

    def __init__(self, classes: Sequence[str] = ()) -> None:
        self.scheme = Scheme.of(classes)
        self.primary_metric = "token_accuracy" if self.scheme is None else "entity_f1"

    def of(self, target: Target) -> Tag:
        """The task for the tags of a target."""
        return Tag(target.classes)

    def suited(self, backbone: Backbone) -> Backbone:
        """With features of every token."""
        return pooled(backbone, "none")

    def head(self, features: int, target: Target, *, dropout: float = 0.0, seed: int = 0) -> nn.Module:
        """A linear head with one output per tag, for every token."""
        return LinearHead(features, len(target.classes), dropout, seed)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """Weighted mean cross entropy over the words that are known, in nats. A batch without any gives 0."""
        length = min(outputs.shape[1], targets.shape[1])
        outputs, targets = outputs[:, :length].flatten(0, 1), targets[:, :length].flatten()
        known = targets != UNKNOWN
        if not bool(known.any()):
            return outputs.sum() * 0.0
        return functional.cross_entropy(outputs[known], targets[known], class_weights, label_smoothing=label_smoothing)

    def weight(self, targets: Tensor, class_weights: Tensor | None = None) -> float:
        """The number of words that are known, or the sum of the weights of their tags; 1 where there is none."""
        known = targets[targets != UNKNOWN]
        return float(len(known) if class_weights is None else class_weights[known].sum()) or 1.0

    def balanced(self, targets: Tensor, classes: int) -> Tensor:
        """Weight `n / (present tags * count)` per tag, (tags,); 1 for one that does not occur.

        >>> TAG.balanced(torch.tensor([[0, 0, 1], [0, -1, -1]]), 3)
        tensor([0.6667, 2.0000, 1.0000])
        """
        counts = torch.bincount(targets[targets != UNKNOWN], minlength=classes).float()
        weights = counts.sum() / ((counts > 0).sum() * counts.clamp_min(1.0))
        return torch.where(counts > 0, weights, torch.ones(()))

    def answered(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Logits of words (n, most words, tags), of outputs for tokens; NaN behind the last of a text."""
        length = min(outputs.shape[1], targets.shape[1])
        return at_words(outputs, [torch.nonzero(row[:length] != UNKNOWN).flatten().numpy() for row in targets])

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """F1, precision and recall of entities, where there are any; token accuracy, and log loss in nats; by text.

        >>> said = 9.0 * torch.eye(3)[torch.tensor([[1, 2, 0], [1, 0, 1]])]
        >>> found = Tag(("O", "B-X", "I-X")).values(said, torch.tensor([[1, 2, 0], [1, 2, -1]]))
        >>> [round(found[name].mean().item(), 3) for name in ("entity_f1", "token_accuracy")]
        [0.5, 0.8]
        """
        known = _Known.of(outputs, targets)
        loss = functional.cross_entropy(known.outputs, known.targets, reduction="none")
        right = (known.outputs.argmax(1) == known.targets).double()
        words = torch.ones_like(right)
        of_words = known.by_text(torch.stack([words, right, loss], 1))
        found = {
            "token_accuracy": linearised(of_words, lambda m: m[1] / m[0]),
            "log_loss": linearised(of_words, lambda m: m[2] / m[0]),
        }
        if self.scheme is None:
            return found
        counts = self._counts(self.scheme, known).sum(1)  # (m, 3): right, told, true
        entities = {
            "entity_f1": linearised(counts, lambda m: 2 * m[0] / (m[1] + m[2]).clamp_min(1e-12)),
            "entity_precision": linearised(counts, lambda m: m[0] / m[1].clamp_min(1e-12)),
            "entity_recall": linearised(counts, lambda m: m[0] / m[2].clamp_min(1e-12)),
        }
        return entities | found

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The means of `values`, and the F1 of each type of entity that occurs or is told."""
        found = {name: float(value.mean()) for name, value in self.values(outputs, targets).items()}
        if self.scheme is not None:
            counts = self._counts(self.scheme, _Known.of(outputs, targets)).sum(0)
            for name, (right, told, true) in zip(self.scheme.types, counts.tolist(), strict=True):
                if told + true:
                    found[f"f1_{name}"] = 2 * right / (told + true)
        return found

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """Logits of the mean of the probabilities.

        >>> TAG.combine([torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[9.0, 9.0]]])]).exp().tolist()
        [[[0.5, 0.5]]]
        """
        logs = torch.stack([each.double().log_softmax(-1) for each in outputs])
        return (logs.logsumexp(0) - math.log(len(outputs))).to(outputs[0].dtype)

    def checked(self, outputs: Tensor) -> Tensor:
        """Probability of each tag (n, tags), mean over the words that were read."""
        return outputs.double().softmax(-1).nanmean(1)

    def decode(self, outputs: Tensor, target: Target, texts: Sequence[Text] = ()) -> Sequence[dict[str, Any]]:
        """One dict per text, of outputs (n, most words, tags): the tag of each word and its probability, and entities.

        An entity has its `type`, `words` (the first and the one behind the last, by number), `probability` (the mean
        of those of its tags), and, where `texts` are given, `text`, `start` and `end` in characters. A word that was
        not read has no tag (`None`).

        >>> from warmstart.data.targets import TagTarget
        >>> target, said = TagTarget(("O", "B-PER", "I-PER")), 99.0 * torch.eye(3)[torch.tensor([[1, 2, 0]])]
        >>> (row,) = Tag(target.classes).decode(said, target, [Text(("Ada Lovelace  wrote",))])
        >>> row["tags"], row["entities"][0]["text"], row["entities"][0]["type"], row["entities"][0]["end"]
        (['B-PER', 'I-PER', 'O'], 'Ada Lovelace', 'PER', 12)
        """
        probabilities, best = outputs.double().softmax(-1).max(-1)
        read = ~outputs.isnan().any(-1)
        answers = []
        for i, there in enumerate(read.tolist()):
            text = texts[i] if texts else None
            words = [] if text is None else list(words_of(text))
            count = len(words) if texts else max((k + 1 for k, yes in enumerate(there) if yes), default=0)
            there = (there + [False] * count)[:count]
            numbers, shares = best[i].tolist(), probabilities[i].tolist()
            answers.append(
                {
                    "tags": [target.classes[numbers[k]] if yes else None for k, yes in enumerate(there)],
                    "words": words,
                    "probabilities": [shares[k] if yes else None for k, yes in enumerate(there)],
                    "entities": self._entities(numbers, shares, there, target, text),
                }
            )
        return answers

    def _entities(
        self, numbers: list[int], shares: list[float], there: list[bool], target: Target, text: Text | None
    ) -> list[dict[str, Any]]:
        if self.scheme is None or not there:
            return []
        outside = target.classes.index(OUTSIDE) if OUTSIDE in target.classes else 0
        at = np.flatnonzero(there)  # a word that was not read divides nothing and is of nothing
        tags = np.array([numbers[k] if there[k] else outside for k in range(len(there))], dtype=np.int64)
        found = self.scheme.spans(tags[at], np.zeros(len(at), dtype=np.int64))
        rows = []
        for start, stop, kind in zip(found.start.tolist(), found.stop.tolist(), found.kind.tolist(), strict=True):
            first, last = int(at[start]), int(at[stop - 1])
            row: dict[str, Any] = {"type": self.scheme.types[kind], "words": [first, last + 1]}
            row["probability"] = float(np.mean([shares[k] for k in at[start:stop]]))
            if text is not None:
                where = places(text)
                row |= {"start": where[first][0], "end": where[last][1]}
                row["text"] = text.parts[0][row["start"] : row["end"]]
            rows.append(row)
        return rows

    def _counts(self, scheme: Scheme, known: _Known) -> Tensor:
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


class _Known:
    """The words whose tags are known, of all texts one behind the other."""

    def __init__(self, outputs: Tensor, targets: Tensor, text: Tensor, texts: int) -> None:
        self.outputs = outputs  # (w, tags), float64
        self.targets = targets  # (w,)
        self.text = text  # (w,), which of the texts that have any; ascending
        self.texts = texts

    @classmethod
    def of(cls, outputs: Tensor, targets: Tensor) -> _Known:
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


TAG = Tag()
"""Of no tags yet; `of` makes it that of a target."""
