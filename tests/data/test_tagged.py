"""Words with a tag for each: tables of lists, files of CoNLL. Row numbers are those of the list of known faults."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.data.test_texts import Hub, write
from warmstart.data.schema import Dataset, Label, Text
from warmstart.data.sources import kind_of, load, load_inputs
from warmstart.data.targets import parts_of
from warmstart.errors import DataError

WORDS = [["Ada", "Lovelace", "met", "Babbage", "."], ["It", "rained", "."], ["Paris", "!"]]
TAGS = [["B-PER", "I-PER", "O", "B-PER", "O"], ["O", "O", "O"], ["B-LOC", "O"]]
CLASSES = ("O", "B-LOC", "B-PER", "I-PER")
CONLL = """-DOCSTART- -X- O O

Ada NNP B-NP B-PER
Lovelace NNP I-NP I-PER
met VBD B-VP O
Babbage NNP B-NP B-PER
. . O O

# sent_id = 2
It PRP B-NP O
rained VBD B-VP O
. . O O


Paris NNP B-NP B-LOC
! . O O
"""


def read(data: Dataset) -> list[tuple[list[str], list[str]]]:
    return [(list(s.source.words), list(s.label)) for s in data.samples]  # type: ignore[arg-type]


BOTH = list(zip(WORDS, TAGS, strict=True))


def test_tables_with_a_list_of_words_and_of_tags_are_tagged(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": range(3), "tokens": WORDS, "pos_tags": TAGS[::-1], "ner_tags": TAGS})
    table.to_parquet(tmp_path / "a.parquet")
    lines = [json.dumps({"words": words, "labels": tags}) for words, tags in BOTH]
    write(tmp_path, "\n".join(lines), "a.jsonl")
    arrays = ([np.array(words) for words in WORDS], [np.array(tags) for tags in TAGS])
    given: list[Any] = [table, tmp_path / "a.parquet", tmp_path / "a.jsonl", (WORDS, TAGS), arrays]
    given.append(([Text.of_words(words) for words in WORDS], TAGS))
    for data in given:
        found = load(data)
        assert kind_of(data) == found.kind == "text"
        assert (found.target.kind, found.target.classes, found.notes) == ("tag", CLASSES, ())
        assert read(found) == BOTH
        assert found.samples[0].source.parts == ("Ada Lovelace met Babbage .",)
    named = table.rename(columns={"tokens": "a", "ner_tags": "b"})
    assert read(load(named, text_column="a", label_column="b")) == BOTH


def test_tags_that_the_hub_numbers_get_their_names() -> None:
    numbered = [[CLASSES.index(tag) for tag in tags] for tags in TAGS]
    hub = Hub(tokens=WORDS, label=numbered)
    hub.features["label"] = SimpleNamespace(names=None, feature=SimpleNamespace(names=list(CLASSES)))
    assert read(load({"train": hub, "validation": hub})) == BOTH * 2
    plain = load(pd.DataFrame({"tokens": WORDS, "tags": numbered}))
    assert plain.target.classes == ("0", "1", "2", "3")
    assert "tags are numbers without names" in plain.notes[0]
    hub = Hub(tokens=WORDS, label=[[-100, *row[1:]] for row in numbered])
    hub.features["label"] = SimpleNamespace(names=None, feature=SimpleNamespace(names=list(CLASSES)))
    with pytest.raises(DataError, match="row 1: word 1, 'Ada', has no tag"):
        load(hub)


@pytest.mark.parametrize("name", ["a.conll", "a.bio", "a.iob", "a.txt", "a.tsv"])
@pytest.mark.parametrize("separator", [" ", "\t", "   "])
def test_files_of_conll_are_read_first_word_last_tag(name: str, separator: str, tmp_path: Path) -> None:
    text = CONLL.replace("# sent_id = 2", "#-").replace(" ", separator).replace("#-", "# sent_id = 2")
    for end in ("\n", "\r\n"):
        path = write(tmp_path, text.replace("\n", end), name, "utf-8-sig")
        assert read(load(path, task="tag")) == BOTH
        if not name.startswith(("a.t",)):
            found = load(path)
            assert (read(found), found.target.kind, found.samples[2].id) == (BOTH, "tag", "row-3")


def test_a_hash_may_be_a_word_and_words_may_be_numbered(tmp_path: Path) -> None:
    path = write(tmp_path, "# B-X\n1 B-X\n#no O\n# remark\n# of more words\n", "a.conll")
    assert read(load(path)) == [(["#", "1", "#no"], ["B-X", "B-X", "O"])]
    numbered = write(tmp_path, "#\tsource\n1\tNew York\tB-LOC\tO\n2\tis\tO\tO\n\n1\tbig\tO\tB-X\n", "b.conll")
    found = load(numbered)
    assert read(found) == [(["New York", "is"], ["O", "O"]), (["big"], ["B-X"])]
    assert found.notes == (
        "b.conll: the words are read from the second column, as the first numbers them",
        "1 word(s) hold white space, and are taken as they are: New York",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a O\nb\nc B-X\n", "line 2 has a word and no tag: 'b'"),
        ("a O\n\nb x O\nc B-X\n", "line 3 has 3 columns, and most others have 2"),
        ("", "no rows"),
        ("a O\nb O\n", r"1 tag\(s\): O"),
        ("a\nb\n", "line 1 has a word and no tag"),
    ],
)
def test_a_line_that_does_not_fit_is_named(text: str, words: str, tmp_path: Path) -> None:
    """Row 15."""
    with pytest.raises(DataError, match=words):
        load(write(tmp_path, text, "a.conll"))


def test_a_file_of_another_encoding_is_told(tmp_path: Path) -> None:
    found = load(write(tmp_path, "Käse O\nBern B-LOC\n", "a.conll", "cp1252"))
    assert found.samples[0].source.words == ("Käse", "Bern")
    assert found.notes == ("a.conll is not UTF-8; it was read as cp1252",)


def test_entities_that_begin_with_i_are_made_to_begin_with_b_and_other_schemes_stay() -> None:
    iob1 = [["I-PER", "I-PER", "O", "I-PER", "O"], ["O", "I-LOC", "I-PER"], ["I-LOC", "B-LOC"]]
    found = load((WORDS, iob1))
    assert [s.label for s in found.samples] == [
        ("B-PER", "I-PER", "O", "B-PER", "O"), ("O", "B-LOC", "B-PER"), ("B-LOC", "B-LOC")
    ]  # fmt: skip
    assert "5 tag(s) I-... with nothing of their type before them are read as B-..." in found.notes[0]
    bioes = [["B-PER", "E-PER", "O", "S-PER", "O"], ["O", "I-LOC", "E-LOC"], ["S-LOC", "O"]]
    kept = load((WORDS, bioes))
    assert ([list(parts_of(s.label or ())) for s in kept.samples], kept.notes) == (bioes, ())
    assert kept.target.classes == ("O", "E-LOC", "I-LOC", "S-LOC", "B-PER", "E-PER", "S-PER")
    speech = load((WORDS, [["NOUN", "NOUN", "VERB", "NOUN", "PUNCT"], ["PRON", "VERB", "PUNCT"], ["NOUN", "PUNCT"]]))
    assert speech.target.classes == ("NOUN", "PRON", "PUNCT", "VERB")


def changed(at: int, words: Any, tags: Any) -> pd.DataFrame:
    rows: list[tuple[Any, Any]] = [*BOTH]
    rows[at] = (words, tags)
    return pd.DataFrame({"tokens": [row[0] for row in rows], "tags": [row[1] for row in rows]})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (changed(1, ["It", "rained"], ["O"]), r"row 2: 2 word\(s\) and 1 tag\(s\).*begins with 'It rained'"),
        (changed(1, ["It", ""], ["O", "O"]), "row 2: word 2 is ''"),
        (changed(1, ["It", " \t"], ["O", "O"]), "row 2: word 2 is ' .'"),
        (changed(1, ["It", None], ["O", "O"]), "row 2: word 2 is 'None'"),
        (changed(1, ["It", "is"], ["O", None]), "row 2: word 2, 'is', has no tag"),
        (changed(1, ["It", "is"], None), "row 2: the label is empty"),
    ],
)
def test_a_row_whose_words_and_tags_do_not_fit_is_named(table: pd.DataFrame, words: str) -> None:
    with pytest.raises(DataError, match=f"(?s){words}"):
        load(table, task="tag")


def test_texts_without_words_are_left_out_and_rows_without_tags_can_be() -> None:
    """Row 16."""
    found = load(changed(1, [], []))
    assert read(found) == [BOTH[0], BOTH[2]]
    assert "1 sample(s) have no text and are left out: row-2" in found.notes
    assert len(load(changed(1, ["It", "is"], None), on_missing="skip")) == 2


def test_words_and_tags_may_be_texts_with_spaces_where_the_task_is_said(tmp_path: Path) -> None:
    rows = [f"{' '.join(words)}\t{' '.join(tags)}" for words, tags in BOTH]
    table = write(tmp_path, "\n".join(["text\ttags", *rows]), "a.csv")
    assert read(load(table, task="tag")) == BOTH
    assert read(load(([" ".join(words) for words in WORDS], TAGS), task="tag")) == BOTH
    equal = load((["Ada sang", "It rained"], np.array([["B-PER", "O"], ["O", "O"]])), task="tag")
    assert equal.samples[0].label == ("B-PER", "O")
    with pytest.raises(DataError, match=r"position 1: 3 word\(s\) and 1 tag"):
        load((WORDS, [TAGS[0], ["O"], TAGS[2]]), task="tag")
    single = pd.DataFrame({"word": [f"w{i}" for i in range(30)], "tag": ["O", "B-X"] * 15})
    with pytest.raises(DataError, match=r"(?s)each of 30 rows holds one word.*\.conll"):
        load(single, task="tag")


def test_two_words_are_a_pair_of_texts_unless_the_task_is_said() -> None:
    pairs: tuple[list[Any], list[Label]] = ([["It rains.", "Wet?"]] * 2, [("yes", "no"), ("no",)])
    assert load(pairs).target.kind == "multilabel"
    two = ([["Ada", "sang"], ["It", "rained"]], [["B-PER", "O"], ["O", "O"]])
    assert load(two, task="tag").samples[0].source == Text.of_words(["Ada", "sang"])


def test_inputs_may_be_tables_of_words_and_files_of_conll(tmp_path: Path) -> None:
    path = write(tmp_path, CONLL, "a.conll")
    for inputs in (path, str(path), pd.DataFrame({"tokens": WORDS})):
        assert [list(s.source.words) for s in load_inputs(inputs, kind="text")] == WORDS
    named = load_inputs(pd.DataFrame({"a": WORDS, "text": ["x", "y", "z"]}), kind="text", text_column="a")
    assert named[2].source.words == ("Paris", "!")
