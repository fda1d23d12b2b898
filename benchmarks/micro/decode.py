"""From image files to normalised batches at 224 px, per second: Pillow, torchvision.io, warmstart, and its second run.

The files are made of scikit-learn's two real photos, turned and enlarged; the smallest set is 28 x 28 grey PNG, as
Fashion-MNIST is. Nothing computes beside it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2.functional import pil_to_tensor, resize

from benchmarks.micro.measure import Run, Table, interleaved, machine, median
from warmstart.cache import key
from warmstart.cache.shelf import PixelShelf, pays
from warmstart.data.batches import ImageBatches, PixelStore
from warmstart.data.pool import in_order
from warmstart.data.schema import Dataset
from warmstart.data.sources import load
from warmstart.preprocess.image import normalise
from warmstart.preprocess.spec import PreprocessSpec

SIDE, IMAGES, BATCH, WORKERS = 224, 32, 16, 2
SPEC = PreprocessSpec(SIDE, "squash", decode="reduced")
SETS = {
    "28 x 28 grey PNG": ((28, 28), "png"),
    "640 x 427 JPEG": ((640, 427), "jpg"),
    "1280 x 854 JPEG": ((1280, 854), "jpg"),
    "2560 x 1708 JPEG": ((2560, 1708), "jpg"),
    "4032 x 3024 JPEG": ((4032, 3024), "jpg"),
}


def run(repeats: int) -> Table:
    """Images per second of each way on each set."""
    rows, figures = [], {}
    with TemporaryDirectory() as folder:
        for name, (size, ending) in SETS.items():
            data = make(Path(folder) / name, size, ending)
            ways = contenders(data, Path(folder) / "cache", [size])
            expected = torch.cat(list(ways["Pillow"]()))
            apart = {way: (torch.cat(list(batches())) - expected).abs() for way, batches in ways.items()}
            timed: dict[str, Run] = {way: functools.partial(rate, batches) for way, batches in ways.items()}
            found = interleaved(timed, repeats)
            for way in ways:
                speed, usual = median(found, way, "images"), median(found, "Pillow", "images")
                level = 255 * float(apart[way].mean()) * sum(SPEC.std) / 3
                cost = f"{1000 * median(found, way, 'cpu'):.2f}"
                rows.append((name, way, f"{speed:.0f}", f"{speed / usual:.1f}", cost, f"{level:.2f}"))
            figures |= {f"{name} {way}": value for way, value in found.items()}
    notes = (
        f"{machine()}; medians of {repeats}; {IMAGES} images in batches of {BATCH}, {WORKERS} threads that decode",
        "difference: mean, in levels of 255, from Pillow decoding in full; quality 90",
        "second run: pixels are read from the cache folder; where that does not pay they are not stored",
    )
    header = ("files", "way", "images/s", "x Pillow", "CPU ms an image", "difference")
    return Table("Reading images", header, tuple(rows), notes, figures)


def make(folder: Path, size: tuple[int, int], ending: str) -> Dataset:
    """Files of the two photos, each turned by another angle; grey where they are PNG."""
    for label, photo in zip(("palace", "flower"), load_sample_images().images, strict=True):
        (folder / label).mkdir(parents=True)
        for n in range(IMAGES // 2):
            image = Image.fromarray(photo).rotate(3 * n).resize(size, Image.Resampling.LANCZOS)
            image = image.convert("L") if ending == "png" else image
            image.save(folder / label / f"{n}.{ending}", quality=90)
    return load(folder)


def contenders(data: Dataset, cache: Path, sizes: list[tuple[int, int]]) -> dict[str, Callable[[], Iterator[Tensor]]]:
    """Functions that give all images in normalised batches, and begin with nothing in memory."""
    ways: dict[str, Callable[[], Iterator[Tensor]]] = {
        "Pillow": lambda: plain(data, with_pillow),
        "torchvision.io": lambda: plain(data, with_torchvision),
        "warmstart": lambda: ours(PixelStore(data, SPEC)),
    }
    if pays(sizes, SPEC):
        PixelStore(data, SPEC, shelf=PixelShelf(cache, 2**30, SPEC)).preload(range(len(data)))
        ways["warmstart, second run"] = lambda: ours(again(data, cache))
    return ways


def again(data: Dataset, cache: Path) -> PixelStore:
    """As a new process has it, which does not know the hash of a file yet."""
    key._file_sha256.cache_clear()
    return PixelStore(data, SPEC, shelf=PixelShelf(cache, 2**30, SPEC))


def with_pillow(path: Path) -> Tensor:
    """As torchvision's ImageFolder with a Resize does it."""
    with Image.open(path) as image:
        return pil_to_tensor(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def with_torchvision(path: Path) -> Tensor:
    """Decoded to a tensor and resized as one."""
    pixels = decode_image(str(path), ImageReadMode.RGB)
    return resize(pixels, [SIDE, SIDE], InterpolationMode.BICUBIC, antialias=True)


def plain(data: Dataset, read: Callable[[Path], Tensor]) -> Iterator[Tensor]:
    """Batches in order, read in threads."""
    images = in_order(read, (sample.source for sample in data.samples), workers=WORKERS)
    for _ in range(len(data) // BATCH):
        yield normalise([next(images) for _ in range(BATCH)], SPEC)
    images.close()


def ours(store: PixelStore) -> Iterator[Tensor]:
    """The batches that features are computed of."""
    for batch in ImageBatches(store, range(len(store.dataset)), batch_size=BATCH, workers=WORKERS):
        yield batch.inputs


def rate(way: Callable[[], Iterator[Tensor]]) -> dict[str, float]:
    """Images per second, and seconds of processor time for one."""
    began, cpu = time.perf_counter(), time.process_time()
    images = sum(len(batch) for batch in way())
    return {"images": images / (time.perf_counter() - began), "cpu": (time.process_time() - cpu) / images}
