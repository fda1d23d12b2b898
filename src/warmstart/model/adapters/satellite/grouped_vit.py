"""SatMAE's vision transformer over groups of bands: one patch embedding per group, tokens that know place and group.

After `models_vit_group_channels.py` of SatMAE (Cong et al., NeurIPS 2022), with the names of its parameters and its
global pooling, in timm's parts. Each token is given an embedding of its place, in its first dimensions, and one of its
group, in its last; both begin as sines and cosines (MAE, He et al. 2022).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from timm.layers.patch_embed import PatchEmbed
from timm.layers.pos_embed import resample_abs_pos_embed
from timm.models.vision_transformer import Block
from torch import Tensor, nn

Groups = tuple[tuple[int, ...], ...]


class Norm(nn.LayerNorm):
    """MAE's layer norm, with its epsilon."""

    def __init__(self, width: int, **places: Any) -> None:
        super().__init__(width, eps=1e-6, **places)


class GroupedViT(nn.Module):
    """Images (n, channels, size, size) to features (n, width): the mean over all tokens but the first, normalised.

    Inputs are clipped to 0..1, which is part of SatMAE's normalisation and has no place in a `PreprocessSpec`.

    Args:
        size: input side, pixels.
        patch: side of a patch, pixels.
        groups: the channels of each group.
        width: of a token.
        depth: number of blocks.
        heads: of each block's attention.
        group_width: how much of a token tells the group.
    """

    def __init__(
        self, *, size: int, patch: int, groups: Groups, width: int, depth: int, heads: int, group_width: int = 256
    ) -> None:
        super().__init__()
        self.groups = tuple(list(group) for group in groups)
        self.patch_embed = nn.ModuleList(PatchEmbed(size, patch, len(group), width) for group in groups)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        grid = sines_of_grid(width - group_width, size // patch)
        self.pos_embed = nn.Parameter(torch.cat([torch.zeros(1, width - group_width), grid])[None])
        self.channel_embed = nn.Parameter(sines(group_width, torch.arange(len(groups)))[None])
        self.channel_cls_embed = nn.Parameter(torch.zeros(1, 1, group_width))
        self.blocks = nn.Sequential(*(Block(width, heads, 4, qkv_bias=True, norm_layer=Norm) for _ in range(depth)))
        self.fc_norm = Norm(width)
        nn.init.normal_(self.cls_token, std=1e-6)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Pooled features."""
        x = x.clamp(0, 1)
        parts = [embed(x[:, group]) for group, embed in zip(self.groups, self.patch_embed, strict=True)]
        places, known = self.pos_embed[:, 1:], self.channel_embed.unsqueeze(2)
        where = places.unsqueeze(1).expand(-1, known.shape[1], -1, -1)
        tokens = torch.stack(parts, dim=1) + torch.cat([where, known.expand(-1, -1, places.shape[1], -1)], dim=3)
        first = self.cls_token + torch.cat([self.pos_embed[:, :1], self.channel_cls_embed], dim=2)
        x = torch.cat([first.expand(x.shape[0], -1, -1), tokens.flatten(1, 2)], dim=1)
        out: Tensor = self.fc_norm(self.blocks(x)[:, 1:].mean(dim=1))
        return out

    def set_input_size(self, img_size: tuple[int, int]) -> None:
        """Take images of another size (height, width), in pixels, with resampled position embeddings, as timm's do."""
        before = self.patch_embed[0].grid_size
        for embed in self.patch_embed:
            embed.set_input_size(img_size=img_size)  # type: ignore[operator]
        resampled = resample_abs_pos_embed(self.pos_embed, self.patch_embed[0].grid_size, before)
        self.pos_embed = nn.Parameter(resampled.detach(), requires_grad=self.pos_embed.requires_grad)


def sines(width: int, positions: Tensor) -> Tensor:
    """Sines and then cosines of positions (n,), at wavelengths from 2 pi to 20000 pi: (n, width).

    >>> sines(4, torch.tensor([0])).tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """
    frequencies = torch.exp(torch.arange(width // 2, dtype=torch.float64) * (-math.log(10000.0) / (width / 2)))
    angles = positions.double()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()


def sines_of_grid(width: int, side: int) -> Tensor:
    """(side * side, width) for the places of a square grid, row by row: those of the column, then those of the row."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return torch.cat([sines(width // 2, columns.flatten()), sines(width // 2, rows.flatten())], dim=1)


def _initialise(module: nn.Module) -> None:
    """As timm's vision transformer."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
