"""Tokens that are kept between runs are those that would be made."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.model.text.tiny import tokenizer
from warmstart.cache import tokens as kept
from warmstart.cache.tokens import TokenShelf
from warmstart.data.schema import Dataset, Sample, Text
from warmstart.data.targets import ClassTarget, TagTarget
from warmstart.data.tokens import TokenStore
from warmstart.preprocess.text import Encoded, TextSpec

TEXTS = ["one two three", "four", "five six " * 9, "seven"]


@pytest.fixture(autouse=True)
def _all_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_LEAST", 1)


def spec(size: int = 8) -> TextSpec:
    return TextSpec(size, tokenizer().to_str(), 32)


def data(texts: list[str], *, tagged: bool = False) -> Dataset:
    if tagged:
        words = [text.split() for text in texts]
        samples = [Sample(f"row-{i}", Text.of_words(each), ("O",) * len(each)) for i, each in enumerate(words)]
        return Dataset(tuple(samples), TagTarget(("O", "B-X")))
    samples = [Sample(f"row-{i}", Text((text,)), "ab"[i % 2]) for i, text in enumerate(texts)]
    return Dataset(tuple(samples), ClassTarget(("a", "b")))


def made(folder: Path, dataset: Dataset, how: TextSpec) -> TokenStore:
    store = TokenStore(dataset, how, shelf=TokenShelf(folder, 1 << 24))
    store.preload()
    return store


def same(one: TokenStore, other: TokenStore) -> bool:
    pairs: list[tuple[Encoded, Encoded]] = list(zip(one.encoded, other.encoded, strict=True))
    return all(
        np.array_equal(a.tokens, b.tokens)
        and np.array_equal(a.starts, b.starts)
        and (a.cut, a.written) == (b.cut, b.written)
        for a, b in pairs
    )


@pytest.mark.parametrize("tagged", [False, True])
def test_a_second_run_reads_what_the_first_made(tmp_path: Path, tagged: bool) -> None:
    first = made(tmp_path, data(TEXTS, tagged=tagged), spec())
    second = made(tmp_path, data(TEXTS, tagged=tagged), spec())
    assert (first.found, second.found) == (False, True)
    assert same(first, second)
    assert second.cut == first.cut == 1


def test_what_is_written_is_kept_with_what_it_is_written_for(tmp_path: Path) -> None:
    writes = dataclasses.replace(spec(16), writes="seq2seq", end=3)
    first, second = (made(tmp_path, data(TEXTS), writes) for _ in range(2))
    assert second.found
    assert same(first, second)
    assert any(one.written for one in second.encoded)


def test_another_text_order_length_or_tokenizer_is_made_anew(tmp_path: Path) -> None:
    made(tmp_path, data(TEXTS), spec())
    assert not made(tmp_path, data([*TEXTS[:-1], "eight"]), spec()).found
    assert not made(tmp_path, data(TEXTS[::-1]), spec()).found
    assert not made(tmp_path, data(TEXTS), spec(16)).found
    assert not made(tmp_path, data(["one two", "three four", *TEXTS[2:]]), spec()).found
    assert made(tmp_path, data(TEXTS), spec()).found


def test_a_damaged_record_is_made_anew(tmp_path: Path) -> None:
    first = made(tmp_path, data(TEXTS), spec())
    (record,) = (path for path in tmp_path.rglob("*") if path.is_file())
    record.write_bytes(record.read_bytes()[:-7])
    again = made(tmp_path, data(TEXTS), spec())
    assert not again.found
    assert same(first, again)


def test_few_and_short_texts_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_LEAST", 10_000)
    made(tmp_path, data(TEXTS), spec())
    assert not any(tmp_path.rglob("*"))
