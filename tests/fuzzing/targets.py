"""The readers of what comes from outside, each as a function of bytes, with small real files to start from.

A reader may give what it read or raise an error of warmstart's own tree; anything else is a fault.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import torch

from tests.fuzzing import seeds
from warmstart.data.audit import look_at
from warmstart.data.sources import load
from warmstart.data.sources.histories import read_histories
from warmstart.errors import WarmstartError
from warmstart.model.reconcile import load_state
from warmstart.model.weights import read_checkpoint
from warmstart.preprocess.reader import read_image
from warmstart.preprocess.rows import opened_rows
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import read_bands
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.text import to_yaml
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.georeference import place_of

Target = Callable[[bytes], object]


def _in_folder(name: str, content: bytes, **others: bytes) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for other, its in {name: content, **others}.items():
        (folder / other).parent.mkdir(parents=True, exist_ok=True)
        (folder / other).write_bytes(its)
    return folder


def _image(content: bytes) -> object:
    return read_image(content, max_pixels=10_000_000)


def _table(content: bytes) -> object:
    return look_at(load(_in_folder("table.csv", content) / "table.csv"))


def _lines(content: bytes) -> object:
    return load(_in_folder("rows.jsonl", content) / "rows.jsonl")


def _entities(content: bytes) -> object:
    return load(_in_folder("words.conll", content) / "words.conll")


def _coco(content: bytes) -> object:
    return load(
        _in_folder("annotations.json", content, **{"0.png": seeds.photo("PNG"), "1.png": seeds.photo("PNG")}),
        task="detect",
    )


def _yolo(content: bytes) -> object:
    others = {
        "images/train/0.png": seeds.photo("PNG"),
        "data.yaml": b"train: images/train\nval: images/train\nnames: [car]\n",
    }
    return load(_in_folder("labels/train/0.txt", content, **others), task="detect")


def _yolo_yaml(content: bytes) -> object:
    others = {"images/train/0.png": seeds.photo("PNG"), "labels/train/0.txt": b"0 0.5 0.5 0.2 0.2\n"}
    return load(_in_folder("data.yaml", content, **others), task="detect")


def _voc(content: bytes) -> object:
    return load(_in_folder("0.xml", content, **{"0.png": seeds.photo("PNG")}), task="detect")


def _mask(content: bytes) -> object:
    others = {
        "images/0.png": seeds.photo("PNG"),
        "images/1.png": seeds.photo("PNG"),
        "masks/1.png": seeds.grey("PNG"),
        **seeds.LEGEND,
    }
    return look_at(load(_in_folder("masks/0.png", content, **others), task="segment"))


def _instances(content: bytes) -> object:
    others = {"images/0.png": seeds.photo("PNG"), "legend.json": b'{"road": 7, "car": 26}'}
    return look_at(load(_in_folder("instances/0.png", content, **others), task="detect"))


def _legend(content: bytes) -> object:
    others = {"images/0.png": seeds.photo("PNG"), "masks/0.png": seeds.grey("PNG")}
    return look_at(load(_in_folder("legend.json", content, **others), task="segment"))


def _geotiff(content: bytes) -> object:
    """The header, the bands, some rows as for a large scene, and where on earth it lies."""
    path = _in_folder("a.tif", content) / "a.tif"
    spec, most = PreprocessSpec(8, "squash").with_channels(4), 10_000_000
    with opened_rows(path, spec, max_pixels=most) as rows:
        if math.prod(rows.size) <= most:
            rows.read(0, min(8, rows.size[1]))
    return read_bands(path, spec, max_pixels=most), place_of(path)


def _tsf(content: bytes) -> object:
    return read_histories(_in_folder("series.tsf", content) / "series.tsf")


def _long(content: bytes) -> object:
    """A row for each step, with times: cut into windows, and as series to be forecast."""
    path = _in_folder("long.csv", content) / "long.csv"
    try:
        return look_at(load(path, kind="series", window=2))
    except WarmstartError:
        return read_histories(path)


def _ts(content: bytes) -> object:
    return load(_in_folder("series.ts", content) / "series.ts")


def _arff(content: bytes) -> object:
    return load(_in_folder("series.arff", content) / "series.arff")


def _npz(content: bytes) -> object:
    return load(_in_folder("series.npz", content) / "series.npz")


def _recipe(content: bytes) -> object:
    return load_recipe(_in_folder("mine.yaml", content) / "mine.yaml")


def _named(content: bytes) -> object:
    return load_recipe(content.decode("utf-8", "replace"))


def _manifest(content: bytes) -> object:
    return Bundle.load(_in_folder("bundle.json", content))


@functools.cache
def _whole_bundle() -> dict[str, bytes]:
    from tests.explaining.helpers import of_images

    folder = Path(tempfile.mkdtemp(prefix="whole-")) / "bundle"
    of_images(folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _bundle(content: bytes) -> object:
    """A bundle of which one file is another, its sum rewritten: what is left to the readers behind the sums."""
    files = dict(_whole_bundle())
    facts = json.loads(files["bundle.json"])
    names = sorted(facts["files"])
    name = names[(content or b"0")[0] % len(names)]
    files[name] = content[1:]
    facts["files"][name] = hashlib.sha256(content[1:]).hexdigest()
    files["bundle.json"] = json.dumps(facts).encode()
    return Bundle.load(_in_folder("bundle.json", files.pop("bundle.json"), **files))


def _bundle_seeds() -> tuple[bytes, ...]:
    files = _whole_bundle()
    names = sorted(json.loads(files["bundle.json"])["files"])
    return tuple(bytes([i]) + files[name] for i, name in enumerate(names))


def _config(content: bytes) -> object:
    import inspect

    from warmstart.cli.config import read_config
    from warmstart.cli.predict import predict

    words = inspect.signature(predict, eval_str=True).parameters
    return read_config(_in_folder("mine.yaml", content) / "mine.yaml", words, "predict")


def _hdf5(content: bytes) -> object:
    from warmstart.model.keras.hdf5 import read_layers

    return read_layers(_in_folder("w.h5", content) / "w.h5")


def _onnx(content: bytes) -> object:
    from warmstart.model.onnx.graph import read_onnx

    return read_onnx(_in_folder("m.onnx", content) / "m.onnx")


def _weights(content: bytes) -> object:
    """What `file:` reads, filled into a network so small that a fuzzer is not kept waiting by it."""
    tensors = read_checkpoint(_in_folder("w.pt", content) / "w.pt")
    network = torch.nn.Sequential(OrderedDict(conv1=torch.nn.Conv2d(3, 2, 1), fc=torch.nn.Linear(2, 2)))
    return load_state(network, tensors, origin="w.pt")


TARGETS: dict[str, tuple[Target, tuple[bytes, ...]]] = {
    "image": (_image, tuple(seeds.photo(format) for format in ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"))),
    "table": (
        _table,
        (b"text,label\nA good day,x\nA bad day,y\nAnother,x\nThe last,y\n", b"path,label\na.png,1\nb.png,2\n"),
    ),
    "json lines": (_lines, (b'{"text": "a b", "label": "x"}\n{"text": "c", "label": "y"}\n',)),
    "conll": (_entities, (b"Ann B-PER\nlives O\n\nin O\nRome B-LOC\n\n",)),
    "coco": (_coco, (json.dumps(seeds.COCO).encode(),)),
    "yolo": (_yolo, (b"0 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.2 0.1\n",)),
    "yolo yaml": (_yolo_yaml, (b"path: .\ntrain: images/train\nval: images/train\nnames:\n  0: car\n",)),
    "voc": (_voc, (seeds.VOC,)),
    "mask": (_mask, (seeds.grey("PNG"), seeds.grey("TIFF"), seeds.grey("PNG", "uint16"), seeds.photo("PNG"))),
    "instances": (_instances, (seeds.objects(), seeds.grey("PNG"))),
    "legend": (_legend, (b'{"sea": 0, "land": 1}', b'{"sea": [0, 0, 0], "land": [1, 1, 1]}')),
    "geotiff": (_geotiff, seeds.tiles()),
    "ts": (_ts, (seeds.TS,)),
    "tsf": (_tsf, (seeds.TSF,)),
    "long series": (_long, (seeds.LONG, seeds.LONG.replace(b",", b";"), b"time,x\n1,0.5\n2,0.25\n3,1\n4,2\n5,1\n")),
    "arff": (_arff, (seeds.ARFF,)),
    "npz": (_npz, (seeds.npz(),)),
    "recipe": (_recipe, tuple(to_yaml(load_recipe(name)).encode() for name in ("probe", "gradual", "lora"))),
    "recipe name": (_named, (b"finetune?epochs=3&lr=1e-4", b"probe?heads=ridge,knn")),
    "manifest": (_manifest, (b'{"format": 1, "created": "now", "versions": {}, "task": "classify"}',)),
    "bundle": (_bundle, _bundle_seeds()),
    "config": (_config, (b"batch_size: 4\nkeep: [a, b]\n",)),
    "hdf5": (_hdf5, (seeds.hdf5(),)),
    "onnx": (_onnx, (seeds.onnx(),)),
    "weights": (_weights, seeds.weights()),
}
"""Reader and seeds by name."""


def survives(target: Target, content: bytes) -> bool:
    """Whether the reader read it; False where it refused it in words. Anything else is raised: a fault was found."""
    try:
        target(content)
    except WarmstartError as error:
        if not error.found.strip():
            raise AssertionError("an error without words") from error
        return False
    return True
