"""What there is to say of boxes and masks before training: how many, how large, and what is odd about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from warmstart.data.annotations import IGNORED, Boxes, Colour, Legend, Mask
from warmstart.data.masks import class_indices, coloured, stored_values
from warmstart.data.names import some
from warmstart.data.outlines import bounds, crosses_itself
from warmstart.data.pool import in_order
from warmstart.data.scenes import boxes_of, mask_of
from warmstart.data.schema import Sample
from warmstart.errors import WarmstartError
from warmstart.preprocess.tiles import image_size

Facts = dict[str, Any]
SMALL, MEDIUM = 32**2, 96**2
"""Area in pixels below which COCO calls an object small, or of middle size."""
LIMIT = 20_000
"""Masks that are decoded, and outlines that are looked at; of more, an even choice of so many."""
_SHOWN = 50
_OVERLAP = 0.5
"""Overlap of a box and that around its outline, intersection over union; below it one of them is wrong."""
Found = tuple[dict[str, int], dict[int | Colour, int], int]
"""Pixels of each class, of each value without a name, and of those that are ignored."""


def box_facts(samples: Sequence[Sample], classes: Sequence[str]) -> Facts:
    """What is known of boxes, in plain JSON-able form."""
    labels = [boxes_of(sample.label) for sample in samples]
    names = Counter(name for label in labels for name in label.names)
    each = sorted(len(label.names) for label in labels)
    boxes = np.concatenate([label.xyxy for label in labels])
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    facts: Facts = {
        "objects": {name: names.get(name, 0) for name in classes},
        "per_image": [each[0], each[len(each) // 2], each[-1]],
        "empty": each.count(0),
        "sizes": {
            "small": int((areas < SMALL).sum()),
            "medium": int(((areas >= SMALL) & (areas < MEDIUM)).sum()),
            "large": int((areas >= MEDIUM).sum()),
        },
        "crowds": sum(map(sum, (label.crowd for label in labels))),
        "outlines": sum(outline is not None for label in labels for outline in label.outlines),
    }
    odd = {"twice": _twice(samples), "two_classes": _two_classes(samples), **_of_outlines(samples)}
    for key, places in odd.items():
        facts[key], facts[f"{key}_count"] = places[:_SHOWN], len(places)
    return facts


def _twice(samples: Sequence[Sample]) -> list[str]:
    """Where a box is written twice with one class."""
    found = []
    for sample in samples:
        label = boxes_of(sample.label)
        counted = Counter(zip(label.names, map(tuple, label.xyxy.tolist()), strict=True))
        found += [f"{sample.id} ({n} x {name})" for (name, _), n in counted.items() if n > 1]
    return found


def _two_classes(samples: Sequence[Sample]) -> list[str]:
    """Where one box has two classes."""
    found = []
    for sample in samples:
        label, named = boxes_of(sample.label), dict[tuple[float, ...], set[str]]()
        for name, box in zip(label.names, label.xyxy.tolist(), strict=True):
            named.setdefault(tuple(box), set()).add(name)
        found += [f"{sample.id} ({' and '.join(sorted(names))})" for names in named.values() if len(names) > 1]
    return found


def _of_outlines(samples: Sequence[Sample]) -> dict[str, list[str]]:
    outlined = [
        (f"{outline.where or f'object {i + 1}'} ({label.names[i]} in {sample.id})", outline.polygons, label.xyxy[i])
        for sample in samples
        for label in [boxes_of(sample.label)]
        for i, outline in enumerate(label.outlines)
        if outline is not None and outline.polygons
    ]
    chosen = outlined[:: max(1, -(-len(outlined) // LIMIT))]
    return {
        "crossing": [where for where, polygons, _ in chosen if any(map(crosses_itself, polygons))],
        "apart": [where for where, polygons, box in chosen if _overlap(bounds(polygons), box.tolist()) < _OVERLAP],
    }


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    sides = [max(0.0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1)]
    both = sides[0] * sides[1]
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / union if union > 0 else 0.0


def mask_facts(samples: Sequence[Sample], classes: Sequence[str], workers: int = 2) -> Facts:
    """What is known of masks, each of which is decoded for it, in plain JSON-able form."""
    chosen = samples[:: max(1, -(-len(samples) // LIMIT))]
    pixels: Counter[str] = Counter()
    images: Counter[str] = Counter()
    unknown: dict[str, dict[str, Any]] = {}
    strange, alone, unreadable, ignored = set[str](), [], [], 0
    counted = in_order(lambda sample: _counted(sample, classes), chosen, workers=workers)
    for sample, found in zip(chosen, counted, strict=True):
        if isinstance(found, str):
            unreadable.append(f"{sample.id} ({found})")
            continue
        named, nameless, void = found
        ignored += void
        pixels.update(named)
        images.update(named.keys())
        alone += [f"{sample.id} ({next(iter(named))})"] if len(named) == 1 and not nameless else []
        for value, n in nameless.items():
            first = {"pixels": 0, "masks": 0, "first": mask_of(sample.label).where or sample.id}
            one = unknown.setdefault(str(value), first)
            one["pixels"], one["masks"] = one["pixels"] + n, one["masks"] + 1
            strange.add(sample.id)
    total = pixels.total()
    return {
        "masks": len(chosen),
        "pixels": {name: pixels[name] / max(1, total) for name in classes},
        "images": {name: images[name] for name in classes},
        "ignored": ignored / max(1, total + ignored),
        "unknown": dict(sorted(unknown.items(), key=lambda item: -item[1]["pixels"])[:_SHOWN]),
        "unknown_values": len(unknown),
        "unknown_count": len(strange),
        "alone": alone[:_SHOWN],
        "alone_count": len(alone),
        "unreadable": unreadable[:_SHOWN],
        "unreadable_count": len(unreadable),
    }


def _counted(sample: Sample, classes: Sequence[str]) -> Found | str:
    """What a mask holds, or why it cannot be read."""
    mask = mask_of(sample.label)
    try:
        if isinstance(mask.source, Boxes) or mask.window is not None:
            size = image_size(sample.source)
            if size is None:  # told with the images that cannot be read
                return {}, {}, 0
            found = np.bincount(class_indices(mask, classes, sample.source, size).reshape(-1), minlength=256).tolist()
            return {name: n for name, n in zip(classes, found, strict=False) if n}, {}, found[IGNORED]
        return _by_legend(mask, mask.legend or Legend({}))
    except WarmstartError as error:
        return error.found


def _by_legend(mask: Mask, legend: Legend) -> Found:
    assert not isinstance(mask.source, Boxes)
    named: Counter[str] = Counter()
    nameless: dict[int | Colour, int] = {}
    ignored = 0
    for value, n in _values(stored_values(mask.source, coloured(legend))).items():
        name = legend.names.get(value)
        if name is not None:
            named[name] += n
        elif value in legend.names:
            ignored += n
        else:
            nameless[value] = n
    return dict(named), nameless, ignored


def _values(stored: Any) -> Mapping[int | Colour, int]:
    """Pixels of each value, or of each colour."""
    if stored.ndim == 3:
        packed = (stored.astype(np.int64) << (16, 8, 0)).sum(2)
        values, counts = np.unique(packed, return_counts=True)
        return {(v >> 16, v >> 8 & 255, v & 255): n for v, n in zip(values.tolist(), counts.tolist(), strict=True)}
    if stored.dtype == np.uint8:
        return {value: n for value, n in enumerate(np.bincount(stored.reshape(-1)).tolist()) if n}
    values, counts = np.unique(stored, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def box_problems(facts: Facts) -> list[str]:
    """What a person should know of boxes before training."""
    kinds = {
        "two_classes": "box(es) have two classes",
        "apart": "box(es) are not those of their outline",
        "crossing": "outline(s) cross themselves",
        "twice": "box(es) are written twice",
    }
    return [
        f"{facts[f'{key}_count']} {what}: {some(facts[key], 3)}" for key, what in kinds.items() if facts[f"{key}_count"]
    ]


def mask_problems(facts: Facts) -> list[str]:
    """What a person should know of masks before training."""
    found = []
    if facts["unknown"]:
        values = [f"{v} ({of['pixels']} pixels, first in {of['first']})" for v, of in facts["unknown"].items()]
        found.append(
            f"{facts['unknown_count']} mask(s) hold {facts['unknown_values']} value(s) that no class has, at which "
            f"training stops: {some(values, 3)}"
        )
    if facts["unreadable_count"]:
        found.append(f"{facts['unreadable_count']} mask(s) cannot be read: {some(facts['unreadable'], 3)}")
    if facts["alone_count"]:
        found.append(f"{facts['alone_count']} mask(s) hold one class alone: {some(facts['alone'], 3)}")
    if absent := [name for name, n in facts["images"].items() if not n]:
        found.append(f"class(es) that no mask has: {some(absent)}")
    return found


def same_annotations(samples: Sequence[Sample]) -> bool:
    """Whether the same is marked in copies of one image; of masks, whether the files are the same."""
    return len({_digest(sample) for sample in samples}) < 2


def _digest(sample: Sample) -> Any:
    label = sample.label
    boxes = label.source if isinstance(label, Mask) else label
    if isinstance(boxes, Boxes):
        return frozenset(zip(boxes.names, map(tuple, boxes.xyxy.round(3).tolist()), strict=True))
    assert isinstance(label, Mask)
    try:
        stored = stored_values(label.source, True) if not isinstance(label.source, Boxes) else np.zeros(1)
    except WarmstartError:
        return sample.id
    return label.window, stored.shape, stored.tobytes()
