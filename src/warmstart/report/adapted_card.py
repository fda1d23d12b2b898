"""The card of a model that was adapted to a target without labels."""

from __future__ import annotations

from warmstart.evaluation.adaptation import Adaptation
from warmstart.evaluation.measures import metric_name
from warmstart.report import numbers, words
from warmstart.report.card import escape, licence_section, origin, use
from warmstart.report.frontmatter import front_matter


def adaptation_card(found: Adaptation) -> str:
    """Markdown with a YAML front matter, as `warmstart.report.card.model_card` has it."""
    card, one, noun = found.backbone, found.of(found.chosen), words.noun_of(found.preprocess)
    front = front_matter(
        f"{found.source} to {found.target.name}",
        card,
        found.preprocess,
        task="classify",
        measured={} if one.target is None else {found.metric: one.target},
        split="target",
        tags=("domain-adaptation",),
    )
    target = found.target
    if one.target is None:
        measured = (
            f"How right its answers for {escape(target.name)} are was not measured: there were no labels. On held-out "
            f"{noun} of the source: {_value(found, 'val')}."
        )
    else:
        measured = (
            f"{_value(found, 'target')} on {numbers.count(target.labelled)} {noun} of {escape(target.name)}, to whose "
            f"inputs it was adapted without their labels; {_value(found, 'val')} on held-out {noun} of the source."
        )
    limits = [
        f"It is for {noun} like those of {escape(target.name)}; others can be answered much worse.",
        "Its probabilities were calibrated on the source, and are likely too sure on the target.",
        "It always answers one of its classes, also for something that is nothing like what it learned from.",
    ]
    if target.foreign:
        limits.append(f"The target has classes that it does not know: {escape(', '.join(target.foreign))}.")
    trained_on = escape(card.get("trained_on", "unknown"))
    names = ", ".join(escape(name) for name in found.classes[:50])
    return (
        "\n\n".join(
            (
                front,
                f"# {escape(found.source)} to {escape(target.name)}",
                escape(found.verdict),
                f"It answers one of these classes: {names}.",
                use("classify", found.preprocess),
                "## Data and method",
                f"- **Source:** {numbers.count(found.split['train'])} labelled {noun} to learn from, "
                f"{numbers.count(found.split['val'])} held out.\n"
                f"- **Target:** {numbers.count(target.samples)} {noun} without labels. {escape(found.shift_words)}\n"
                f"- **Backbone:** {escape(card.get('name', ''))}, trained on {trained_on}.\n"
                f"- **Method:** {escape(found.chosen)}: {escape(one.about)}",
                "## How good it is",
                measured,
                "## Limits",
                "\n".join(f"- {limit}" for limit in limits),
                licence_section(card),
                origin(found),
            )
        )
        + "\n"
    )


def _value(found: Adaptation, part: str) -> str:
    interval = getattr(found.of(found.chosen), part)
    text = f"{numbers.value(found.metric, interval.value)} {metric_name(found.metric)}"
    return f"{text} (95{numbers.THIN}% interval {numbers.span(found.metric, interval)})"
