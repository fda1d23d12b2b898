"""A mask of an image of 10,000 x 10,000 pixels from the command line: time and peak memory of the one process.

A U-Net on EfficientNet-Lite0 with inputs of 512 px is fitted for a moment, which is not counted, and then asked:
`warmstart predict BUNDLE IMAGE --tile 512 --out FOLDER`. The image is a TIFF in strips, made of the 12 real photos over
and over. What is written is a PNG mask of the same size and a picture. The same process on an image of a few tiles says
what imports and the network take. How good the mask is, is no matter here.

The process tells its own peak: what the system tells of an ended process counts the memory of the one that started it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image
from rasterio.windows import Window

from benchmarks.micro.measure import Figures, Table, machine, own_process
from benchmarks.scene_sources import buildings
from warmstart.cli.main import app
from warmstart.preprocess.mosaic import Grid

SIDE, SMALL, QUICK, TILE = 10_000, 640, 1_500, 512


def run(repeats: int, *, quick: bool = False) -> Table:
    """Seconds, processor seconds and peak memory for a small image and the large one."""
    from warmstart.api.fit import fit  # the process that answers does without it

    photos = buildings()
    figures: Figures = {}
    rows = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        model = fit(
            photos,
            task="segment",
            head="unet",
            size=TILE,
            test=0.0,
            recipe="head_only?epochs=1&batch_size=4",
            out=folder / "run",
            cache=folder / "cache",
        )
        for side in (SMALL, QUICK if quick else SIDE):
            image = written(folder / f"{side}.tif", side, sorted(photos.glob("images/**/*.tif")))
            outs = [folder / f"said-{side}-{i}" for i in range(1 if quick else repeats)]
            found = figures[f"{side} px"] = together([asked(model.bundle, image, out) for out in outs])
            cells = (f"{min(found[key]):.0f}" for key in ("seconds", "cpu_seconds"))
            tiles = str(len(Grid.over((side, side), TILE)))
            rows.append((f"{side} x {side} px", tiles, *cells, f"{max(found['peak_mb']):.0f}"))
    notes = (
        machine(),
        f"the fastest of {repeats}, imports included; the largest peak memory (resident set)",
        f"`warmstart predict BUNDLE IMAGE --tile {TILE} --out FOLDER`; U-Net with its default decoder on lite0, inputs "
        f"of {TILE} px, tiles overlap by a quarter",
    )
    header = ("image", "tiles", "seconds", "CPU seconds", "peak memory (MB)")
    return Table("A mask of a large image in tiles", header, tuple(rows), notes, figures)


def written(path: Path, side: int, photos: list[Path]) -> Path:
    """A TIFF in strips, 8 bits, three bands, not compressed: photos beside and below each other."""
    kind = {"driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint8", "blockysize": 64}
    with rasterio.open(path, "w", photometric="RGB", interleave="pixel", **kind) as file:
        for top, strip in _strips(side, photos):
            file.write(strip.transpose(2, 0, 1), window=Window(0, top, side, len(strip)))
    return path


def _strips(side: int, photos: list[Path]) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    least = min(min(Image.open(photo).size) for photo in photos)
    found = [np.asarray(Image.open(photo).convert("RGB"))[:least, :least] for photo in photos]
    across = -(-side // least)
    for row, top in enumerate(range(0, side, least)):
        strip = np.concatenate([found[(row * across + k) % len(found)] for k in range(across)], 1)
        yield top, strip[: side - top, :side]


def asked(bundle: Path, image: Path, out: Path) -> dict[str, float]:
    """What a process used that answers; ends the benchmark where it fails."""
    began = time.perf_counter()
    found = own_process("-m", "benchmarks.micro.big_image", str(bundle), str(image), str(out))
    found["seconds"] = time.perf_counter() - began
    (mask,) = out.glob("masks/*.png")
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(image) as seen, Image.open(mask) as said:
        assert said.size == seen.size, f"the mask is of {said.size}"
    return found


def together(runs: list[dict[str, float]]) -> dict[str, list[float]]:
    """Every figure of all runs."""
    return {key: [one[key] for one in runs] for key in runs[0]}


def answer(bundle: str, image: str, out: str) -> None:
    """Be the process that answers, and print what it used."""
    if code := app(["predict", bundle, image, "--tile", str(TILE), "--out", out], standalone_mode=False):
        raise SystemExit(code)
    status = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in status if line.startswith("VmHWM"))
    print(json.dumps({"cpu_seconds": time.process_time(), "peak_mb": int(peak) / 1024}))


if __name__ == "__main__":
    answer(*sys.argv[1:])
