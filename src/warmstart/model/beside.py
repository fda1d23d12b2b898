"""Features with the input beside them: what a forecast reads.

Pooled features say what kind of series it is; where it stands, and how it went up to there, its last values say.
"""

from __future__ import annotations

import copy
import dataclasses

import torch
from torch import Tensor, nn

from warmstart.model.backbone import Backbone, FeatureGroup
from warmstart.model.chain import Chain, Cut
from warmstart.model.trace import tapped_chain

FEATURES, CONTEXT = "features", "context"
"""Names of the two groups of columns."""


def beside_input(backbone: Backbone) -> Backbone:
    """The backbone with its input, as it is read, before its features; it shares the weights.

    Its chain has no cut but the two ends: the input has to pass, beside the activations. One that has its input beside
    it already is returned as it is.
    """
    if any(group.name == CONTEXT for group in backbone.groups):
        return backbone
    chain, size = backbone.chain, backbone.spec.size
    example = chain.inputs.example(2, size, chain.module)
    example = torch.linspace(-1, 1, example.numel()).reshape(example.shape)
    own, wide = backbone.out_features, example[0].numel()
    others = [(group.name, group.start, group.stop) for group in backbone.groups] or [(FEATURES, 0, own)]
    groups = (FeatureGroup(CONTEXT, 0, wide), *(FeatureGroup(name, a + wide, b + wide) for name, a, b in others))
    name = " + ".join(group.name for group in groups)
    traced = chain.beside_input()
    whole = _uncut(chain, name) if traced is None else tapped_chain(traced, example, chain, lowest=0, name=name)
    return dataclasses.replace(
        backbone,
        chain=whole,
        out_features=own + wide,
        groups=groups,
        source_head=None,
    )


def _uncut(chain: Chain, name: str) -> Chain:
    """The chain of a network that was not traced, with its input before its features."""
    module = copy.copy(chain.module)
    kind = type(module)

    def forward(self: nn.Module, x: Tensor) -> Tensor:
        return torch.cat([x.flatten(1), kind.forward(self, x)], 1)

    module.__class__ = type(kind.__name__, (kind,), {"forward": forward})
    cuts = (Cut(0, "input"), Cut(1, name))
    blocks = tuple(dataclasses.replace(block, cut=1) for block in chain.blocks)
    modules = tuple(chain.modules_of(block) for block in chain.blocks)
    return Chain(module, cuts, blocks, None, "its input passes beside it", chain.inputs, modules)
