"""Image encoders of transformers as networks that can be cut: the layer list is run here, not inside the library.

Their own forward passes decide on their inputs, so no tracer follows them; their layers are kept whole. Each encoder
gives what it calls its pooled output, for ViT the normalised class token: its pooler is absent from most weights.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from timm.models import register_notrace_function
from torch import Tensor, nn


@dataclasses.dataclass(frozen=True)
class Form:
    """How an encoder is put together: modules before its layer list, then modules and ways of pooling behind it."""

    before: tuple[str, ...]
    behind: tuple[str, ...]
    fixed: bool = True  # whether it takes images of one size alone
    sized: bool = False  # whether that size can be chosen: no parameter depends on it
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # of its class
    within: str = ""  # where it is in a model that is more than an encoder
    backbone: bool = False  # whether the configuration of that model holds one of its own for it


_DINO = Form(("embeddings",), ("layernorm", "class token"))
_CONVNEXT = Form(("embeddings",), ("map", "layernorm"), fixed=False)
_DETECTOR = Form(("embedder",), ("map",), fixed=False, within="model.backbone.model.", backbone=True)
FORMS = {
    "vit": dataclasses.replace(_DINO, options={"add_pooling_layer": False}),
    "dinov2": _DINO,
    "dinov2_with_registers": _DINO,
    "dinov3_vit": Form(("embeddings",), ("norm", "class token"), sized=True),
    "swin": Form(("embeddings",), ("layernorm", "tokens"), sized=True),
    "convnext": _CONVNEXT,
    "convnextv2": _CONVNEXT,
    "resnet": Form(("embedder",), ("map",), fixed=False),
    "rt_detr": _DETECTOR,
    "d_fine": _DETECTOR,
    "segformer": Form((), ("map",), fixed=False, within="segformer."),
    "clip_vision_model": Form(("embeddings", "pre_layrnorm"), ("class token", "post_layernorm")),
    "siglip_vision_model": Form(("embeddings",), ("post_layernorm", "head")),
}
"""By `model_type` of the configuration."""


@register_notrace_function  # type: ignore[untyped-decorator]
def first(out: Any) -> Tensor:
    """The tensor that a layer gives, alone or, as many do, at the head of a tuple."""
    found: Tensor = out[0] if isinstance(out, tuple) else out
    return found


class Encoder(nn.Module):
    """Images (n, channels, size, size) to pooled features (n, d).

    Args:
        model: of transformers; parameters keep its names, below `model`.
        form: how it is put together.
        size: of the images, pixels.
    """

    def __init__(self, model: Any, form: Form, size: int) -> None:
        super().__init__()
        self.model = model
        self._form = form
        self._at = "vision_model" if hasattr(model, "vision_model") else ""  # as older versions have it
        self._layers = next(name for name, part in self._root.named_modules() if isinstance(part, nn.ModuleList))
        layers = list(self._root.get_submodule(self._layers).children())
        needed = inspect.signature(layers[0].forward).parameters.values()
        empty = inspect.Parameter.empty
        masks = sum(p.default is empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in needed) - 1
        self._more: list[tuple[Any, ...]] = [(None,) * masks for _ in layers]  # the masks, which images have none of
        if model.config.model_type == "swin":
            self._more = [(side,) for side in _sides(size // model.config.patch_size, len(layers))]
        if hasattr(self._root, "rope_embeddings"):
            _fix_positions(self._root, layers, torch.zeros(1, model.config.num_channels, size, size))

    @property
    def _root(self) -> nn.Module:
        root: nn.Module = self.model.get_submodule(self._at)
        return root

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features."""
        root = self._root
        for name in self._form.before:
            x = first(root.get_submodule(name)(x))
        for layer, more in zip(root.get_submodule(self._layers).children(), self._more, strict=True):
            positions = {"position_embeddings": (layer.cos, layer.sin)} if hasattr(layer, "cos") else {}
            x = first(layer(x, *more, **positions))
        for step in self._form.behind:
            x = _POOLS[step](x) if step in _POOLS else root.get_submodule(step)(x)
        return x


_POOLS = {
    "class token": lambda x: x[:, 0],
    "tokens": lambda x: x.mean(1),
    "map": lambda x: x.mean((2, 3)),
}


def _fix_positions(root: nn.Module, layers: Sequence[nn.Module], image: Tensor) -> None:
    """Give each layer the rotary position embeddings, which depend on nothing but the size of the image.

    Each has its own, so that nothing passes between the layers beside the activation.
    """
    with torch.no_grad():
        cos, sin = root.get_submodule("rope_embeddings").eval()(image)
    for layer in layers:
        layer.register_buffer("cos", cos.clone(), persistent=False)
        layer.register_buffer("sin", sin.clone(), persistent=False)


def _sides(side: int, stages: int) -> list[tuple[int, int]]:
    """(height, width) in patches at each stage of a Swin, which halves them, rounded up, between two stages."""
    sides = [side]
    for _ in range(stages - 1):
        sides.append((sides[-1] + 1) // 2)
    return [(side, side) for side in sides]
