"""Features with the input beside them: what a forecast reads.

Pooled features say what kind of series it is; where it stands, and how it went up to there, its last values say.
"""

from __future__ import annotations

import dataclasses

import torch

from warmstart.model.backbone import Backbone, FeatureGroup
from warmstart.model.trace import tapped_chain

FEATURES, CONTEXT = "features", "context"
"""Names of the two groups of columns."""


def beside_input(backbone: Backbone) -> Backbone:
    """The backbone with its input, as it is read, before its features; it shares the weights.

    Its chain has no cut but the two ends: the input has to pass, beside the activations. One that has its input beside
    it already is returned as it is, and so is one that cannot be cut.
    """
    if any(group.name == CONTEXT for group in backbone.groups):
        return backbone
    chain, size = backbone.chain, backbone.spec.size
    module = chain.beside_input()
    if module is None:
        return backbone
    example = chain.inputs.example(2, size, chain.module)
    example = torch.linspace(-1, 1, example.numel()).reshape(example.shape)
    own, wide = backbone.out_features, example[0].numel()
    others = [(group.name, group.start, group.stop) for group in backbone.groups] or [(FEATURES, 0, own)]
    groups = (FeatureGroup(CONTEXT, 0, wide), *(FeatureGroup(name, a + wide, b + wide) for name, a, b in others))
    name = " + ".join(group.name for group in groups)
    return dataclasses.replace(
        backbone,
        chain=tapped_chain(module, example, chain, lowest=0, name=name),
        out_features=own + wide,
        groups=groups,
        source_head=None,
    )
