"""Average precision of many detections: warmstart against pycocotools, in one process, in turns.

Both are given detections and objects in the form that they take: tensors here; for COCO its dataset, made and indexed
before the clock starts, and the list of results, which it has to read. The same numbers come out.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor

from benchmarks.micro.measure import Run, Table, interleaved, machine, median
from warmstart.task.detect import Detect

IMAGES, DETECTIONS, CLASSES, OBJECTS, SIDE = 500, 100, 10, 20, 640
FEW = 50
OURS, LOSS, COCO_ONLY, COCO_READ = (
    "warmstart: all metrics, values of images",
    "warmstart: the error of each image alone",
    "pycocotools: evaluate, accumulate, summarize",
    "pycocotools: with reading the results",
)


def run(repeats: int, *, quick: bool = False) -> Table:
    """Seconds, and how many times those of pycocotools."""
    said, told = drawn(FEW if quick else IMAGES)
    truth, results = coco_of(said, told)
    task = Detect([str(label) for label in range(CLASSES)])
    contenders: dict[str, Run] = {
        OURS: lambda: timed(lambda: {"map": float(task.values(said, told)["map"].mean())}),
        LOSS: lambda: timed(lambda: {"loss": float(task.loss(said, told))}),
        COCO_ONLY: lambda: evaluated(truth, results, count_reading=False),
        COCO_READ: lambda: evaluated(truth, results, count_reading=True),
    }
    figures = interleaved(contenders, repeats)
    base = median(figures, COCO_ONLY, "seconds")
    rows = [
        (
            name,
            f"{median(figures, name, 'seconds'):.3f}",
            f"{median(figures, name, 'seconds') / base:.3f}",
            f"{median(figures, name, 'map'):.6f}" if "map" in figures[name] else "",
        )
        for name in contenders
    ]
    notes = (
        f"{machine()}; medians of {repeats}",
        f"{len(said)} images, {DETECTIONS} detections in each, {CLASSES} classes, up to {OBJECTS} objects in each",
    )
    return Table("Average precision", ("", "seconds", "times pycocotools", "mAP"), tuple(rows), notes, figures)


def drawn(images: int) -> tuple[Tensor, Tensor]:
    """Detections and targets: half the detections about objects, half anywhere."""
    rng = np.random.default_rng(0)
    told = np.zeros((images, OBJECTS + 1, 6), dtype=np.float32)
    told[..., 0] = np.where(rng.random(told.shape[:2]) < 0.6, rng.integers(0, CLASSES, told.shape[:2]), -1)
    told[:, -1, 0] = -1
    told[..., 1:3] = rng.uniform(0, SIDE - 200, (*told.shape[:2], 2))
    told[..., 3:5] = told[..., 1:3] + rng.uniform(10, 200, (*told.shape[:2], 2))
    told[..., 5] = (told[..., 3] - told[..., 1]) * (told[..., 4] - told[..., 2])
    told[:, -1, 5] = 1.0
    said = np.zeros((images, DETECTIONS, 6), dtype=np.float32)
    near = told[np.arange(images)[:, None], rng.integers(0, OBJECTS, said.shape[:2])]
    about = (rng.random(said.shape[:2]) < 0.5) & (near[..., 0] >= 0)
    said[..., 0] = np.where(about, near[..., 0], rng.integers(0, CLASSES, said.shape[:2]))
    said[..., 2:4] = rng.uniform(0, SIDE - 200, (*said.shape[:2], 2))
    said[..., 4:6] = said[..., 2:4] + rng.uniform(10, 200, (*said.shape[:2], 2))
    moved = near[..., 1:5] + rng.normal(0, 8, (*said.shape[:2], 4))
    moved[..., 2:] = np.maximum(moved[..., 2:], moved[..., :2] + 1)
    said[about, 2:] = moved[about]
    said[..., 1] = np.sort(rng.random(said.shape[:2]), 1)[:, ::-1]
    return torch.from_numpy(said), torch.from_numpy(told)


def coco_of(said: Tensor, told: Tensor) -> tuple[COCO, list[dict[str, Any]]]:
    """The same for COCO."""
    truth: dict[str, list[Any]] = {"images": [{"id": i + 1} for i in range(len(told))], "annotations": []}
    truth["categories"] = [{"id": c + 1, "name": str(c)} for c in range(CLASSES)]
    for i, rows in enumerate(told.double().tolist()):
        for label, *edges, area in rows:
            if label >= 0:
                found = {"image_id": i + 1, "category_id": int(label) + 1, "bbox": xywh(edges), "area": area}
                truth["annotations"].append({**found, "iscrowd": 0, "id": len(truth["annotations"]) + 1})
    results = [
        {"image_id": i + 1, "category_id": int(label) + 1, "bbox": xywh(edges), "score": score}
        for i, rows in enumerate(said.double().tolist())
        for label, score, *edges in rows
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO()
        dataset.dataset = truth
        dataset.createIndex()
    return dataset, results


def xywh(edges: list[float]) -> list[float]:
    return [edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]]


def evaluated(truth: COCO, results: list[dict[str, Any]], *, count_reading: bool) -> dict[str, float]:
    """The clock starts before the results are read, or after."""
    with contextlib.redirect_stdout(io.StringIO()):
        began = time.perf_counter()
        found = truth.loadRes([dict(result) for result in results])
        began = began if count_reading else time.perf_counter()
        done = COCOeval(truth, found, "bbox")
        done.evaluate()
        done.accumulate()
        done.summarize()
        return {"map": float(done.stats[0]), "seconds": time.perf_counter() - began}


def timed(work: Any) -> Mapping[str, float]:
    began = time.perf_counter()
    found: dict[str, float] = work()
    return {**found, "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    print(run(5).markdown())
