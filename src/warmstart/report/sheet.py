"""Facts needed to repeat a run, whatever it did."""

from __future__ import annotations

from typing import Any

from warmstart.report import numbers, words


def sheet(seed: int, card: dict[str, Any], spec: dict[str, Any], environment: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and text of each fact: the seed, the backbone's card, its preprocessing, where it ran."""
    facts = {
        "seed": seed,
        "backbone": f"{card.get('name', '')} ({card.get('architecture', '')})",
        "weights from": card.get("source"),
        "weights sha256": card.get("weights_sha256"),
        "licence of the weights": words.licence(card),
        "trained on": card.get("trained_on"),
        "parameters": numbers.count(card["parameters"]) if "parameters" in card else None,
        "input": f"{spec['size']} × {spec['size']} px, {spec.get('resize', '')}" if "size" in spec else None,
        "bands": words.bands(spec),
    }
    facts |= {key.replace("_", " "): value for key, value in environment.items() if key != "memory_bytes"}
    if "memory_bytes" in environment:
        facts["free memory"] = f"{environment['memory_bytes'] / 2**30:.1f} GiB"
    return [(name, _plain(value)) for name, value in facts.items() if value not in (None, "")]


def _plain(value: Any) -> str:
    """A fact in one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(inner) for inner in value)
    return str(value)
