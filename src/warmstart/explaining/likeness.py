"""Which training samples the network sees much like an input."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from warmstart.explaining.explanation import Neighbour
from warmstart.shipping.known import Known


def nearest_of(features: Tensor, rows: Tensor, known: tuple[Known, ...], count: int) -> tuple[Neighbour, ...]:
    """The `count` samples whose features (m, d), rows of length one, have the largest cosine with some (1, d);
    none where they have no names.
    """
    if not known or not count:
        return ()
    with torch.no_grad():
        similar = functional.normalize(features.float(), dim=1) @ rows.float().T
    found = similar[0].topk(min(count, len(rows)))
    pairs = zip(found.values.tolist(), found.indices.tolist(), strict=True)
    return tuple(Neighbour(known[i].name, known[i].label, min(value, 1.0)) for value, i in pairs)
