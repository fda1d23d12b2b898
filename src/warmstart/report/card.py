"""The model card: what a person must know before using the model, in the form model hubs read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, cast

from warmstart.evaluation.adaptation import Adaptation
from warmstart.evaluation.measures import metric_name
from warmstart.evaluation.outcome import Outcome
from warmstart.preprocess.kinds import PLURAL, Kind
from warmstart.report import numbers, words
from warmstart.report.audited import problems
from warmstart.report.frontmatter import front_matter

LINES = re.compile(r"[\r\n\t\v\f\x1c-\x1e\x85\u2028\u2029]+")
_PLACE = re.compile(r"^(?:(?:file:|bundle:)?(?=[/~]|[A-Za-z]:[/\\]|\.\.)).*[/\\](?=.)")
"""Of a path that starts at the root, at home or above here: what stands before its last part."""
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
FEW = 20
"""A test class with fewer samples than this is named among the limits."""


def model_card(outcome: Outcome) -> str:
    """Markdown with a YAML front matter (licence, tags, base model, results), then data, method, numbers and limits."""
    sections = (
        _front_matter(outcome),
        _summary(outcome),
        use(outcome.task, outcome.preprocess),
        _method(outcome),
        _numbers(outcome),
        _limits(outcome),
        licence_section(outcome.backbone),
        origin(outcome),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def escape(text: object) -> str:
    r"""Text that stays text in Markdown, also in a table cell: markup characters escaped, on one line.

    >>> escape("<b>a|b</b>")
    '&lt;b&gt;a\\|b&lt;/b&gt;'
    """
    plain = LINES.sub(" ", str(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", plain)


def _front_matter(outcome: Outcome) -> str:
    return front_matter(
        outcome.data,
        outcome.backbone,
        outcome.preprocess,
        task=outcome.task,
        measured=outcome.test,
        split=outcome.evaluated_on,
    )


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


_INPUTS = {"image": '"one.jpg", "two.jpg"', "text": '"A text.", "Another one."', "series": '"series.csv"'}
_FILES = {"image": "one.jpg two.jpg", "text": "texts.csv", "series": "series.csv"}


def use(task: str, preprocess: Mapping[str, Any]) -> str:
    """The section that says how a bundle is asked, by a program and by hand."""
    kind = str(preprocess.get("kind", "image"))
    extra = "'warmstart[text]'" if kind == "text" else "warmstart"
    to = "--out found" if task in ("detect", "segment") else "--out answers.csv"
    return (
        f"## How to use it\n\n```sh\npip install {extra}\n"
        f"warmstart predict path/to/this/folder {_FILES[kind]} {to}\n```\n\n"
        '```python\nfrom warmstart import Bundle\n\nmodel = Bundle.load("path/to/this/folder")\n'
        f"model.predict([{_INPUTS[kind]}])\n```\n\n"
        "From a hub, `warmstart pull ORG/NAME` fetches the folder and checks every file of it. "
        f"{PLURAL[cast(Kind, kind)].capitalize()} are prepared as in training; the recipe for that is in the bundle, "
        "and nothing in the bundle can execute."
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
        f"- **Method:** {escape(outcome.chosen)}{': ' + escape(chosen.about.rstrip('.')) if chosen else ''}. "
        f"Chosen among {tried} attempts by {metric_name(outcome.metric)} on validation.",
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
    limits += [escape(numbers.sentence(problem)) for problem in problems(outcome)]
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def licence_section(card: Mapping[str, Any]) -> str:
    """The section on the licence of the weights, and on what else in the bundle is somebody's."""
    name = str(card.get("licence", "unknown"))
    if card.get("licence_accepted"):
        said = (
            f"The weights it was made from are under {escape(name)}, which restricts the use of this model too; it was "
            "accepted by whoever trained this."
        )
    elif name == "none needed":
        said = "It was trained from random weights, so that no licence of others applies to them."
    elif name in ("unknown", ""):
        said = "The licence of the weights it was made from is unknown: find it out before this model is passed on."
    else:
        said = f"The weights it was made from are under {escape(name)}."
    return (
        f"## Licence\n\n{said} The files `golden*` hold one or two samples of the data as they are, and "
        "`reference.safetensors`, where it is there, features of others: what may be done with them is for the owner "
        "of the data to say."
    )


def origin(found: Outcome | Adaptation) -> str:
    """The section on how a bundle was made."""
    card, date = found.backbone, numbers.moment(str(found.environment.get("date", "")))
    made = f"Made by `{shareable(found.command)}` with seed {found.seed}{f' on {escape(date)}' if date else ''}"
    return (
        f"## Where it comes from\n\n{made}, in {numbers.duration(found.seconds)}. Weights of the backbone: sha256 "
        f"`{card.get('weights_sha256', 'unknown')}`, from {escape(card.get('source', 'unknown'))}."
    )


def shareable(command: str) -> str:
    """A command line without the folders that lie above what it names: a card is read by others.

    >>> shareable("warmstart fit '/home/me/my photos' --cache ~/x --recipe finetune?epochs=3 --seed 0")
    "warmstart fit 'my photos' --cache x --recipe 'finetune?epochs=3' --seed 0"
    """
    try:
        words = shlex.split(LINES.sub(" ", command))
    except ValueError:  # an open quotation mark; no command that was typed has one
        words = command.split()
    return shlex.join(_PLACE.sub("", word) for word in words).replace("`", "")
