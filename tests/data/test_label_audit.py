"""What is said of labels that are no classes, and what is wrong with them. Row 19: copies, whatever their labels."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.conftest import picture
from tests.data.test_text_audit import audited, changed, text
from warmstart.data.audit import audit
from warmstart.data.contact import contact_sheet
from warmstart.data.entities import Scheme
from warmstart.data.examples import kinds
from warmstart.data.findings import Audit
from warmstart.data.schema import Dataset, Label, Sample, Text
from warmstart.data.sources import load
from warmstart.data.targets import TagTarget

TEXTS = [text(i) for i in range(40)]
SETS: list[Any] = [["a", "b"], ["a"], [], ["b", "c"]] * 10
NUMBERS = [i / 7 for i in range(40)]
TAGS = [["B-X", "I-X", *["O"] * 58] for _ in range(40)]


def of(labels: list[Any], task: Any = None, texts: list[Any] = TEXTS) -> Audit:
    return audited(load((texts, labels), task=task))


def test_sets_of_labels_are_counted() -> None:
    found = of(SETS)
    assert (found.task, found.counts, found.problems) == ("multilabel", {"a": 20, "b": 20, "c": 10}, ())
    assert {key: found.facts[key] for key in ("per_sample", "most", "none", "different")} == {
        "per_sample": 1.25, "most": 2, "none": 10, "different": 4
    }  # fmt: skip
    assert found.facts["sets"]["a, b"] == 10
    assert [len(lines) for lines in found.examples.values()] == [3, 3, 3]


def test_rare_labels_and_those_that_few_samples_have_are_told() -> None:
    found = of([["a"], *[[]] * 28, *[["b"]] * 11])
    assert found.few == {"a": 1}
    assert found.problems[:3] == (
        "28 of 40 samples have none of the labels",
        "fewer than 5 samples: a (1)",
        "the largest label has 11 times the samples of the smallest",
    )


def test_numbers_have_quartiles_and_those_far_off_are_named() -> None:
    found = of(NUMBERS)
    facts = found.facts["label"]
    assert (found.task, found.counts, found.few, found.imbalance) == ("regress", {}, {}, 1.0)
    assert (facts["min"], facts["max"], facts["different"], facts["outlier_count"]) == (0.0, 39 / 7, 40, 0)
    assert [facts[k] for k in ("lower_quartile", "median", "upper_quartile")] == pytest.approx(
        np.quantile(NUMBERS, [0.25, 0.5, 0.75]).tolist()
    )
    assert found.problems == found.notes
    far = of([*NUMBERS[:-1], 999.5])
    assert far.facts["label"]["outliers"] == [["row-39", 999.5]]
    assert "more than 5 robust standard deviations from the median 2.78571: row-39 (999.5)" in far.problems[0]
    capped = of([*NUMBERS[:15], *[50.0] * 25], "regress")
    assert capped.facts["label"]["repeated"] == {"value": 50.0, "samples": 25}
    assert "25 of 40 samples have the label 50" in capped.problems
    assert next(iter(found.examples)) == "0 to 1.28571"
    assert found.examples["0 to 1.28571"][0].startswith("0: w")


def test_entities_words_and_tags_that_do_not_fit_are_counted() -> None:
    texts = [row.split() for row in TEXTS]
    found = of(TAGS, texts=texts)
    facts = found.facts
    assert (facts["entities"], facts["sentences"], facts["words"], facts["without"]) == ({"X": 40}, 40, 2400, 0)
    assert facts["tags"] == {"O": 2320, "B-X": 40, "I-X": 40}
    assert found.examples["X"][0].startswith(f"{' '.join(texts[0][:2])}: {' '.join(texts[0][:5])}")
    assert found.problems == ()
    bioes = [["B-X", "E-X", *["O"] * 58] for _ in range(37)]
    broken = of([*bioes, ["S-X", "E-X", *["O"] * 58], ["B-X", *["O"] * 59], [*["O"] * 59, "B-Y"]], texts=texts)
    assert broken.facts["malformed"] == ["row-37", "row-38", "row-39"]
    assert "3 text(s) have tags that do not fit: row-37, row-38, row-39" in broken.problems
    assert "fewer than 5 entities: Y (1)" in broken.problems
    speech = of([["NOUN", *["VERB"] * 59] for _ in range(40)], texts=texts)
    assert (speech.facts["entities"], speech.facts["tags"]) == ({}, {"NOUN": 40, "VERB": 2360})
    assert [*speech.examples] == ["NOUN", "VERB"]


def test_tags_that_do_not_follow_each_other_are_those_that_no_entity_explains() -> None:
    """Against a state machine for BIOES, on random rows."""
    tags = ("O", "B-X", "I-X", "E-X", "S-X")
    scheme, draw = Scheme.of(tags), random.Random(0)
    assert scheme is not None
    for _ in range(300):
        row = draw.choices(range(5), k=draw.randrange(1, 6))
        open_, fits = False, True
        for tag in row:
            fits &= (tags[tag][0] in "IE") == open_
            open_ = tags[tag][0] in "BI"
        broken = scheme.broken(np.array(row), np.zeros(len(row), dtype=np.int64))
        assert bool(broken.any()) == (not (fits and not open_)), [tags[i] for i in row]


def test_texts_to_be_written_are_measured_and_odd_ones_named() -> None:
    found = of([*TEXTS[:1], "", *[f"Answer {i}." for i in range(38)]], "generate")
    assert found.facts["inputs"]["words"] == [60, 60, 60]
    assert found.facts["targets"]["words"] == [0, 2, 60]
    assert found.problems == (
        "1 text(s) to be written are empty: row-1",
        "1 text(s) to be written are the same as their input: row-0",
    )
    assert found.examples["input -> text to be written"][1].endswith(" -> Answer 11.")
    assert of(["Yes."] * 40, "generate").problems == (
        "all texts to be written are the same: there is nothing to learn",
    )


@pytest.mark.parametrize(
    ("labels", "other", "task"),
    [
        (SETS[:2] * 20, ["c"], None),
        (NUMBERS, 5.5, None),
        (TAGS, ["O"] * 60, "tag"),
        ([f"Answer {i}." for i in range(40)], "Another.", "generate"),
    ],
)
def test_copies_and_their_conflicts_are_found_whatever_the_labels_are(
    labels: list[Any], other: Any, task: Any, tmp_path: Path
) -> None:
    """Row 19."""
    parts = ["train", "train", "test", "test", *["train"] * 36]
    texts = [text(0), text(1), text(0).upper(), changed(text(1)), *TEXTS[4:]]
    given = [labels[0], labels[1], other, labels[3], *labels[4:]]
    column, target = ("words", "tags") if task == "tag" else ("input" if task else "text", "target")
    path = tmp_path / "a.jsonl"

    def read() -> Audit:
        inputs = [said.split() for said in texts] if task == "tag" else texts
        rows = [{column: x, target: y, "split": part} for x, y, part in zip(inputs, given, parts, strict=True)]
        path.write_text("\n".join(map(json.dumps, rows)))
        return audited(load(path, task=task), divided=False)

    found = read()
    assert (found.leaks, found.near_leaks) == ((("row-1", "row-3"),), (("row-2", "row-4"),))
    assert found.conflicting == (("row-1", "row-3"),)
    assert any(problem.startswith("the same text has different ") for problem in found.problems)
    given[2] = given[0]
    agreed = read()
    assert (agreed.leaks, agreed.conflicting) == (found.leaks, ())


def test_numbers_of_copies_may_differ_a_little() -> None:
    for last, conflicts in ((NUMBERS[0] + 0.05, 0), (NUMBERS[0] + 1.0, 1)):
        found = of([*NUMBERS[:-1], last], texts=[*TEXTS[:-1], TEXTS[0]])
        assert len(found.conflicting) == conflicts


def test_labels_that_stand_in_the_texts_are_told_of_sets_too() -> None:
    told = of(
        [["sport"], ["art", "film"]] * 20,
        texts=[f"{w} {t}" for w, t in zip(["sport", "film"] * 20, TEXTS, strict=True)],
    )
    assert (told.labels_told, told.other_labels_told) == (40, 0)
    assert any("say their own label" in problem for problem in told.problems)


def test_images_with_numbers_are_drawn_from_low_to_high() -> None:
    data = load(([picture(i) for i in range(8)], [1.5, 9, 2, 2, 30, 4, 4, 10]), task="regress")
    found = audit(data)
    assert (found.task, found.noun, found.facts["label"]["max"]) == ("regress", "image", 30.0)
    groups = kinds(data)
    assert [*groups] == ["1.5 to 2", "4", "9", "10 to 30"]
    assert [s.label for s in groups["10 to 30"]] == [(10.0,), (30.0,)]
    assert contact_sheet(data).height > contact_sheet(data.subset([0, 1])).height


def test_bands_are_told_of_labels_and_of_all_images_with_numbers() -> None:
    tiles = list(np.random.default_rng(0).random((6, 8, 8, 5), dtype=np.float32))
    several = audit(load((tiles, [["a"], ["a", "b"], [], ["b"], ["a"], []])))
    assert {name: sum(facts["stored"].values()) for name, facts in several.bands.items()} == {"a": 3, "b": 2, "all": 2}
    numbers = audit(load((tiles, [1, 2, 3, 4, 5, 6]), task="regress"))
    assert {name: sum(facts["stored"].values()) for name, facts in numbers.bands.items()} == {"all": 6}


def test_samples_without_a_label_are_passed_over() -> None:
    label: list[Label | None] = [("O", "B-X"), None]
    samples = [Sample(f"{i}", Text.of_words(["It", "is"]), one) for i, one in enumerate(label)]
    found = audited(Dataset(tuple(samples), TagTarget(("O", "B-X"))), divided=False)
    assert (found.facts["sentences"], found.facts["entities"]) == (1, {"X": 1})
