"""Memory and time that tiling itself costs on an image of 10,000 x 10,000 pixels, beside what a network costs.

The network is one convolution, so that all that counts is reading, blending and the map of classes. Each run is a
process of its own: the highest memory it held, less what it held before the image was opened.

    python -m benchmarks.micro.mosaic --repeats 3
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
import torch
from torch import nn

from benchmarks.micro.measure import Run, Table, interleaved, machine, median, own_process
from warmstart.preprocess.image import normalise
from warmstart.preprocess.mosaic import Grid, blended
from warmstart.preprocess.rows import opened_rows
from warmstart.preprocess.spec import PreprocessSpec

MODULE = "benchmarks.micro.mosaic"
SIDE, TILE = 10_000, 512
CLASSES = (2, 21)


def run(repeats: int, side: int = SIDE) -> Table:
    """Megabytes and seconds, by the number of classes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.tif"
        tifffile.imwrite(path, _image(side), photometric="rgb", tile=(256, 256), compression="zlib")
        contenders: dict[str, Run] = {
            f"{classes} classes": functools.partial(own_process, "-m", MODULE, str(path), str(classes))
            for classes in CLASSES
        }
        figures = interleaved(contenders, repeats, uncounted=0)
    rows = []
    for classes in CLASSES:
        name, band = f"{classes} classes", Grid.over((side, side), TILE).band_bytes(classes) / 1e6
        seconds, held = (median(figures, name, key) for key in ("seconds", "megabytes"))
        rows.append((name, f"{band:.0f}", f"{held:.0f}", f"{4 * classes * side**2 / 1e6:.0f}", f"{seconds:.0f}"))
    notes = (
        f"{machine()}; medians of {repeats}, a process each",
        f"{side} x {side} px, tiled TIFF, tiles of {TILE} px with a quarter of overlap, a network of one convolution",
    )
    header = ("", "one band (MB)", "held at most (MB)", "all logits would be (MB)", "seconds")
    return Table("An image larger than memory", header, tuple(rows), notes, figures)


def _image(side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture that compresses as photographs do, more or less."""
    y, x = np.mgrid[:side, :side].astype(np.uint16)
    return np.stack([(x + y) % 256, (x * 3) % 256, (y * 5) % 256], axis=2).astype(np.uint8)


def once(path: str, classes: int) -> dict[str, float]:
    """A map of classes, in a process of its own."""
    torch.set_num_threads(1)
    spec = PreprocessSpec(size=TILE)
    network = nn.Conv2d(3, classes, 3, padding=1)
    before, began = _held(), time.perf_counter()
    with torch.inference_mode(), opened_rows(path, spec) as rows:
        grid = Grid.over(rows.size, TILE)
        found = np.empty((grid.height, grid.width), np.uint8)
        for first, piece in blended(grid, rows.read, lambda tiles: network(normalise(tiles, spec))):
            found[first : first + piece.shape[1]] = piece.argmax(0).byte().numpy()
            del piece
    return {"seconds": time.perf_counter() - began, "megabytes": (_held() - before) / 1000}


def _held() -> float:
    """The most that the process ever held, kilobytes; `ru_maxrss` would be that of the process that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None, "Linux says so"
    return float(found[1])


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1][:1] != "-":
        print(json.dumps(once(sys.argv[1], int(sys.argv[2]))))
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--repeats", type=int, default=1)
        print(run(parser.parse_args().repeats).markdown())
