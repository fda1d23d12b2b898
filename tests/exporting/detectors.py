"""Detectors in miniature, and what is left to whoever reads what was exported of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torchvision.ops import batched_nms

SMALL = {
    "fcos": "fcos?channels=32&convs=1",
    "retinanet": "retinanet?channels=32",
    "ssd": "ssd",
    "ssdlite": "ssdlite",
    "yolox": "yolox?size=n",
    "yolo9": "yolo9?size=t",
    "rtdetr": "rtdetr?queries=20&layers=1&width=32",
    "dfine": "dfine?queries=20&layers=1&width=32",
    "rfdetr": "rfdetr?queries=20&layers=1&width=32&groups=2",
}


def thinned(rows: torch.Tensor, how: Mapping[str, Any]) -> torch.Tensor:
    """Class, score and edges of the boxes that are told, as `Detector.thinning` says."""
    boxes, scores = rows[:, :4], rows[:, 4:]
    if how["classes"] == "best":
        scores = scores * (scores == scores.amax(1, keepdim=True))
    place, kind = torch.nonzero(scores > how["score"], as_tuple=True)
    sure, boxes = scores[place, kind], boxes[place]
    order = sure.argsort(descending=True) if how["overlap"] is None else batched_nms(boxes, sure, kind, how["overlap"])
    order = order[: how["most"]]
    return torch.cat([kind[order, None], sure[order, None], boxes[order]], 1)
