"""What a backbone expects of an image: one frozen fact of the weights, the same for fit, predict, evaluate, export."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from typing import Any, Literal

ResizeMode = Literal["shortest", "squash", "pad"]
EIGHT_BITS = 255.0
"""The `scale` of pictures: 0..255 to 0..1."""
_LATER: dict[str, Any] = {"bands": (), "scale": EIGHT_BITS}


@dataclasses.dataclass(frozen=True)
class PreprocessSpec:
    """How an image becomes the tensor a backbone was trained on.

    `shortest`: shorter side to `floor(size / crop_pct)`, then the centre `size` x `size` (the ImageNet convention).
    `squash`: both sides to `size`, aspect ratio not kept. `pad`: longer side to `size`, rest filled with `mean`.
    Then stored values over `scale`, minus `mean`, over `std`, per channel.

    One channel or three without names and at the scale of 8 bits are pictures, grey or RGB, and read as
    `warmstart.preprocess.reader` says. All else is *banded*: see `warmstart.preprocess.tiles`. `bands` are the names
    and the order that the weights expect ("B02"), empty where they have none; `scale` is what stored values are divided
    by to be in the unit of `mean` and `std` (10000 for the reflectances of Sentinel-2), `None` where the weights say
    nothing of the values, as where channels were added to RGB weights: `fit` then measures mean and std on the data.

    `decode`: a large JPEG is decoded in `full`, as the backbone was evaluated, or `reduced`, as
    `warmstart.preprocess.image` says, which is what `fit` does.
    """

    size: int = 224
    resize: ResizeMode = "shortest"
    crop_pct: float = 0.875
    interpolation: Literal["bilinear", "bicubic", "nearest", "lanczos"] = "bicubic"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    channels: int = 3
    kind: Literal["image"] = "image"
    decode: Literal["full", "reduced"] = "full"
    bands: tuple[str, ...] = ()
    scale: float | None = EIGHT_BITS

    def __post_init__(self) -> None:
        lengths = {len(self.mean), len(self.std), len(self.bands) or self.channels}
        if self.banded and lengths != {self.channels}:
            raise ValueError(
                f"{len(self.mean)} means, {len(self.std)} standard deviations and {len(self.bands)} band names for "
                f"{self.channels} channels"
            )
        if self.scale is not None and not 0 < self.scale < math.inf:
            raise ValueError(f"scale is {self.scale}; it must be positive")

    @property
    def banded(self) -> bool:
        """Whether inputs are read as bands with the values they are stored with, not as 8-bit pictures."""
        return self.channels not in (1, 3) or bool(self.bands) or self.scale != EIGHT_BITS

    @property
    def divisor(self) -> float:
        """`scale`, which must be known by then. Raises `ValueError` if it is not."""
        if self.scale is None:
            raise ValueError("mean and std are not measured yet: the weights say nothing of the values of their bands")
        return self.scale

    def with_channels(self, channels: int, bands: tuple[str, ...] = ()) -> PreprocessSpec:
        """The same spec for weights that were given other channels, whose values they say nothing of.

        >>> PreprocessSpec().with_channels(13).banded
        True
        """
        zeros, ones = (0.0,) * channels, (1.0,) * channels
        return dataclasses.replace(self, channels=channels, mean=zeros, std=ones, bands=bands, scale=None)

    def with_size(self, size: int) -> PreprocessSpec:
        """The same spec at another input size (pixels, square)."""
        return dataclasses.replace(self, size=size)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form; `from_dict` is its inverse.

        Fields that came later are left out at their default: what was stored before is still found by its key.
        """
        return {name: fact for name, fact in dataclasses.asdict(self).items() if _LATER.get(name, ...) != fact}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PreprocessSpec:
        """Inverse of `to_dict`; unknown keys are an error. What an older bundle does not say is as it was then."""
        lists: dict[str, Any] = {name: tuple(data[name]) for name in ("mean", "std", "bands") if name in data}
        return cls(**{**data, **lists})

    @property
    def fingerprint(self) -> str:
        """Short content hash; part of every cache key."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]
