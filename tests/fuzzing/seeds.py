"""Small real files, one or a few of each kind that is read: what the fuzzers start from."""

from __future__ import annotations

import importlib
import io
from typing import Any

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from tests.preprocess.tiles import gdal_names, gdal_nodata, tiff


def photo(format: str) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def grey(format: str, dtype: str = "uint8") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 2, (9, 12)).astype(dtype)).save(buffer, format)
    return buffer.getvalue()


def objects() -> bytes:
    """A mask of two cars, as Cityscapes numbers them."""
    numbers, buffer = np.zeros((9, 12), np.uint16), io.BytesIO()
    numbers[1:4, 1:5], numbers[5:8, 6:11] = 26001, 26002
    Image.fromarray(numbers).save(buffer, "PNG")
    return buffer.getvalue()


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.random.default_rng(0).normal(size=(6, 2, 8)), y=np.array(list("ababab")))
    return buffer.getvalue()


def tiles() -> tuple[bytes, ...]:
    """As satellites' tiles come: strips and tiles, chunky and planar, compressed or not, with GDAL's tags."""
    stored = np.random.default_rng(0).integers(0, 9000, (16, 16, 4)).astype(np.uint16)
    names = gdal_names("B02", "B03", "B04", "B08"), gdal_nodata("0")
    scale = ((33550, 12, 3, (10.0, 10.0, 0.0)), (33922, 12, 6, (0.0, 0.0, 0.0, 5e5, 5e6, 0.0)))
    geo = (34735, 3, 8, (1, 1, 0, 1, 3072, 0, 1, 32632))
    return (
        tiff(stored, extratags=[*names, *scale, geo]),
        tiff(stored, compression="zlib", planar=True),
        tiff(stored.astype(np.float32), compression="lzw", rowsperstrip=4),
        tiff(stored, tile=(16, 16), extratags=[*names]),
    )


def hdf5() -> bytes:
    h5py: Any = importlib.import_module("h5py")  # it has no types
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["layer_names"] = [b"conv"]
        layer = file.create_group("conv")
        layer.attrs["weight_names"] = [b"conv/kernel:0"]
        layer["conv/kernel:0"] = np.zeros((1, 1, 3, 2), np.float32)
    return buffer.getvalue()


def onnx() -> bytes:
    from onnx import helper

    pixels, out = (helper.make_tensor_value_info(*one) for one in (("x", 1, [1, 3, 8, 8]), ("y", 1, [1, 2, 8, 8])))
    kernel = helper.make_tensor("w", 1, [2, 3, 1, 1], [0.1] * 6)
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "g", [pixels], [out], [kernel])
    content: bytes = helper.make_model(
        graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)]
    ).SerializeToString()
    return content


def weights() -> tuple[bytes, ...]:
    """A convolution and a linear layer as torch and as safetensors store them, bare and as a trainer wraps them."""
    whole = {"conv1.weight": torch.zeros(2, 3, 1, 1), "conv1.bias": torch.zeros(2), "fc.weight": torch.ones(2, 2)}
    whole |= {"fc.bias": torch.ones(2)}
    wrapped = {"state_dict": {f"module.{name}": tensor.half() for name, tensor in whole.items()}, "epoch": 3}
    files = []
    for content in (whole, wrapped):
        buffer = io.BytesIO()
        torch.save(content, buffer)
        files.append(buffer.getvalue())
    return (*files, safetensors.torch.save(whole), safetensors.torch.save({"a": torch.zeros(2)}))


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


TSF = b"""@relation a\n@attribute series_name string\n@attribute start_timestamp date\n@frequency daily\n@horizon 2
@missing true\n@equallength false\n@data
T1:2020-01-01 00-00-00:1.0,2.0,?,4.0,5.0,6.0\nT2:2020-01-02 00-00-00:3,2,1,4\n"""


LONG = b"id,time,x,y,label\n" + b"".join(
    b"w%d,2024-01-01T00:00:%02d,%d,%d.5,%s\n" % (i, step, step + i, -step, b"ab"[i % 2 :][:1])
    for i in range(4)
    for step in range(4)
)


LEGEND = {"classes.txt": b"ground\nroof\n"}
