"""Tags of words: entities as the evaluation of CoNLL counts them, whatever the padding, and rows for a person."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from warmstart.data.entities import Scheme
from warmstart.data.schema import Text
from warmstart.data.targets import TagTarget
from warmstart.errors import DataError
from warmstart.task.base import task_of
from warmstart.task.tag import TAG, Tag

BIO = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
BIOES = ("O", *(f"{prefix}-{kind}" for kind in ("LOC", "PER") for prefix in "BIES"))


def indices(tags: Sequence[str], classes: Sequence[str] = BIO) -> Tensor:
    return torch.from_numpy(TagTarget(tuple(classes)).encode([tuple(line.split()) for line in tags]))


def logits(tags: Sequence[str], classes: Sequence[str] = BIO, width: int | None = None) -> Tensor:
    found = indices(tags, classes)
    found = functional.pad(found, (0, (width or found.shape[1]) - found.shape[1]), value=-1)
    return 9.0 * functional.one_hot(found.clamp_min(0), len(classes)).float()


def entities(tags: list[str]) -> list[tuple[str, int, int]]:
    """(type, first, behind the last) by the two rules of conlleval.pl, word by word."""
    found, begun = list[tuple[str, int, int]](), 0
    before = ["O", ""]
    for i, tag in enumerate([*tags, "O"]):
        now = [tag[0], tag[2:]]
        inside = before[0] != "O"
        if inside and (before[0] in "ES" or now[0] in "BSO" or now[1] != before[1]):
            found.append((before[1], begun, i))
        if now[0] in "BS" or (now[0] in "IE" and (before[0] in "OES" or now[1] != before[1])):
            begun = i
        before = now
    return found


# 3 true entities, 4 told, 2 of them right; of LOC 1 of 1 told 2; of PER 1 right, 2 true, 2 told
TRUE = ["B-PER I-PER O B-LOC", "O B-PER O"]
SAID = ["B-PER I-PER O B-LOC", "B-LOC B-PER I-PER"]


def test_f1_precision_and_recall_are_of_whole_entities() -> None:
    found = Tag(BIO).metrics(logits(SAID), indices(TRUE))
    assert found["entity_precision"] == pytest.approx(2 / 4)
    assert found["entity_recall"] == pytest.approx(2 / 3)
    assert found["entity_f1"] == pytest.approx(2 * 2 / 7)
    assert found["token_accuracy"] == pytest.approx(5 / 7)
    assert found["f1_LOC"] == pytest.approx(2 / 3)
    assert found["f1_PER"] == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("said", "right", "told"),
    [
        ("B-PER I-PER O", 1, 1),
        ("I-PER I-PER O", 1, 1),  # begun without a B-
        ("B-PER O O", 0, 1),  # too short
        ("B-PER I-PER I-PER", 0, 1),  # too long
        ("B-PER B-PER O", 0, 2),  # two in place of one
        ("B-PER I-LOC O", 0, 2),  # another type begins another
        ("B-LOC I-LOC O", 0, 1),  # of another type
        ("O O O", 0, 0),
    ],
)
def test_an_entity_is_right_where_type_begin_and_end_are(said: str, right: int, told: int) -> None:
    found = Tag(BIO).metrics(logits([said]), indices(["B-PER I-PER O"]))
    assert found["entity_f1"] == pytest.approx(2 * right / (told + 1))


@pytest.mark.parametrize("classes", [BIO, BIOES])
def test_entities_of_any_row_of_tags_are_those_of_conlleval(classes: tuple[str, ...]) -> None:
    rng, scheme = random.Random(0), Scheme.of(classes)
    assert scheme is not None
    rows = [rng.choices(classes, k=rng.randrange(1, 9)) for _ in range(300)]
    expected = [(kind, i, a, b) for i, row in enumerate(rows) for kind, a, b in entities(row)]
    number = np.concatenate([np.full(len(row), i) for i, row in enumerate(rows)])
    begin = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    found = scheme.spans(np.array([classes.index(tag) for row in rows for tag in row]), number)
    at = number[found.start]
    assert expected == [
        (scheme.types[kind], int(i), int(a - begin[i]), int(b - begin[i]))
        for kind, i, a, b in zip(found.kind, at, found.start, found.stop, strict=True)
    ]


@pytest.mark.parametrize("classes", [BIO, BIOES, ("O", "LOC", "PER"), ("O", "B", "I"), ("NOUN", "VERB", "O")])
def test_the_truth_is_right(classes: tuple[str, ...]) -> None:
    rng = random.Random(1)
    rows = [" ".join(rng.choices(classes, k=rng.randrange(1, 9))) for _ in range(50)]
    task = task_of(TagTarget(classes))
    found = task.metrics(logits(rows, classes), indices(rows, classes))
    assert found[task.primary_metric] == pytest.approx(1.0)
    assert found["token_accuracy"] == 1.0


@pytest.mark.parametrize(
    ("classes", "types"),
    [
        (BIOES, ("LOC", "PER")),
        (("O", "B-a-b", "L-a-b", "U-a-b", "I-a-b"), ("a-b",)),
        (("O", "B", "I"), ("entity",)),
        (("O", "LOC", "PER"), ("LOC", "PER")),
    ],
)
def test_tags_of_entities_are_told_by_their_names(classes: tuple[str, ...], types: tuple[str, ...]) -> None:
    scheme = Scheme.of(classes)
    assert scheme is not None
    assert scheme.types == types


def test_parts_of_speech_are_measured_by_word() -> None:
    task = task_of(TagTarget(("NOUN", "VERB")))
    assert task.primary_metric == "token_accuracy"
    found = task.values(logits(["NOUN VERB"], ("NOUN", "VERB")), indices(["NOUN NOUN"], ("NOUN", "VERB")))
    assert set(found) == {"token_accuracy", "log_loss"}


def test_values_are_a_row_for_each_text_and_their_means_are_the_metrics() -> None:
    task, said, true = Tag(BIO), logits([*SAID, "O"]), indices([*TRUE, "O"])
    true[2] = -1
    found = task.values(said, true)
    assert {len(value) for value in found.values()} == {2}
    assert {name: float(value.mean()) for name, value in found.items()} == pytest.approx(
        {name: value for name, value in task.metrics(said, true).items() if name in found}
    )
    better = (
        task.values(logits([TRUE[0], SAID[1], "O"]), true)["entity_f1"]
        - task.values(logits([TRUE[0], TRUE[1], "O"]), true)["entity_f1"]
    )
    assert better[1] < 0


def test_nothing_changes_with_padding_on_either_side() -> None:
    task, said, true = Tag(BIO), torch.randn(2, 4, 5), indices(TRUE)
    wide, long = functional.pad(said, (0, 0, 0, 3), value=5.0), functional.pad(true, (0, 2), value=-1)
    for outputs, targets in [(wide, true), (said, long), (wide, long)]:
        assert task.metrics(outputs, targets) == pytest.approx(task.metrics(said, true))
        assert task.loss(outputs, targets) == task.loss(said, true)


def test_further_pieces_of_words_change_nothing() -> None:
    task, said, true = Tag(BIO), torch.randn(1, 3, 5), indices(["B-PER I-PER O"])
    pieces = torch.stack([said[:, 0], torch.randn(1, 5), said[:, 1], said[:, 2]], 1)
    with_gap = torch.tensor([[int(true[0, 0]), -1, int(true[0, 1]), int(true[0, 2])]])
    assert task.metrics(pieces, with_gap) == pytest.approx(task.metrics(said, true))


def test_parts_of_a_batch_add_up_to_the_whole() -> None:
    said, true, weights = torch.randn(2, 4, 5), indices(TRUE), torch.rand(5)
    for w in (None, weights):
        parts = [TAG.loss(said[i : i + 1], true[i : i + 1], class_weights=w) for i in range(2)]
        shares = [TAG.weight(true[i : i + 1], w) / TAG.weight(true, w) for i in range(2)]
        whole = TAG.loss(said, true, class_weights=w)
        torch.testing.assert_close(parts[0] * shares[0] + parts[1] * shares[1], whole)


def test_a_batch_without_known_words_has_no_loss_and_no_metrics() -> None:
    said, unknown = torch.randn(1, 3, 5, requires_grad=True), torch.full((1, 3), -1)
    assert TAG.loss(said, unknown) == 0
    assert TAG.weight(unknown) > 0
    with pytest.raises(DataError):
        TAG.metrics(said.detach(), unknown)


def test_outputs_of_several_networks_make_the_mean_probability() -> None:
    parts = [torch.randn(2, 3, 5) for _ in range(3)]
    expected = torch.stack([part.softmax(-1) for part in parts]).mean(0)
    torch.testing.assert_close(TAG.combine(parts).softmax(-1), expected)


def test_a_person_reads_words_tags_and_entities() -> None:
    text = Text(("Ada Lovelace  lived in London.",))
    said = logits(["B-PER I-PER O O B-LOC O"])
    (row,) = Tag(BIO).decode(said, TagTarget(BIO), [text])
    assert row["words"] == ["Ada", "Lovelace", "lived", "in", "London", "."]
    assert row["tags"] == ["B-PER", "I-PER", "O", "O", "B-LOC", "O"]
    person, place = row["entities"]
    assert (person["type"], person["text"], person["words"]) == ("PER", "Ada Lovelace", [0, 2])
    assert (place["type"], place["start"], place["end"]) == ("LOC", 23, 29)
    assert text.parts[0][23:29] == place["text"] == "London"
    assert person["probability"] == pytest.approx(float(said.softmax(-1).max()))


def test_a_word_that_was_not_read_has_no_tag() -> None:
    said = logits(["B-PER I-PER"], width=3)
    said[0, 2:] = torch.nan
    (row,) = Tag(BIO).decode(said, TagTarget(BIO), [Text.of_words(["Ada", "Lovelace", "wrote", "programs"])])
    assert row["tags"] == ["B-PER", "I-PER", None, None]
    assert [entity["text"] for entity in row["entities"]] == ["Ada Lovelace"]
    assert Tag(BIO).decode(said, TagTarget(BIO))[0]["tags"] == ["B-PER", "I-PER"]
