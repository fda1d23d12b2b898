"""What the tests of bands share: values that no other place has, and files of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from warmstart.preprocess.spec import PreprocessSpec

Values = npt.NDArray[Any]
SENTINEL = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")


def values(bands: int = 13, dtype: str = "uint16", height: int = 20, width: int = 24) -> Values:
    """(H, W, C), up to 10000 where the type allows it, each value at one place."""
    numbers = np.random.default_rng(bands).permutation(height * width * bands).reshape(height, width, bands)
    return (numbers % min(10_000, np.iinfo(dtype).max if dtype[0] != "f" else 10_000)).astype(dtype)


def spec(bands: int = 13, *, names: tuple[str, ...] = (), scale: float = 10_000.0, size: int = 16) -> PreprocessSpec:
    return PreprocessSpec(
        size, "squash", channels=bands, mean=(0.25,) * bands, std=(0.5,) * bands, bands=names, scale=scale
    )


def npy(array: Values) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=array.dtype == object)
    return buffer.getvalue()


def tiff(array: Values, **options: Any) -> bytes:
    """A TIFF file of (H, W, C); `planar` stores band after band."""
    buffer = io.BytesIO()
    planar, data = options.pop("planar", False), array
    if array.shape[2] == 1:
        data = array[..., 0]
    else:
        options["planarconfig"] = "separate" if planar else "contig"
        data = np.moveaxis(array, 2, 0) if planar else array
    tifffile.imwrite(buffer, data, photometric="minisblack", metadata=None, **options)
    return buffer.getvalue()


def gdal_names(*names: str) -> tuple[int, str, int, str, bool]:
    """The tag with which GDAL describes bands."""
    items = (f'<Item name="DESCRIPTION" sample="{i}" role="description">{name}</Item>' for i, name in enumerate(names))
    return (42112, "s", 0, f"<GDALMetadata>{''.join(items)}</GDALMetadata>", True)


def gdal_nodata(value: str) -> tuple[int, str, int, str, bool]:
    return (42113, "s", 0, value, True)
