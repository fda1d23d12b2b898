from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from tests.engine.ladder.helpers import divided, make_context
from warmstart.data.pixels import PixelStore
from warmstart.data.schema import ClassTarget, Dataset, Sample, Split, Text
from warmstart.engine.ladder.climb import climb
from warmstart.engine.ladder.context import LadderContext
from warmstart.engine.ladder.terms import Terms
from warmstart.engine.ladder.tfidf import TfidfRung
from warmstart.errors import TrainingError
from warmstart.preprocess.kinds import of_images

WORDS = {
    "sport": "match goal team player won",
    "tech": "chip software screen data phone",
    "food": "soup bread salt oven",
}


def texts_context(rows: Sequence[tuple[Text, str]], train: int, classes: Sequence[str] = tuple(WORDS)) -> LadderContext:
    """A run whose first `train` texts are learned from, a quarter of the rest chosen by; the network is unused."""
    samples = tuple(Sample(f"row-{i}", text, label) for i, (text, label) in enumerate(rows))
    order, val = np.arange(len(rows)), train + (len(rows) - train) // 4
    split = Split(order[:train], order[train:val], order[val:], how="by hand")
    dataset = Dataset(samples, ClassTarget(tuple(classes)), name="texts")
    data = divided()
    store = PixelStore(dataset, of_images(data.spec))  # holds the labels; no input is asked for
    return make_context(dataclasses.replace(data, dataset=dataset, split=split, store=store))


def sentences(n: int, seed: int = 0, classes: Sequence[str] = tuple(WORDS)) -> list[tuple[Text, str]]:
    """Three words of a class among four of all of them."""
    rng = np.random.default_rng(seed)
    every = " ".join(WORDS.values()).split()
    rows = []
    for i in range(n):
        label = classes[i % len(classes)]
        said = [*rng.choice(WORDS[label].split(), 3), *rng.choice(every, 4)]
        rows.append((Text((" ".join(rng.permutation(said)),)), label))
    return rows


def share(context: LadderContext) -> float:
    test = context.data.split.test
    return float((TfidfRung().climb(context, {}).outputs(test).argmax(1) == context.data.targets(test)).float().mean())


def test_it_tells_texts_apart_by_their_words_and_needs_no_network() -> None:
    context = texts_context(sentences(90), 45)
    contender = TfidfRung().climb(context, {})
    assert contender.members == ()
    assert contender.val_outputs.shape == (11, 3)
    assert contender.outputs(context.data.split.test[:0]).shape == (0, 3)
    assert share(context) > 0.8
    assert torch.allclose(contender.val_outputs.softmax(1).sum(1), torch.ones(11))


def test_the_same_data_gives_the_same_answers_and_again_keeps_the_choices() -> None:
    context = texts_context(sentences(60), 40)
    first = TfidfRung().climb(context, {})
    assert torch.equal(first.val_outputs, TfidfRung().climb(context, {}).val_outputs)
    chosen = dataclasses.replace(first, settings={"view": "characters", "C": 3.0})
    again = TfidfRung().again(context, chosen, {})
    assert again.settings == chosen.settings
    assert "characters, C = 3" in again.note


@pytest.mark.parametrize("classes", [tuple(WORDS), ("sport", "tech")])
def test_it_tells_which_terms_speak_for_each_class(classes: tuple[str, ...]) -> None:
    context = texts_context(sentences(90, classes=classes), 60, classes=("absent", *classes))
    absent, *told = TfidfRung().climb(context, {}).terms
    assert absent == ()
    for name, terms in zip(classes, told, strict=True):
        assert set(terms[:3]) <= set(WORDS[name].split())
    by_characters = dataclasses.replace(TfidfRung().climb(context, {}), settings={"view": "characters", "C": 3.0})
    again = TfidfRung().again(context, by_characters, {})
    assert set(again.terms[1][:3]) <= set(WORDS[classes[0]].split()), "words, whatever it counts itself"


def test_an_answer_does_not_depend_on_what_is_asked_beside_it() -> None:
    context = texts_context(sentences(60), 40, classes=("absent", *WORDS))
    contender, test = TfidfRung().climb(context, {}), context.data.split.test
    alone = torch.cat([contender.outputs(test[i : i + 1]) for i in range(len(test))])
    assert torch.equal(alone, contender.outputs(test))
    assert (alone[:, 0] < alone[:, 1:].min(1).values).all(), "a class without a sample is never the answer"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("天气很好我们去公园", "股票市场今天下跌了"),
        ("今日は天気がいいですね", "株価が下がりました"),
        ("मौसम बहुत अच्छा है", "शेयर बाजार गिर गया"),
        ("الطقس جميل جدا اليوم", "انخفضت الأسهم بشدة"),
        ("วันนี้อากาศดีมาก", "ตลาดหุ้นตกลง"),
    ],
)
def test_any_script_is_read(one: str, other: str) -> None:
    rng = np.random.default_rng(0)

    def some(text: str) -> Text:  # every text has another half of it, so that no two are the same
        words = text.split() if " " in text else list(text)
        return Text((" ".join(rng.choice(words, 3)) if " " in text else "".join(rng.choice(words, 5)),))

    rows = [(some(one), "sport") if i % 2 else (some(other), "tech") for i in range(60)]
    assert share(texts_context(rows, 30)) > 0.9


def test_vowel_signs_do_not_cut_a_word_and_letters_without_spaces_are_tokens() -> None:
    terms, _ = Terms.of([Text(("मौसम, 天气 don't_go",))], "words", 100)
    assert terms.vectorizer is not None
    assert set(terms.vectorizer.vocabulary_) == {"मौसम", "天", "气", "don", "t_go"}


def test_of_a_pair_it_sees_what_the_parts_have_in_common() -> None:
    rng = np.random.default_rng(0)
    words = " ".join(WORDS.values()).split()

    def pair(same: bool) -> Text:
        first = rng.choice(words, 6, replace=False)
        second = rng.permutation(first) if same else rng.choice([w for w in words if w not in first], 6, replace=False)
        return Text((" ".join(first), " ".join(second)))

    rows = [(pair(i % 2 == 0), "sport" if i % 2 == 0 else "tech") for i in range(160)]
    context = texts_context(rows, 100)
    assert share(context) > 0.9  # no word says anything by itself
    assert TfidfRung().climb(context, {}).terms[0][0] == "terms of both"


def test_a_class_with_one_text_is_learned_from() -> None:
    rows = [(Text(("bread soup",)), "food"), *sentences(60, classes=("sport", "tech"))]
    context = texts_context(rows, 40)
    assert TfidfRung().climb(context, {}).outputs(np.array([0])).argmax() == context.data.dataset.target.classes.index(
        "food"
    )


def test_texts_without_any_word_are_answered_with_the_shares_of_the_classes() -> None:
    rows = [(Text((" \n ",)), "sport" if i % 4 else "tech") for i in range(40)]
    outputs = TfidfRung().climb(texts_context(rows, 20), {}).val_outputs
    assert (outputs.argmax(1) == 0).all()
    assert torch.allclose(outputs.softmax(1)[0, :2], torch.tensor([0.75, 0.25]), atol=0.02)


def test_one_class_is_no_task() -> None:
    with pytest.raises(TrainingError, match="one class"):
        TfidfRung().climb(texts_context(sentences(20, classes=("sport",)), 10), {})


def test_it_is_measured_beside_the_candidates_and_never_chosen() -> None:
    class Worse(TfidfRung):
        """All that a ladder needs to have something to choose."""

    context = texts_context(sentences(60), 40)
    climbed = climb([TfidfRung(), Worse("probe", "written down", "candidate")], context, reserve=0)
    assert climbed.chosen == "probe"
    baseline = climbed.tried[0]
    assert (baseline.name, baseline.role, baseline.kept) == ("tfidf", "baseline", False)
    assert baseline.about.startswith("no transfer: TF-IDF")
    assert "C = " in baseline.about
