"""Classes that the new task shares with the old one keep their row of the old classifier; the others start anew."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import nn

from warmstart.model.backbone import Backbone
from warmstart.model.head import LinearHead


def shared(classes: Sequence[str], source: Sequence[str]) -> dict[int, int]:
    """Index of the old class by that of the new one, where both have the same name.

    Neither case nor the kind of space matters; an old name may list synonyms, with commas between them. A name that two
    classes have is nobody's.

    >>> shared(("Bee", "own_thing", "sea-lion"), ("ant", "bee", "sea lion, Otaria"))
    {0: 1, 2: 2}
    """
    places: dict[str, list[int]] = {}
    for i, names in enumerate(source):
        for name in {_plain(part) for part in names.split(",")}:
            places.setdefault(name, []).append(i)
    found = {i: places.get(_plain(name), []) for i, name in enumerate(classes)}
    return {i: old[0] for i, old in found.items() if len(old) == 1}


@torch.no_grad()
def adopt(head: nn.Module, backbone: Backbone, classes: Sequence[str]) -> tuple[str, ...]:
    """Give a new linear head the rows of `backbone.source_head` for the classes that both have; names of these."""
    old = backbone.source_head
    if old is None or not isinstance(head, LinearHead):
        return ()
    pairs = shared(classes, backbone.source_classes)
    for new, before in pairs.items():
        head.linear.weight[new] = old.weight[before].to(head.linear.weight)
        head.linear.bias[new] = old.bias[before].to(head.linear.bias)
    return tuple(classes[i] for i in pairs)


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


@functools.cache
def imagenet_classes() -> tuple[str, ...]:
    """The 1000 classes of ImageNet-1k, synonyms with commas between them, as timm has them."""
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    return tuple(str(info.index_to_description(i)) for i in range(1000))
