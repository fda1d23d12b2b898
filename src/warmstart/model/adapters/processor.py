"""How transformers prepares images, as a `PreprocessSpec`."""

from __future__ import annotations

from typing import Any

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import crop_share
from warmstart.preprocess.spec import PreprocessSpec

PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
_INTERPOLATION: Any = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers


def image_size(config: dict[str, Any]) -> int:
    """The input side that a model's configuration states, pixels; 224 where it states none."""
    size = config.get("image_size", 224)
    return int(size[0] if isinstance(size, list | tuple) else size)


def processor_spec(name: str, said: dict[str, Any], config: dict[str, Any]) -> PreprocessSpec:
    """The preprocessing of weights, from their processor's configuration and that of their model.

    Raises:
        BackboneError: there is none, or it is of a kind that is not known here.
    """
    said = said.get("image_processor", said)
    if "image_mean" not in said or abs(said.get("rescale_factor", 1 / 255) - 1 / 255) > 1e-6:
        raise BackboneError(
            f"{name} does not say how images are prepared",
            expected="a preprocessor_config.json with size, image_mean and image_std, and values scaled to 0..1",
            do="add the file that belongs to these weights",
        )
    size, crop = said.get("size", image_size(config)), said.get("crop_size") if said.get("do_center_crop") else None
    height = size.get("height", size.get("shortest_edge")) if isinstance(size, dict) else size
    height = image_size(config) if height is None or not said.get("do_resize", True) else int(height)
    cropped = crop.get("height") if isinstance(crop, dict) else crop
    squash = cropped is None
    share = crop_share(int(cropped), height) if cropped else 1.0
    if said.get("crop_pct") and height < 384:  # ConvNeXt's processor: smaller images are cropped, larger ones squashed
        squash, share = False, float(said["crop_pct"])
    plain = not said.get("do_normalize", True)
    return PreprocessSpec(
        size=int(cropped or height),
        resize="squash" if squash else "shortest",
        crop_pct=share,
        interpolation=_INTERPOLATION[int(said.get("resample", 3))],
        mean=(0.0, 0.0, 0.0) if plain else tuple(said["image_mean"]),
        std=(1.0, 1.0, 1.0) if plain else tuple(said["image_std"]),
        channels=int(config.get("num_channels", 3)),
    )
