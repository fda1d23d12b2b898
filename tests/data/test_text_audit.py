"""What is wrong with a data set of texts. Row numbers are those of the list of known faults."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.data.audit import audit_of, look_at
from warmstart.data.findings import Audit
from warmstart.data.minhash import near_copies, pairs_near, signature
from warmstart.data.schema import Dataset, Text
from warmstart.data.sources import load
from warmstart.data.split import split
from warmstart.data.telltale import labels_told
from warmstart.data.textscan import TextLook, look_at_text, read_texts
from warmstart.data.together import copies

_WORDS = [f"w{i}" for i in range(3000)]


def text(seed: int, words: int = 60) -> str:
    return " ".join(random.Random(seed).choices(_WORDS, k=words))


def changed(said: str, at: int = 20, words: int = 4) -> str:
    """The same but for a few words."""
    there = said.split()
    return " ".join([*there[:at], *["other"] * words, *there[at + words :]])


def audited(data: Dataset, *, divided: bool = True) -> Audit:
    looks = look_at(data)
    return audit_of(data, split(data, copies=copies(data, looks)) if divided else None, looks)


def test_a_clean_data_set_has_no_problems_and_shows_what_is_in_it() -> None:
    found = audited(load(([text(i) for i in range(20)], list("ab") * 10)))
    assert found.problems == ()
    assert (found.noun, found.modes, found.scripts) == ("text", {"text": 20}, {"Latin": 20})
    assert found.sizes["median"][1] == 60
    assert [len(lines) for lines in found.examples.values()] == [3, 3]
    assert found.examples["a"][0].startswith(text(0)[:50])
    assert found.to_dict()["noun"] == "text"


def test_copies_are_told_whatever_their_case_and_white_space_and_so_are_conflicts(tmp_path: Path) -> None:
    """Row 19."""
    rows = [(text(0), "train", "a"), (text(1), "train", "b"), (text(2), "test", "b")]
    rows += [(text(1).upper().replace(" ", "  "), "test", "a"), (changed(text(0)), "test", "a")]
    (tmp_path / "a.csv").write_text("text,split,label\n" + "".join(f"{','.join(row)}\n" for row in rows))
    found = audited(load(tmp_path / "a.csv"), divided=False)
    assert found.leaks == (("row-2", "row-4"),)
    assert found.near_leaks == (("row-1", "row-5"),)
    assert found.problems[:3] == (
        "1 text(s) of validation or test are also in another part: row-4 = row-2; scores on them will flatter",
        "the same text has different labels: row-2 = row-4",
        "1 text(s) of validation or test are nearly the same as one in another part: row-5 ~ row-1",
    )


def test_near_copies_are_kept_in_one_part_but_not_what_many_texts_are_made_from() -> None:
    texts = [text(i) for i in range(60)]
    form = [changed(text(999), at=i, words=1) for i in range(40)]
    data = load(([*texts, changed(texts[0]), changed(texts[1]), *form], ["a"] * 30 + ["b"] * 32 + ["a"] * 40))
    looks = read_texts(data)
    assert copies(data, looks) == [[0, 60], [1, 61]]
    parts = split(data, copies=copies(data, looks))
    assert any(set(copied) <= set(parts.train.tolist()) for copied in ([0, 60], [1, 61]))
    assert any("kept in its part" in note for note in parts.notes)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_the_share_of_runs_that_texts_have_in_common_decides(seed: int) -> None:
    one = text(seed, words=200)
    assert list(pairs_near({3: signature(one), 7: signature(changed(one))})) != []
    assert list(near_copies({3: signature(one)}, {7: signature(changed(one)), 8: b""})) == [(3, 7)]
    half = " ".join([*one.split()[:100], *text(seed + 1, words=100).split()])
    assert list(pairs_near({3: signature(one), 7: signature(half)})) == []


def test_the_closest_of_several_near_copies_is_named() -> None:
    one = text(0, words=100)
    known = {i: signature(changed(one, words=words)) for i, words in ((1, 8), (2, 3), (3, 5))}
    assert list(near_copies(known, {9: signature(changed(one, words=3))})) == [(2, 9)]


def test_texts_without_spaces_between_words_have_near_copies_too() -> None:
    one = "".join(chr(0x4E00 + i * 7 % 3000) for i in range(60))
    other = "".join(chr(0x4E00 + i * 11 % 3000) for i in range(500, 560))
    found = pairs_near({i: signature(said) for i, said in enumerate((one, other, one[:30] + "的" + one[31:]))})
    assert set(found) == {(0, 2)}


@pytest.mark.parametrize(
    ("said", "unusual"),
    [
        ("Hi there", "have fewer than 3 words"),
        ("Das CafÃ© ist schÃ¶n", "were read in another encoding"),
        ("Donâ€™t do it again", "were read in another encoding"),
        ("Das Caf� ist schön", "hold characters that were lost"),
        ("Good film.<br /><br />Go and see it.", "hold HTML markup"),
        ("Das Café ist schön, a < b > c", ""),
        ("«NÃO», dizia a MAÇû", ""),
        ("太初有道", ""),
    ],
)
def test_what_is_odd_about_a_text_is_counted_in_words(said: str, unusual: str) -> None:
    """Row 15: texts that were damaged before they came here."""
    found = look_at_text(Text((said,)))
    assert [words[: len(unusual)] for words in found.unusual] == ([unusual] if unusual else [])
    data = load(([said, *(text(i) for i in range(9))], list("ab") * 5))
    assert any(f"1 text(s) {unusual}" in problem for problem in audited(data).problems) == bool(unusual)


@pytest.mark.parametrize(
    ("said", "script"),
    [
        ("abc", "Latin"),
        ("où ça", "Latin"),
        ("слово", "Cyrillic"),
        ("太初有道", "Han"),
        ("في البدء", "Arabic"),
        ("12 + 3", ""),
    ],
)
def test_the_script_is_that_of_most_letters(said: str, script: str) -> None:
    found = look_at_text(Text((said,)))
    assert isinstance(found, TextLook)
    assert found.script == script


def test_texts_that_are_all_the_same_teach_nothing() -> None:
    found = audited(load((["The same words.", "the same  words."] * 5, list("ab") * 5)))
    assert found.problems[0] == "all 10 texts are the same: there is nothing to learn"


def test_a_label_that_stands_in_the_text_is_a_leak_unless_it_is_a_word_of_any() -> None:
    names = ["card_lost", "top-up", "3"]
    told = [f"{text(i)} [{names[i % 3].replace('_', ' ').upper()}]" for i in range(30)]
    labels = [names[i % 3] for i in range(30)]
    data = load((told, labels))
    assert labels_told(data) == (20, 0)
    assert any("20 of 30 texts say their own label word for word (0 say another)" in p for p in audited(data).problems)
    both = load(([f"spam or ham: {text(i)}" for i in range(10)], ["spam", "ham"] * 5))
    assert audited(both).problems == ()
    assert labels_told(load((["spammers", "whams"], ["spam", "ham"]))) == (0, 0)


def test_a_file_that_is_no_text_is_listed_with_its_reason(tmp_path: Path) -> None:
    """Row 15."""
    for i in range(8):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        (tmp_path / "ab"[i % 2] / f"{i}.txt").write_text(text(i))
    (tmp_path / "a/0.txt").write_bytes(b"\x00\x01")
    data = load(tmp_path)
    found = audited(data)
    assert found.corrupt == (("a/0.txt", "is no text that can be read"),)
    assert found.problems[0] == "1 text(s) cannot be read: a/0.txt (is no text that can be read)"
    (tmp_path / "a/0.txt").write_text("mended")
    assert "when the data was loaded" in read_texts(data)[0].error


def test_each_look_is_told_of() -> None:
    seen: list[int] = []
    read_texts(load(([text(i) for i in range(4)], list("abab"))), progress=seen.append)
    assert seen == [1, 1, 1, 1]
