"""The head that gives every pixel of an image its logits, on rows that hold the maps of a backbone."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import seeded
from warmstart.model.maps import Maps
from warmstart.model.segment.design import design_of, designs, options_of


class DecoderHead(nn.Module):
    """Rows of maps (n, K) to logits (n, classes, size, size) at the size of the input.

    Its parts are `decoder` and `segmentation_head`, under the supplier's names.

    Args:
        name: of the decoder, see `warmstart.model.segment.design`.
        maps: what a row is made of, as `Maps.to_dict` has it.
        classes: how many.
        options: those of the decoder; what is not said is its default.
        dropout: share of the channels of the decoder's last map that are left out in training.
        seed: what weights are drawn from.

    Raises:
        RecipeError: there is no such decoder, or an option does not fit.
        BackboneError: the maps are not those that the decoder reads.
        MissingExtraError: its supplier is not installed.

    >>> import torch
    >>> maps = Maps(("a", "b"), (8, 16), (4, 8), (8, 4), 32)
    >>> head = DecoderHead("fcn", maps.to_dict(), 3)
    >>> head.eval()(torch.zeros(2, maps.width)).shape
    torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self,
        name: str,
        maps: dict[str, Any],
        classes: int,
        options: dict[str, Any] | None = None,
        dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.name, self.maps, self.classes = name, Maps.from_dict(maps), classes
        design = designs[name]
        self.options = options_of(design, options or {})
        self._ladder = design.ladder(self.maps)
        with seeded(seed):
            self.decoder, self.segmentation_head = design.parts(self.maps, classes, self.options)
        self.dropout = nn.Dropout2d(dropout)
        self.adopted = False  # whether any weight came with the backbone

    def forward(self, rows: Tensor) -> Tensor:
        """Logits (n, classes, size, size)."""
        maps = self.maps.of_width(rows.shape[1])
        found = dict(zip(maps.strides, maps.unpack(rows), strict=True))
        # Where the decoder reads nothing, a map without channels holds the place: it has the side, and no memory.
        sides = [math.ceil(maps.size / 2**place) for place in range(len(self._ladder))]
        listed = [
            rows.new_empty(rows.shape[0], 0, side, side) if stride is None else found[stride]
            for stride, side in zip(self._ladder, sides, strict=True)
        ]
        logits: Tensor = self.segmentation_head(self.dropout(self.decoder(listed)))
        if logits.shape[-1] != maps.size:
            logits = functional.interpolate(logits, (maps.size, maps.size), mode="bilinear", align_corners=False)
        return logits

    def reset(self, seed: int) -> None:
        """Draw all weights anew."""
        fresh = DecoderHead(self.name, self.maps.to_dict(), self.classes, self.options, seed=seed)
        self.load_state_dict(fresh.state_dict())
        self.adopted = False

    def at_once(self, targets: Tensor) -> int:
        """See `warmstart.model.network.Network.at_once`: the maps just before the logits are as large as the images."""
        return max(1, 2**20 // self.maps.size**2)

    @property
    def config(self) -> dict[str, Any]:
        """What `build_head` needs; plain JSON, with defaults written out, since a supplier may change its own."""
        options = {key: list(value) if isinstance(value, tuple) else value for key, value in self.options.items()}
        found = {"name": self.name, "maps": self.maps.to_dict(), "classes": self.classes, "options": options}
        return {"kind": "decoder", **found, "dropout": self.dropout.p}


def decoder_head(text: str, maps: Maps | None, classes: int, *, dropout: float = 0.0, seed: int = 0) -> DecoderHead:
    """The decoder that a head's name asks for, on the maps of a backbone; raises as `DecoderHead`."""
    design, options = design_of(text)
    if maps is None:
        raise BackboneError(
            f"pooled features under the head {design.name!r}",
            expected="feature maps",
            do="make the network with warmstart.task.network.network_for",
        )
    return DecoderHead(design.name, maps.to_dict(), classes, dict(options), dropout, seed)
