import dataclasses
from pathlib import Path

import pytest
import yaml
from PIL import Image

from warmstart.evaluation.outcome import Outcome
from warmstart.report.card import escape, model_card
from warmstart.report.plots import summary_png


def front_matter(card: str) -> dict[str, object]:
    _, head, _ = card.split("---\n", 2)
    facts: dict[str, object] = yaml.safe_load(head)
    return facts


def test_an_accepted_licence_stands_in_the_card_and_among_the_limits(outcome: Outcome) -> None:
    restricted = {**outcome.backbone, "licence": "cc-by-nc-4.0", "licence_accepted": True}
    card = model_card(dataclasses.replace(outcome, backbone=restricted))
    assert front_matter(card)["license"] == "cc-by-nc-4.0"
    assert "under cc-by-nc-4.0, which restricts the use of this model too" in card
    assert "licence cc-by-nc-4.0 (restricts the use; accepted" in card
    assert "restricts the use" not in model_card(outcome)


def test_the_card_says_how_good_it_is_and_what_it_may_be_used_for(outcome: Outcome) -> None:
    card = model_card(outcome)
    facts = front_matter(card)
    assert facts["license"] == "apache-2.0"
    assert facts["base_model"] == "tf_efficientnet_lite0"
    assert f"{100 * outcome.test['accuracy'].value:.1f}\u202f% accuracy" in card
    assert outcome.verdict in card
    assert outcome.backbone["weights_sha256"] in card
    assert "## Limits" in card
    assert "Weakest class: Shirt" in card


def test_class_names_cannot_break_the_card(outcome: Outcome) -> None:
    names = ("<img src=x onerror=alert(1)>", "a|b", "---\nlicense: mit", *outcome.classes[3:])
    rows = tuple({**row, "name": name} for row, name in zip(outcome.per_class, names, strict=True))
    hostile = dataclasses.replace(outcome, classes=names, per_class=rows, data="x\n---\nlicense: mit")
    card = model_card(hostile)
    assert front_matter(card)["license"] == "apache-2.0"
    assert "<img" not in card
    assert not [line for line in card.splitlines()[1:] if line == "license: mit"]


@pytest.mark.parametrize("text", ["*bold*", "[a](b)", "`code`", "# head", "<b>", "a|b", "_i_"])
def test_markup_in_text_is_escaped(text: str) -> None:
    assert escape(text) != text
    assert "\n" not in escape(f"{text}\n{text}")


def test_a_model_without_a_test_set_says_that_its_numbers_are_too_good(outcome: Outcome) -> None:
    assert "no test set" in model_card(dataclasses.replace(outcome, evaluated_on="val"))


def test_classes_with_few_test_samples_are_named(outcome: Outcome) -> None:
    rows = ({**outcome.per_class[0], "count": 4}, *outcome.per_class[1:])
    assert "say little about: T-shirt" in model_card(dataclasses.replace(outcome, per_class=rows))


def test_the_summary_picture_is_drawn_also_with_odd_names(outcome: Outcome, tmp_path: Path) -> None:
    names = ("$1 {x", *outcome.classes[1:])
    path = summary_png(dataclasses.replace(outcome, classes=names), tmp_path / "summary.png")
    with Image.open(path) as image:
        assert image.size == (2000, 800)
        assert len(set(image.convert("RGB").resize((200, 80)).get_flattened_data())) > 20
