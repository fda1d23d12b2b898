"""The readers of what comes from outside, each as a function of bytes, with small real files to start from.

A reader may give what it read or raise an error of warmstart's own tree; anything else is a fault.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from warmstart.data.audit import look_at
from warmstart.data.sources import load
from warmstart.errors import WarmstartError
from warmstart.preprocess.reader import read_image
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.text import to_yaml
from warmstart.shipping.bundle import Bundle

Target = Callable[[bytes], object]


def _photo(format: str) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


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
        _in_folder("annotations.json", content, **{"0.png": _photo("PNG"), "1.png": _photo("PNG")}), task="detect"
    )


def _yolo(content: bytes) -> object:
    others = {
        "images/train/0.png": _photo("PNG"),
        "data.yaml": b"train: images/train\nval: images/train\nnames: [car]\n",
    }
    return load(_in_folder("labels/train/0.txt", content, **others), task="detect")


def _yolo_yaml(content: bytes) -> object:
    others = {"images/train/0.png": _photo("PNG"), "labels/train/0.txt": b"0 0.5 0.5 0.2 0.2\n"}
    return load(_in_folder("data.yaml", content, **others), task="detect")


def _voc(content: bytes) -> object:
    return load(_in_folder("0.xml", content, **{"0.png": _photo("PNG")}), task="detect")


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
    from warmstart.model.catalog import load_backbone

    return load_backbone(f"file:resnet18@{_in_folder('w.pt', content) / 'w.pt'}?pretrained=true")


def _npz_bytes() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.random.default_rng(0).normal(size=(6, 2, 8)), y=np.array(list("ababab")))
    return buffer.getvalue()


def _hdf5_bytes() -> bytes:
    h5py: Any = importlib.import_module("h5py")  # it has no types
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["layer_names"] = [b"conv"]
        layer = file.create_group("conv")
        layer.attrs["weight_names"] = [b"conv/kernel:0"]
        layer["conv/kernel:0"] = np.zeros((1, 1, 3, 2), np.float32)
    return buffer.getvalue()


def _onnx_bytes() -> bytes:
    from onnx import helper

    pixels, out = (helper.make_tensor_value_info(*one) for one in (("x", 1, [1, 3, 8, 8]), ("y", 1, [1, 2, 8, 8])))
    kernel = helper.make_tensor("w", 1, [2, 3, 1, 1], [0.1] * 6)
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "g", [pixels], [out], [kernel])
    content: bytes = helper.make_model(
        graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)]
    ).SerializeToString()
    return content


def _torch_bytes() -> bytes:
    buffer = io.BytesIO()
    torch.save({"conv1.weight": torch.zeros(2, 3, 1, 1)}, buffer)
    return buffer.getvalue()


COCO = {
    "images": [{"id": i, "file_name": f"{i}.png", "width": 12, "height": 9} for i in range(2)],
    "categories": [{"id": 1, "name": "car"}],
    "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16, "segmentation": []}],
}
VOC = b"""<annotation><filename>0.png</filename><size><width>12</width><height>9</height><depth>3</depth></size>
<object><name>car</name><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>6</xmax><ymax>6</ymax></bndbox></object></annotation>"""
TS = b"""@problemName a\n@timeStamps false\n@univariate true\n@equalLength true\n@classLabel true a b\n@data
1.0,2.0,3.0:a\n2.0,1.0,0.5:b\n1.0,2.5,3.0:a\n2.0,1.0,0.1:b\n"""
ARFF = b"""@relation r\n@attribute t0 numeric\n@attribute t1 numeric\n@attribute class {a,b}\n@data
1.0,2.0,a\n2.0,1.0,b\n1.5,2.0,a\n2.5,1.0,b\n"""

TARGETS: dict[str, tuple[Target, tuple[bytes, ...]]] = {
    "image": (_image, tuple(_photo(format) for format in ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"))),
    "table": (
        _table,
        (b"text,label\nA good day,x\nA bad day,y\nAnother,x\nThe last,y\n", b"path,label\na.png,1\nb.png,2\n"),
    ),
    "json lines": (_lines, (b'{"text": "a b", "label": "x"}\n{"text": "c", "label": "y"}\n',)),
    "conll": (_entities, (b"Ann B-PER\nlives O\n\nin O\nRome B-LOC\n\n",)),
    "coco": (_coco, (json.dumps(COCO).encode(),)),
    "yolo": (_yolo, (b"0 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.2 0.1\n",)),
    "yolo yaml": (_yolo_yaml, (b"path: .\ntrain: images/train\nval: images/train\nnames:\n  0: car\n",)),
    "voc": (_voc, (VOC,)),
    "ts": (_ts, (TS,)),
    "arff": (_arff, (ARFF,)),
    "npz": (_npz, (_npz_bytes(),)),
    "recipe": (_recipe, tuple(to_yaml(load_recipe(name)).encode() for name in ("probe", "gradual", "lora"))),
    "recipe name": (_named, (b"finetune?epochs=3&lr=1e-4", b"probe?heads=ridge,knn")),
    "manifest": (_manifest, (b'{"format": 1, "created": "now", "versions": {}, "task": "classify"}',)),
    "bundle": (_bundle, _bundle_seeds()),
    "config": (_config, (b"batch_size: 4\nkeep: [a, b]\n",)),
    "hdf5": (_hdf5, (_hdf5_bytes(),)),
    "onnx": (_onnx, (_onnx_bytes(),)),
    "weights": (_weights, (_torch_bytes(), safetensors.torch.save({"a": torch.zeros(2)}))),
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
