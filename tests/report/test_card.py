import dataclasses
import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from PIL import Image

from tests.report.lint import SECTIONS, faults
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
    assert "accepted by whoever trained this" in card
    assert "restricts the use" not in model_card(outcome)


def test_the_card_says_how_good_it_is_and_what_it_may_be_used_for(outcome: Outcome) -> None:
    card = model_card(outcome)
    facts = front_matter(card)
    assert facts["license"] == "apache-2.0"
    assert "base_model" not in facts  # these weights are on no hub under a name that we know
    known = model_card(dataclasses.replace(outcome, backbone={**outcome.backbone, "name": "timm:vit.x_in1k?taps=2"}))
    assert front_matter(known)["base_model"] == "timm/vit.x_in1k"
    assert f"{100 * outcome.test['accuracy'].value:.1f}\u202f% accuracy" in card
    assert outcome.verdict in card
    assert outcome.backbone["weights_sha256"] in card
    assert "## Limits" in card
    assert "Weakest class: Shirt" in card


def test_the_hub_reads_the_same_facts_and_results_from_the_card(outcome: Outcome) -> None:
    text = model_card(outcome)
    card = ModelCard(text)
    assert front_matter(text) == yaml.safe_load(card.data.to_yaml())
    results = {one.metric_type: one for one in getattr(card.data, "eval_results", ())}
    assert set(results) == set(outcome.test)
    accuracy, interval = results["accuracy"], outcome.test["accuracy"]
    assert accuracy.metric_value == round(interval.value, 4)
    ends = f"{100 * interval.low:.1f}–{100 * interval.high:.1f}"
    assert accuracy.metric_name == f"accuracy (95 % interval {ends})"
    assert (accuracy.task_type, accuracy.dataset_split) == ("image-classification", "test")
    assert "accuracy" in card.data["metrics"]


@pytest.mark.parametrize(
    ("kind", "task", "pipeline"),
    [("text", "classify", "text-classification"), ("series", "classify", None), ("image", "regress", None)],
)
def test_the_hub_is_told_a_task_that_it_knows_or_none(
    outcome: Outcome, kind: str, task: str, pipeline: str | None
) -> None:
    spec = {**outcome.preprocess, "kind": kind, "size": 64, "channels": 3}
    facts = front_matter(model_card(dataclasses.replace(outcome, preprocess=spec, task=task)))  # type: ignore[arg-type]
    assert facts.get("pipeline_tag") == pipeline
    tags = facts["tags"]
    assert isinstance(tags, list)
    assert tags[-1] == (pipeline or {"series": "time-series-classification", "image": "image-regression"}[kind])


@pytest.mark.parametrize(
    ("licence", "facts", "said"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}, "under Apache-2.0."),
        ("dinov3-license", {"license": "other", "license_name": "dinov3-license"}, "under dinov3-license."),
        ("unknown", {"license": "unknown"}, "is unknown: find it out"),
        ("none needed", {}, "no licence of others"),
    ],
)
def test_the_card_says_what_is_known_of_the_licence(
    outcome: Outcome, licence: str, facts: dict[str, str], said: str
) -> None:
    card = model_card(dataclasses.replace(outcome, backbone={**outcome.backbone, "licence": licence}))
    assert {key: value for key, value in front_matter(card).items() if key.startswith("license")} == facts
    assert said in card


def test_the_card_lints_clean_and_has_every_section(outcome: Outcome) -> None:
    assert faults(model_card(outcome)) == []
    bare = dataclasses.replace(outcome, test={}, differences=(), per_class=(), rungs=())
    assert faults(model_card(bare)) == []


def test_the_card_lints_clean_whatever_the_data_holds(outcome: Outcome) -> None:
    name = "# x\n<img src=x onerror=alert(1)> [a](javascript:b) |`c`| $d$ ~~e~~ ![f](g)\n---\nlicense: mit"
    rows = tuple({**row, "name": name, "count": 3} for row in outcome.per_class)
    rungs = tuple(dataclasses.replace(rung, about=name) for rung in outcome.rungs)
    hostile = dataclasses.replace(
        outcome,
        data=name,
        classes=(name, *outcome.classes[1:]),
        per_class=rows,
        rungs=rungs,
        verdict=name,
        command=f"warmstart fit '{name}'",
        split={**outcome.split, "how": name},
        backbone={**outcome.backbone, "source": name, "trained_on": name, "licence": name, "architecture": name},
    )
    card = model_card(hostile)
    assert faults(card) == []
    assert "<img" not in card.partition("Made by `")[0]
    assert front_matter(card)["license"] == "other"
    assert "[a](" not in re.sub("`[^`]*`", "", ModelCard(card).text)  # in code it is no link


@pytest.mark.parametrize(
    "broken",
    [
        "# One\n\n# Two",
        "# One\n\ntext <b>bold</b>",
        "# One\n\n| a | b |\n|---|---|\n| 1 |",
        "# One\n\n### Three",
        "# One\ntext",
        "# One\n\ntext \n\nmore",
        "# One\n\ntext\n- item",
        "# One\n\n```sh\nopen",
    ],
)
def test_the_rules_find_what_they_are_for(broken: str) -> None:
    front = "---\nlicense: mit\n---\n\n"
    sound = "\n\n".join(f"## {section}\n\nSaid." for section in SECTIONS)
    assert faults(f"{front}# One\n\n{sound}\n") == []
    assert faults(f"{front}{broken}\n\n{sound}\n") != []


def test_the_card_names_no_folder_of_whoever_trained_the_model(outcome: Outcome) -> None:
    command = "warmstart fit '/home/ann/clinic/x rays' --cache ~/big/cache --out ../runs/a --backbone hf:ORG/NAME"
    card = model_card(dataclasses.replace(outcome, command=command))
    assert "`warmstart fit 'x rays' --cache cache --out a --backbone hf:ORG/NAME`" in card


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
