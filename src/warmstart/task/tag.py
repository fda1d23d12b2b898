"""Token classification: a tag for each word of a text, such as its part of speech, or which entity it is of.

Outputs are logits (n, length, tags). Targets are tag indices (n, length), -1 where there is no word to tag: behind the
end of a text, and, where the length is in tokens, at all but the first of each word. Either may be padded further than
the other. Where outputs are of words, they are NaN for a word that was not read; it is left out of every metric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.data.entities import Scheme
from warmstart.data.schema import Text
from warmstart.data.targets import UNKNOWN, Target, TaskName
from warmstart.data.words import at_words, words_of
from warmstart.model.adapters.texts import pooled
from warmstart.model.backbone import Backbone
from warmstart.model.head import LinearHead
from warmstart.task.base import Values, linearised
from warmstart.task.tagged import Known, entities, entity_counts, rated, tag_counts


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
        self.classes, self.scheme = tuple(classes), Scheme.of(classes)
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
        """Logits as they are."""
        return outputs

    def by_word(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Logits of the words (n, most words, tags) that have a tag in `targets`, of outputs of tokens; NaN behind."""
        length = min(outputs.shape[1], targets.shape[1])
        return at_words(outputs, [torch.nonzero(row[:length] != UNKNOWN).flatten().numpy() for row in targets])

    def known(self, targets: Tensor) -> Tensor:
        """Which texts have a word whose tag is known (n,)."""
        return (targets != UNKNOWN).any(1)

    def values(self, outputs: Tensor, targets: Tensor) -> Values:
        """F1, precision and recall of entities, where there are any; token accuracy, and log loss in nats; by text.

        >>> said = 9.0 * torch.eye(3)[torch.tensor([[1, 2, 0], [1, 0, 1]])]
        >>> found = Tag(("O", "B-X", "I-X")).values(said, torch.tensor([[1, 2, 0], [1, 2, -1]]))
        >>> [round(found[name].mean().item(), 3) for name in ("entity_f1", "token_accuracy")]
        [0.5, 0.8]
        """
        known = Known.of(outputs, targets)
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
        counts = entity_counts(self.scheme, known).sum(1)  # (m, 3): right, told, true
        of_entities = {
            "entity_f1": linearised(counts, lambda m: 2 * m[0] / (m[1] + m[2]).clamp_min(1e-12)),
            "entity_precision": linearised(counts, lambda m: m[0] / m[1].clamp_min(1e-12)),
            "entity_recall": linearised(counts, lambda m: m[0] / m[2].clamp_min(1e-12)),
        }
        return of_entities | found

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """The means of `values`, and the F1 of each type of entity that occurs or is told."""
        found = {name: float(value.mean()) for name, value in self.values(outputs, targets).items()}
        if self.scheme is not None:
            rows = self.by_kind(outputs, targets)
            found |= {f"f1_{row['name']}": row["f1"] for row in rows if row["f1"] is not None}
        return found

    def by_kind(self, outputs: Tensor, targets: Tensor) -> tuple[dict[str, Any], ...]:
        """Precision, recall, F1 and number of each type of entity, or of each tag where there are no entities.

        `None` where there is nothing to divide by.

        >>> said, true = 9.0 * torch.eye(2)[torch.tensor([[0, 1]])], torch.tensor([[0, 0]])
        >>> Tag(("NOUN", "VERB")).by_kind(said, true)[0]
        {'name': 'NOUN', 'precision': 1.0, 'recall': 0.5, 'f1': 0.6666666666666666, 'count': 2}
        """
        known = Known.of(outputs, targets)
        if self.scheme is not None:
            return rated(self.scheme.types, entity_counts(self.scheme, known).sum(0))
        return rated(self.classes, tag_counts(known, len(self.classes)))

    def combine(self, outputs: Sequence[Tensor]) -> Tensor:
        """Logits of the mean of the probabilities, as far as the shortest go: what is behind is padding.

        >>> TAG.combine([torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[9.0, 9.0]]])]).exp().tolist()
        [[[0.5, 0.5]]]
        """
        length = min(each.shape[1] for each in outputs)
        logs = torch.stack([each[:, :length].double().log_softmax(-1) for each in outputs])
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
                    "entities": [] if self.scheme is None else entities(self.scheme, numbers, shares, there, text),
                }
            )
        return answers

    def in_words(self, decoded: dict[str, Any]) -> str:
        """What `decode` gave for a text, as a person reads it: its entities, or its words with their tags.

        >>> Tag(("O", "B-PER")).in_words({"entities": [{"type": "PER", "text": "Ada"}]})
        'PER: Ada'
        """
        if self.scheme is not None:
            return "; ".join(f"{one['type']}: {one['text']}" for one in decoded["entities"]) or "none"
        return " ".join(f"{word}/{tag}" for word, tag in zip(decoded["words"], decoded["tags"], strict=True))


TAG = Tag()
"""Of no tags yet; `of` makes it that of a target."""
