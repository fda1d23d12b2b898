"""Detections of several networks as those of one, by weighted box fusion (Solovyev, Wang & Gabruseva 2021).

Detections are taken by falling score. Each joins the box of its class that it overlaps most, by `OVERLAP` at least,
and to which its own network has added nothing yet; where there is none it starts a new one. A box that was made of
several is their mean weighted by score, and its score is the mean over all networks, of which those that did not see it
say 0. So networks that say the same say it together, and one that stands alone counts for less.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

OVERLAP = 0.55
"""As the authors have it."""


def fused(outputs: Sequence[Tensor]) -> Tensor:
    """Detections (n, D, 6) of each network as detections (n, D, 6) of all of them together, by falling score.

    Where they have outlines behind, a box that was made of several has that of the surest of them.
    """
    n, most = outputs[0].shape[:2]
    whole = torch.cat(list(outputs), 1)
    every = whole[..., :6].double()
    network = torch.arange(len(outputs), device=every.device).repeat_interleave(
        torch.tensor([each.shape[1] for each in outputs], device=every.device)
    )
    order = torch.where(every[..., 0] < 0, -1.0, every[..., 1]).argsort(dim=1, descending=True, stable=True)
    every, network = every.gather(1, order[..., None].expand_as(every)), network[order]
    first = torch.zeros(order.shape, dtype=torch.long, device=every.device)  # of each box, the detection that began it
    label, weight = every[..., 0], every[..., 1].clamp_min(torch.finfo(torch.float64).tiny)
    size = every.shape[1]
    sums = torch.zeros(n, size, 5, dtype=torch.float64, device=every.device)  # weight, and edges times weight
    classes = torch.full((n, size), -1.0, dtype=torch.float64, device=every.device)
    seen = torch.zeros(n, size, len(outputs), dtype=torch.bool, device=every.device)
    made, rows = torch.zeros(n, dtype=torch.long, device=every.device), torch.arange(n, device=every.device)
    for step in range(int((label >= 0).sum(1).amax()) if n else 0):
        at = network[:, step]
        upto = slice(step + 1)  # there are no more boxes than detections so far, and one to be begun
        boxes = sums[:, upto, 1:] / sums[:, upto, :1].clamp_min(torch.finfo(torch.float64).tiny)
        overlap = _overlap(every[:, step, None, 2:], boxes)
        fits = (classes[:, upto] == label[:, step, None]) & ~seen[rows, upto, at] & (overlap >= OVERLAP)
        best, place = torch.where(fits, overlap, -1.0).max(1)
        place = torch.where(best >= 0, place, made)
        made = made + ((best < 0) & (label[:, step] >= 0))
        fresh = rows[(best < 0) & (label[:, step] >= 0)]
        first[fresh, place[fresh]] = order[fresh, step]
        live = rows[label[:, step] >= 0]
        here = place[live]
        classes[live, here], seen[live, here, at[live]] = label[live, step], True
        sums[live, here, 0] += weight[live, step]
        sums[live, here, 1:] += weight[live, step, None] * every[live, step, 2:]
    found, chosen = _rows(classes, sums, len(outputs), most)
    if whole.shape[-1] == 6:
        return found.to(whole.dtype)
    began = first.gather(1, chosen)[..., None].expand(-1, -1, whole.shape[-1])
    return torch.cat([found.to(whole.dtype), whole.gather(1, began)[..., 6:]], -1)


def _overlap(one: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of boxes (n, 1, 4) and (n, k, 4)."""
    inner = (torch.minimum(one[..., 2:], others[..., 2:]) - torch.maximum(one[..., :2], others[..., :2])).clamp_min(0)
    both = inner.prod(-1)
    whole = (one[..., 2:] - one[..., :2]).prod(-1) + (others[..., 2:] - others[..., :2]).prod(-1) - both
    return torch.where(whole > 0, both / whole, 0.0)


def _rows(classes: Tensor, sums: Tensor, networks: int, most: int) -> tuple[Tensor, Tensor]:
    """The best `most` boxes of each image, and which of all they are."""
    score = torch.where(classes >= 0, sums[..., 0] / networks, -1.0)
    edges = sums[..., 1:] / sums[..., :1].clamp_min(torch.finfo(torch.float64).tiny)
    found = torch.cat([classes[..., None], score.clamp_min(0.0)[..., None], edges], -1)
    order = score.argsort(dim=1, descending=True, stable=True)[:, :most]
    return found.gather(1, order[..., None].expand(-1, -1, 6)), order
