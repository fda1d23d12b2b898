"""Random images with objects, crowds and detections of them, as the task has them and as COCO has them."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor
from torchvision.models.detection.roi_heads import paste_masks_in_image

from warmstart.preprocess.runs import covered, runs

SIDE = 256
NAMES = ("map", "map_50", "map_75", "map_small", "map_medium", "map_large")


def scene(
    seed: int, images: int = 12, classes: int = 3, objects: int = 6, most: int = 40, crowds: bool = True
) -> tuple[Tensor, Tensor]:
    """Detections (images, most, 6) and targets (images, objects + 1, 6), some images without any object.

    Detections lie about objects at all distances, or anywhere; scores have ties. An image was read at one to four times
    the size that the network sees.
    """
    rng = np.random.default_rng(seed)
    told = np.zeros((images, objects + 1, 6), dtype=np.float32)
    said = np.zeros((images, most, 6), dtype=np.float32)
    told[..., 0], said[..., 0] = -1, -1
    for i in range(images):
        scale = float(rng.choice([1.0, 2.0, 4.0]))
        told[i, :, 5] = scale**2
        count = int(rng.integers(0, objects + 1)) * int(rng.random() > 0.15)
        for row in told[i, :count]:
            label = int(rng.integers(classes))
            size, at = rng.uniform(4, 90, 2), rng.uniform(0, 150, 2)
            row[0] = -2 - label if crowds and rng.random() < 0.15 else label
            row[1:5] = [*at, *(at + size)]
            row[5] = (row[3] - row[1]) * (row[4] - row[2]) * scale**2
        made = int(rng.integers(0, most + 1))
        for row in said[i, :made]:
            row[0], row[1] = rng.integers(classes), np.float32(np.round(rng.random(), int(rng.integers(1, 4))))
            if count and rng.random() < 0.7:
                near = told[i, int(rng.integers(count))]
                row[0] = near[0] if near[0] >= 0 else -2 - near[0]
                row[2:] = near[1:5] + np.float32(rng.normal(0, rng.choice([0, 2, 10]), 4))
                row[4:] = np.maximum(row[4:], row[2:4] + 1)
            else:
                at = rng.uniform(0, 150, 2)
                row[2:] = [*at, *(at + rng.uniform(4, 90, 2))]
        said[i, :made] = said[i, :made][np.argsort(-said[i, :made, 1], kind="stable")]
    return torch.from_numpy(said), torch.from_numpy(told)


def scales(told: Tensor) -> list[float]:
    """The side of each image as it was read against that in the network; 1 where it is not stated."""
    stated = torch.where(told[..., 0] == -1, told[..., 5], 0.0).amax(1)
    return [float(area) ** 0.5 or 1.0 for area in stated]


def outlined(said: Tensor, told: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The same scene with outlines behind the boxes, in inputs of `SIDE` pixels of images of that size.

    Objects are ellipses or wedges in their boxes, and so are detections, less exactly.
    """
    rng, told = np.random.default_rng(seed), told.clone()
    told[..., 5] = torch.where(told[..., 0] == -1, 1.0, told[..., 5])
    runs_of = [[_runs(rng, row) for row in rows] for rows in told.tolist()]
    longest = max(len(lengths) for rows in runs_of for lengths in rows)
    wide = [[[*lengths, *[0] * (longest - len(lengths))] for lengths in rows] for rows in runs_of]
    shapes = torch.from_numpy(np.stack([_shape(rng, 28) for _ in range(said[..., 0].numel())]).astype(np.float32))
    shapes = shapes.view(*said.shape[:2], -1) * 0.8 + 0.1
    return torch.cat([said, shapes], 2), torch.cat([told, torch.tensor(wide, dtype=torch.float32)], 2)


def _runs(rng: np.random.Generator, row: list[float]) -> list[int]:
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    if row[0] != -1:
        left, upper, right, lower = (round(edge) for edge in row[1:5])
        drawn = Image.fromarray(_shape(rng, 64)).resize((max(1, right - left), max(1, lower - upper)))
        pixels[upper:lower, left:right] = np.asarray(drawn)[: SIDE - upper, : SIDE - left]
    return runs(pixels).tolist() if row[0] != -1 else []


def _shape(rng: np.random.Generator, side: int) -> np.ndarray:
    y, x = np.mgrid[:side, :side] / side - 0.5
    inside = x**2 + y**2 < rng.uniform(0.15, 0.3) if rng.random() < 0.7 else x + y < rng.uniform(-0.2, 0.2)
    return np.asarray(inside, np.uint8)


def coco_outlines(said: Tensor, told: Tensor, classes: int) -> COCOeval:
    """COCO's own evaluation of outlines, done, in pixels of the network's input."""
    truth: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for i, (rows, others) in enumerate(zip(told, said, strict=True)):
        for row in rows[rows[:, 0] != -1]:
            pixels = covered(row[None, 6:], SIDE)[0].numpy()
            label, number = int(row[0]), len(truth) + 1
            about = {"id": number, "image_id": i + 1, "category_id": (label if label >= 0 else -2 - label) + 1}
            code = mask.encode(np.asfortranarray(pixels))
            truth.append({**about, "segmentation": code, "area": float(mask.area(code)), "iscrowd": int(label < -1)})
        for row in others[others[:, 0] >= 0]:
            pasted = paste_masks_in_image(row[6:].view(1, 1, 28, 28), row[None, 2:6], (SIDE, SIDE))[0, 0] > 0.5
            code = mask.encode(np.asfortranarray(pasted.numpy().astype(np.uint8)))
            told_as = {"image_id": i + 1, "category_id": int(row[0]) + 1, "score": float(row[1])}
            found.append({**told_as, "segmentation": code})
    return _evaluated(truth, found, len(told), classes, "segm")


def coco(said: Tensor, told: Tensor, classes: int) -> COCOeval:
    """COCO's own evaluation, done."""
    by = scales(told)
    truth: list[dict[str, Any]] = []
    for i, rows in enumerate(told.double().tolist()):
        for label, *edges, area in rows:
            if label != -1:
                box = _xywh(edges, by[i])
                number = len(truth) + 1
                crowd, name = int(label < -1), int(label if label >= 0 else -2 - label) + 1
                entry = {"id": number, "image_id": i + 1, "category_id": name, "bbox": box, "area": area}
                truth.append({**entry, "iscrowd": crowd})
    found = [
        {"image_id": i + 1, "category_id": int(label) + 1, "bbox": _xywh(edges, by[i]), "score": score}
        for i, rows in enumerate(said.double().tolist())
        for label, score, *edges in rows
        if label >= 0
    ]
    return _evaluated(truth, found, len(told), classes, "bbox")


def _evaluated(truth: list[Any], found: list[Any], images: int, classes: int, kind: str) -> COCOeval:
    categories = [{"id": c + 1, "name": str(c)} for c in range(classes)]
    size = {"height": SIDE, "width": SIDE}
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO()
        records = [{"id": i + 1, **size} for i in range(images)]
        dataset.dataset = {"images": records, "categories": categories, "annotations": truth}
        dataset.createIndex()
        done = COCOeval(dataset, dataset.loadRes(found) if found else COCO(), kind)
        done.params.imgIds = [record["id"] for record in records]
        done.evaluate()
        done.accumulate()
        done.summarize()
    return done


def expected(done: COCOeval) -> dict[str, float]:
    """The metrics that COCO gives, by our names; those that it has none of left out."""
    values = dict(zip(NAMES, done.stats[:6].tolist(), strict=True)) | {"mar_100": float(done.stats[8])}
    precision = done.eval["precision"][:, :, :, 0, 2]
    for label in range(precision.shape[2]):
        values[f"ap_{label}"] = float(precision[:, :, label].mean())
    return {name: value for name, value in values.items() if value > -1}


def _xywh(edges: list[float], by: float) -> list[float]:
    left, upper, right, lower = (edge * by for edge in edges)
    return [left, upper, right - left, lower - upper]
