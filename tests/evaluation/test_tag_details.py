"""What a report tells of tagged words: kinds of entities, and entities in words rather than rows of tags."""

from __future__ import annotations

import torch
from torch import Tensor

from warmstart.data.schema import Sample, Text
from warmstart.data.targets import TagTarget, Target
from warmstart.evaluation.details import details
from warmstart.evaluation.predict import joined
from warmstart.task.base import task_of

BIO = TagTarget(("O", "B-PER", "I-PER"))
SAMPLES = [
    Sample("a", Text.of_words(["Ada", "Lovelace", "wrote"]), ("B-PER", "I-PER", "O")),
    Sample("b", Text.of_words(["It", "rains"]), ("O", "O")),
]
TARGETS = torch.tensor([[-1, 1, 2, -1, 0], [-1, 0, 0, -1, -1]])  # with tokens that begin no word


def logits(tags: list[list[int]]) -> Tensor:
    return 9.0 * torch.eye(3)[torch.tensor(tags)]


def told(target: Target, said: Tensor) -> dict[str, tuple[str, str]]:
    found = details(task_of(target), said, TARGETS, SAMPLES, target)
    return {one.id: (one.true, one.said) for one in found["shown"]}


def test_entities_are_told_in_words() -> None:
    said = logits([[0, 1, 0, 2, 0], [2, 0, 1, 1, 1]])
    assert told(BIO, said) == {"a": ("PER: Ada Lovelace", "PER: Ada"), "b": ("none", "PER: rains")}


def test_parts_of_speech_are_told_word_by_word() -> None:
    target = TagTarget(("NOUN", "PROPN", "VERB"))
    found = told(target, logits([[0, 1, 1, 0, 2], [0, 0, 2, 0, 0]]))
    assert found["b"] == ("It/NOUN rains/NOUN", "It/NOUN rains/VERB")


def test_every_kind_has_its_precision_and_recall() -> None:
    said = logits([[0, 1, 2, 2, 0], [2, 0, 1, 1, 1]])
    (row,) = details(task_of(BIO), said, TARGETS, SAMPLES, BIO)["per_class"]
    assert row == {"name": "PER", "precision": 0.5, "recall": 1.0, "f1": 2 / 3, "count": 1}


def test_outputs_of_batches_of_different_length_are_joined_with_nothing_behind() -> None:
    found = joined([torch.ones(1, 2, 3), torch.ones(2, 4, 3)])
    assert found.shape == (3, 4, 3)
    assert found.sum() == 6 + 24
    assert joined([torch.ones(1, 2), torch.ones(3, 2)]).shape == (4, 2)
