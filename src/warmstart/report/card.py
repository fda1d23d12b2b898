"""The model card: what a person must know before using the model, in the form model hubs read."""

from __future__ import annotations

import re
from typing import Any

import yaml

from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Outcome
from warmstart.report import numbers, words
from warmstart.report.audited import problems

LINES = re.compile(r"[\r\n\t\v\f\x1c-\x1e\x85\u2028\u2029]+")
_ANSWERS = {
    "classify": "It answers one of these classes",
    "multilabel": "It answers any number of these labels",
    "regress": "It answers numbers",
    "tag": "It gives each word one of these tags",
    "generate": "It writes a text",
    "forecast": "It forecasts the next values of a series, by quantiles",
    "anomaly": "It says whether an input is normal, and how far it lies from what is",
    "detect": "It draws boxes around objects of these classes",
    "segment": "It gives every pixel one of these classes",
    "several": "It answers several tasks at once",
}
_ALWAYS = {
    "classify": "It always answers one of its classes",
    "multilabel": "It answers for each of its labels",
    "regress": "It always answers a number",
    "tag": "It always gives every word a tag",
    "generate": "It always writes something",
    "forecast": "It always forecasts",
    "anomaly": "It gives every input a score",
    "detect": "It finds nothing but these classes",
    "segment": "It always gives every pixel one of its classes",
    "several": "It always answers each of its tasks",
}
_PIPELINES = {
    "tag": "token-classification",
    "generate": "text2text-generation",
    "anomaly": "other",
    "forecast": "time-series-forecasting",
    "detect": "object-detection",
    "segment": "image-segmentation",
    "several": "other",
}
FEW = 20
"""A test class with fewer samples than this is named among the limits."""


def model_card(outcome: Outcome) -> str:
    """Markdown with a YAML front matter (licence, tags, base model, results), then data, method, numbers and limits."""
    sections = [_front_matter(outcome), _summary(outcome), _use(outcome), _method(outcome), _numbers(outcome)]
    sections += [_limits(outcome), _origin(outcome)]
    return "\n\n".join(section for section in sections if section) + "\n"


def escape(text: object) -> str:
    r"""Text that stays text in Markdown, also in a table cell: markup characters escaped, on one line.

    >>> escape("<b>a|b</b>")
    '&lt;b&gt;a\\|b&lt;/b&gt;'
    """
    plain = LINES.sub(" ", str(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", plain)


def _front_matter(outcome: Outcome) -> str:
    metrics = [
        {"type": name, "value": round(interval.value, 4), "name": metric_name(name)}
        for name, interval in outcome.test.items()
    ]
    name = " ".join(outcome.data.split())  # on one line: a line "---" in it would end the front matter
    task = "text-classification" if words.noun(outcome) == "texts" else "image-classification"
    backbone = outcome.backbone
    base = backbone.get("architecture") or backbone.get("name")
    if task == "text-classification":  # of which many have one architecture: the weights are what it is made from
        base = str(backbone.get("name", "")).removeprefix("hf:")
    task = _PIPELINES.get(outcome.task, task)
    facts: dict[str, Any] = {
        "license": str(backbone.get("licence", "unknown")).lower(),
        "library_name": "warmstart",
        "pipeline_tag": task,
        "tags": ["warmstart", "transfer-learning", task],
        "base_model": base,
        "model-index": [
            {
                "name": name,
                "results": [
                    {
                        "task": {"type": task},
                        "dataset": {"name": name, "type": "private", "split": outcome.evaluated_on},
                        "metrics": metrics,
                    }
                ],
            }
        ],
    }
    return "---\n" + yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=10_000).strip() + "\n---"


def _summary(outcome: Outcome) -> str:
    classes = (words.asks(outcome),) if outcome.task == "forecast" else outcome.classes
    names = ", ".join(escape(name) for name in classes[:50])
    more = f" and {len(classes) - 50} more" if len(classes) > 50 else ""
    key = words.headline(outcome)
    lead = f"**{escape(key)}.** " if key else ""
    return (
        f"# {escape(outcome.data)}\n\n{lead}{escape(words.verdict(outcome))}\n\n"
        f"{_ANSWERS[outcome.task]}{': ' if names else ''}{names}{more}."
    )


def _use(outcome: Outcome) -> str:
    inputs, files = '"one.jpg", "two.jpg"', "one.jpg two.jpg"
    if words.noun(outcome) == "texts":
        inputs, files = '"A text.", "Another one."', "texts.csv"
    if outcome.task == "forecast":
        inputs, files = '"series.csv"', "series.csv"
    to = "--out found" if outcome.task in ("detect", "segment") else "--out answers.csv"
    return (
        "## How to use it\n\n"
        '```python\nfrom warmstart import Bundle\n\nmodel = Bundle.load("path/to/this/folder")\n'
        f"model.predict([{inputs}])\n```\n\n"
        f"```sh\nwarmstart predict path/to/this/folder {files} {to}\n```\n\n"
        f"{words.noun(outcome).capitalize()} are prepared as in training; the recipe for that is in the bundle, and "
        "nothing in the bundle can execute."
    )


def _method(outcome: Outcome) -> str:
    chosen = next((rung for rung in outcome.rungs if rung.name == outcome.chosen), None)
    card, split, noun = outcome.backbone, outcome.split, words.noun(outcome)
    tried = sum(not rung.skipped for rung in outcome.rungs)
    train, val, test = (numbers.count(split[part]) for part in ("train", "val", "test"))
    bands = words.bands(outcome.preprocess)
    trained_on, source = (escape(card.get(key, "unknown")) for key in ("trained_on", "source"))
    lines = [
        "## Data and method",
        "",
        f"- **Data:** {train} {noun} to train on, {val} to choose by (validation), {test} to measure on (test). "
        + escape(numbers.sentence(split["how"])),
        f"- **Backbone:** {escape(card.get('architecture', ''))}, trained on {trained_on}, from {source}.",
        *([f"- **Bands:** {escape(bands)}."] if bands else ()),
        *([f"- **Reading:** {escape(words.reading(card, outcome.preprocess))}"] if noun == "texts" else ()),
        f"- **Method:** {escape(outcome.chosen)}{': ' + escape(chosen.about) if chosen else ''}. Chosen among {tried} "
        f"attempts by {metric_name(outcome.metric)} on validation.",
    ]
    if outcome.task == "classify":
        lines.append(f"- **Probabilities:** calibrated by one temperature, {outcome.temperature:.2f}.")
    return "\n".join(lines)


def _numbers(outcome: Outcome) -> str:
    if not outcome.test:
        return "## How good it is\n\nNot measured: there were no labelled samples to measure on."
    samples = numbers.count(outcome.split[outcome.evaluated_on])
    lines = [
        "## How good it is",
        "",
        f"On {samples} {words.part(outcome)} {words.noun(outcome)}{words.resting(outcome)}:",
        "",
        "| metric | value | 95 % interval |",
        "|---|---|---|",
    ]
    for name, interval in outcome.test.items():
        lines.append(
            f"| {metric_name(name)} | {numbers.value(name, interval.value)} | {numbers.span(name, interval)} |"
        )
    if outcome.differences:
        lines += ["", *(f"- {escape(words.comparison(pair, outcome))}" for pair in outcome.differences)]
    return "\n".join(lines)


def _limits(outcome: Outcome) -> str:
    known = [row for row in outcome.per_class if row.get("f1") is not None]
    few = [escape(row["name"]) for row in outcome.per_class if row["count"] < FEW]
    others = "sources, writers or times" if words.noun(outcome) == "texts" else "cameras, sites or seasons"
    limits = [
        f"The numbers hold for data collected like this; other {others} can be much worse.",
        f"{_ALWAYS[outcome.task]}, also for something that is nothing like what it learned from"
        + ("; `unknown` in an answer tells where that is likely." if outcome.unknowns else "."),
    ]
    if outcome.evaluated_on == "val":
        limits.append(
            "There was no test set: the numbers are from validation, which also chose the model, and are too good."
        )
    if known:
        worst = min(known, key=lambda row: float(row["f1"]))
        limits.append(f"Weakest class: {escape(worst['name'])} (F1 {numbers.percent(worst['f1'])}).")
    if few:
        shown = ", ".join(few[:10]) + (f" and {len(few) - 10} more" if len(few) > 10 else "")
        limits.append(f"Fewer than {FEW} {words.part(outcome)} {words.noun(outcome)} say little about: {shown}.")
    if outcome.backbone.get("licence_accepted"):
        limits.append(
            f"The weights it was made from are under {escape(outcome.backbone['licence'])}, which restricts the use of "
            "this model too."
        )
    limits += [escape(numbers.sentence(problem)) for problem in problems(outcome)]
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _origin(outcome: Outcome) -> str:
    date, card = numbers.moment(outcome.environment.get("date", "")), outcome.backbone
    command = LINES.sub(" ", outcome.command).replace("`", "")
    made = f"Made by `{command}` with seed {outcome.seed}{f' on {escape(date)}' if date else ''}"
    return (
        f"## Where it comes from\n\n{made}, in {numbers.duration(outcome.seconds)}. Weights of the backbone: sha256 "
        f"`{card.get('weights_sha256', 'unknown')}`, licence {escape(words.licence(card))}."
    )
