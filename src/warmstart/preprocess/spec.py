"""What a backbone expects of an image: one frozen fact of the weights, the same for fit, predict, evaluate, export."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any, Literal

ResizeMode = Literal["shortest", "squash", "pad"]


@dataclasses.dataclass(frozen=True)
class PreprocessSpec:
    """How an image becomes the tensor a backbone was trained on.

    `shortest`: shorter side to `floor(size / crop_pct)`, then the centre `size` x `size` (the ImageNet convention).
    `squash`: both sides to `size`, aspect ratio not kept. `pad`: longer side to `size`, rest filled with `mean`.
    Then values in 0..1, minus `mean`, over `std`, per channel.

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

    def with_size(self, size: int) -> PreprocessSpec:
        """The same spec at another input size (pixels, square)."""
        return dataclasses.replace(self, size=size)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form; `from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PreprocessSpec:
        """Inverse of `to_dict`; unknown keys are an error. What an older bundle does not say is as it was then."""
        return cls(**{**data, "mean": tuple(data["mean"]), "std": tuple(data["std"])})

    @property
    def fingerprint(self) -> str:
        """Short content hash; part of every cache key."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]
