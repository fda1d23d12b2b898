"""Texts and what is to be written, as tokens: nothing of the target is lost, and what is cut is told."""

from __future__ import annotations

import pytest

from tests.model.text.tiny import tokenizer
from warmstart.preprocess.text import Encoded, TextSpec
from warmstart.preprocess.writing import decoded, encode_written

CLS, END, CAT, DOG, RAIN = 2, 3, 6, 7, 17


def spec(writes: str, size: int = 16, limit: int = 64) -> TextSpec:
    return TextSpec(size, tokenizer().to_str(), limit, writes=writes, end=END)  # type: ignore[arg-type]


def made(writes: str, text: str, target: str | None, **sizes: int) -> Encoded:
    (found,) = encode_written(spec(writes, **sizes), [(text,)], [target])
    return found


def test_a_causal_model_reads_the_target_too_but_for_its_end() -> None:
    found = made("causal", "cat dog", "rain cat")
    assert found.tokens[:, 0].tolist() == [CLS, CAT, DOG, END, RAIN, CAT]
    assert found.written == (RAIN, CAT, END)
    assert not found.cut


def test_a_decoder_writes_what_the_tokenizer_makes_of_the_target() -> None:
    found = made("seq2seq", "cat dog", "rain")
    assert found.tokens[:, 0].tolist() == [CLS, CAT, DOG, END]
    assert found.written == (CLS, RAIN, END)


def test_what_is_not_known_is_left_open() -> None:
    found = made("causal", "cat dog", None)
    assert found.tokens[:, 0].tolist() == [CLS, CAT, DOG, END]
    assert found.written == ()
    assert made("seq2seq", "cat", None).written == ()


def test_an_empty_target_is_its_end_alone() -> None:
    found = made("causal", "cat", "")
    assert (found.tokens[:, 0].tolist(), found.written) == ([CLS, CAT, END], (END,))
    assert made("seq2seq", "cat", "").written == (CLS, END)


def test_pairs_say_which_text_a_token_is_of() -> None:
    (found,) = encode_written(spec("causal"), [("cat", "dog")], ["rain"])
    assert found.tokens.tolist() == [[CLS, 0], [CAT, 0], [END, 0], [DOG, 1], [END, 0], [RAIN, 0]]


def test_a_long_input_loses_its_end_and_the_target_nothing() -> None:
    found = made("causal", "cat " * 30, "rain dog dog")
    assert len(found.tokens) == 16
    assert found.tokens[:, 0].tolist()[-5:] == [CAT, END, RAIN, DOG, DOG]
    assert found.written == (RAIN, DOG, DOG, END)
    assert found.cut
    other = made("seq2seq", "cat " * 30, "rain")
    assert (len(other.tokens), other.written, other.cut) == (16, (CLS, RAIN, END), True)


@pytest.mark.parametrize("length", range(5, 40))
def test_causal_tokens_always_fit_and_stand_behind_their_input(length: int) -> None:
    found = made("causal", "cat " * length, "dog " * length)
    assert len(found.tokens) <= 16
    ids, written = found.tokens[:, 0].tolist(), list(found.written)
    at = len(ids) - len(written)
    assert ids[at] == END, "the mark in front of what is written"
    assert ids[at + 1 :] == written[:-1]
    assert ids[0] == CLS
    assert (written[-1] == END) == (len(written) == length + 1)
    assert found.cut == (2 * length + 2 > 16)


def test_a_target_that_a_decoder_has_no_positions_for_is_cut_and_told() -> None:
    found = made("seq2seq", "cat", "dog " * 50, limit=20)
    assert len(found.written) == 20
    assert found.cut


def test_written_tokens_are_read_up_to_the_end() -> None:
    assert decoded(spec("causal"), [[CAT, DOG, END, RAIN], [RAIN], [END], []]) == ["cat dog", "rain", "", ""]


def test_the_address_of_activations_says_how_texts_are_continued() -> None:
    plain, causal = TextSpec(16, tokenizer().to_str(), 64), spec("causal")
    assert plain.to_dict() != causal.to_dict() != spec("seq2seq").to_dict()
    assert "writes" not in plain.to_dict()
    assert TextSpec.from_dict(causal.to_dict(), causal.tokenizer) == causal
