"""What a run folder belongs to. A run is resumed only with the recipe, plan, data and seed it was begun with."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from warmstart.cache.key import sample_key
from warmstart.data.schema import Sample
from warmstart.engine.data import RunData
from warmstart.errors import RunError
from warmstart.files import read_json, write_json
from warmstart.model.network import Network
from warmstart.planning.plan import Plan
from warmstart.recipe.aligning import Statistics, TargetStep
from warmstart.recipe.of_backbone import Pretrain
from warmstart.recipe.recipe import Recipe

FILE = "identity.json"
SHOWN = 5
ESTIMATES = {"seconds", "saved", "memory", "cache"}  # depend on the machine and its free memory; they change no weight


def identity(recipe: Recipe, plan: Plan, data: RunData, network: Network, seed: int) -> dict[str, Any]:
    """Everything that the weights at the end depend on, as JSON-able data; small, since contents are hashed."""
    samples, divided = data.dataset.samples, data.split
    split = {"train": _hash(map(_sample, (samples[i] for i in divided.train)))}
    split["val"] = _hash(map(_sample, (samples[i] for i in divided.val)))
    reads_more = Pretrain | TargetStep | Statistics
    if any(isinstance(step, reads_more) for step in recipe.steps):  # what their labels are is not looked at
        unlabelled = (dataclasses.replace(samples[i], label=None) for i in divided.unlabelled)
        split["unlabelled"] = _hash(map(_sample, unlabelled))
    facts = {
        "recipe": recipe.model_dump(mode="json"),
        "plan": _steps(plan),
        "data": {"classes": list(data.dataset.target.classes), **split},
        "preprocess": data.spec.to_dict(),
        "backbone": {"name": network.facts.card.name, "weights": network.facts.card.weights_sha256},
        "head": getattr(network.head, "config", {}),
        "seed": seed,
    }
    normal: dict[str, Any] = json.loads(json.dumps(facts))
    return normal


def claim(folder: Path, facts: dict[str, Any]) -> None:
    """Mark `folder` as belonging to `facts`; raises `RunError` naming the differences if it belongs to others."""
    before = read_json(folder / FILE)
    if before is None:
        write_json(folder / FILE, facts)
        return
    found = [f"{key}: {old!r} then, {new!r} now" for key, old, new in _differences(before, facts)]
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise RunError(
            f"{folder} holds a run of another configuration. " + "; ".join(found[:SHOWN]) + more,
            expected="the configuration it was begun with",
            do="give that configuration again to go on, or choose another folder",
        )


def _steps(plan: Plan) -> list[dict[str, Any]]:
    """The plan without what is only expected of the machine."""
    steps = [dataclasses.asdict(dataclasses.replace(step)) for step in plan.steps]
    cleaned = []
    for step in steps:
        step.pop("phase", None)  # in the recipe already
        step.pop("step", None)
        stored = {"stored_as": step["cache"]["dtype"]} if "cache" in step else {}
        cleaned.append({key: value for key, value in step.items() if key not in ESTIMATES} | stored)
    return cleaned


def _sample(sample: Sample) -> str:
    """What stands for a sample: id, label and content; for a file its size, so that resuming reads no image."""
    source = sample.source
    content = str(Path(source).stat().st_size) if isinstance(source, str | Path) else sample_key(sample)
    return f"{sample.id}\x1f{sample.label}\x1f{content}"


def _hash(lines: Iterator[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def data_sha256(samples: Sequence[Sample]) -> str:
    """A sum over ids, labels and contents of all samples, in order."""
    return hashlib.sha256("\n".join(map(_whole, samples)).encode("utf-8", "surrogatepass")).hexdigest()


def _whole(sample: Sample) -> str:
    try:
        content = sample_key(sample)
    except OSError:
        content = "unreadable"
    return f"{sample.id}\x1f{sample.label}\x1f{content}"


def _differences(old: Any, new: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(where, old, new) for every leaf that differs, in order."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(old.get(key), new.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from _differences(a, b, f"{at}.{index}")
    elif old != new:
        yield at, _short(old), _short(new)


def _short(value: Any) -> Any:
    return f"{len(value)} entries" if isinstance(value, list) and len(value) > 3 else value
