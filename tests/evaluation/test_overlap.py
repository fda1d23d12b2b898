"""What written texts have in common with the wanted ones, in any script."""

from __future__ import annotations

import importlib.util

import pytest

from warmstart.errors import DataError, MissingExtraError
from warmstart.evaluation.overlap import bleu, overlaps


def metrics(written: list[str], wanted: list[str]) -> dict[str, float]:
    means = {name: float(values.mean()) for name, values in overlaps(written, wanted).items()}
    return means | {"bleu": bleu(written, wanted, resamples=2).value}


@pytest.fixture(autouse=True)
def _installed(request: pytest.FixtureRequest) -> None:
    if "without" not in request.node.name:
        pytest.importorskip("rouge_score")
        pytest.importorskip("sacrebleu")


def test_values_are_those_counted_by_hand() -> None:
    found = overlaps(["the cat sat"], ["the cat ran off"])
    assert found["rouge1"].item() == pytest.approx(2 * 2 / (3 + 4))  # "the", "cat"
    assert found["rouge2"].item() == pytest.approx(2 * 1 / (2 + 3))  # "the cat"
    assert found["rougeL"].item() == pytest.approx(2 * 2 / (3 + 4))


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("the cat sat on the mat", "a dog ran in a park"),
        ("кошка сидит на ковре дома", "собака бежит в парке быстро"),
        ("القطة تجلس على السجادة", "الكلب يجري في الحديقة"),
        ("猫はマットの上に座る", "犬が公園で走った"),
        ("แมวนั่งบนเสื่อ", "หมาวิ่งในสวน"),
    ],
)
def test_the_same_text_has_all_in_common_and_another_next_to_nothing(text: str, other: str) -> None:
    assert metrics([text], [text]) == pytest.approx(dict.fromkeys(("rouge1", "rouge2", "rougeL", "chrf", "bleu"), 1.0))
    assert metrics([other], [text])["rouge2"] < 0.3
    assert metrics([other], [text])["bleu"] < 0.3
    half = metrics([text, other], [text, text])
    assert 0.4 < half["rougeL"] < 0.9


def test_an_empty_text_has_nothing_in_common_and_is_no_error() -> None:
    assert max(metrics(["", ""], ["the cat sat down", "a"]).values()) == 0


def test_texts_have_to_come_in_pairs() -> None:
    with pytest.raises(DataError, match="2 written texts for 1"):
        metrics(["a", "b"], ["a"])
    with pytest.raises(DataError):
        metrics([], [])


def test_without_the_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="text"):
        metrics(["a"], ["a"])
