"""What was found of labels that are no classes, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from warmstart.report.numbers import count
from warmstart.report.words import Facts, noun


def labelled(facts: Facts) -> list[str]:
    """A sentence for each number, or one for all labels; none of classes."""
    found: Mapping[str, Any] = facts.audit.get("facts") or {}
    if not found:
        return []
    one = noun(facts)[:-1]
    match facts.task:
        case "multilabel":
            each = f"Of {found['per_sample']:.2g} labels each {one} on average, {found['most']} at most"
            return [f"{each}; {count(found['none'])} have none. There are {count(found['different'])} different sets."]
        case "regress":
            return [_of_number(name, of) for name, of in found.items()]
        case "several":
            return [_of_task(name, of, noun(facts)) for name, of in found.items()]
        case "tag":
            kinds = ", ".join(f"{name} {count(n)}" for name, n in (found["entities"] or found["tags"]).items())
            what = "entities" if found["entities"] else "tags"
            return [f"{count(found['words'])} words in {count(found['sentences'])} texts; {what}: {kinds}."]
        case "forecast":
            season = f"a season of {found['season']} steps ({found['how']})" if found["season"] > 1 else "no season"
            return [
                f"{count(found['series'])} series, each forecast {found['horizon']} steps ahead of "
                f"{found['context']} that are seen, with {season}."
            ]
        case "generate":
            short, middle, long = (count(n) for n in found["targets"]["words"])
            return [f"What is to be written has {short} to {long} words, typically {middle}."]
    return []


def _of_task(name: str, of: Mapping[str, Any], several: str) -> str:
    """What is known of the labels of one of several tasks."""
    if of["task"] == "regress":
        return f"{count(of['known'])} {several} have a number; " + " ".join(
            _of_number(*one) for one in of["facts"].items()
        )
    classes = len(of["counts"])
    what = "label" if of["task"] == "multilabel" else "class"
    return (
        f"{name}: {count(of['known'])} {several} have a label, of {classes} {what}{'es' if what == 'class' else 's'}."
    )


def _of_number(name: str, of: Mapping[str, Any]) -> str:
    middle = f"half of all lie between {of['lower_quartile']:g} and {of['upper_quartile']:g}"
    return f"{name}: from {of['min']:g} to {of['max']:g}, median {of['median']:g}; {middle}."
