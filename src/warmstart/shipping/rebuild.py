"""A network to safetensors, and back from them and the facts in the manifest."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import safetensors.torch
import torch

from warmstart.data.scenes import SceneTarget
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.head import build_head
from warmstart.model.network import Network
from warmstart.model.undrawn import Undrawn
from warmstart.preprocess.series import SeriesSpec
from warmstart.shipping import known as known_file
from warmstart.shipping import reference as reference_file
from warmstart.shipping.manifest import STRUCTURE, Manifest, Member
from warmstart.task.base import suited


def to_bytes(network: Network) -> bytes:
    """All parameters and buffers as the content of a safetensors file. Shared tensors are written once per name."""
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    return safetensors.torch.save(state)


def networks(facts: Manifest, files: Mapping[str, bytes]) -> tuple[Network, ...]:
    """The networks of a bundle, frozen and in eval mode. The pretrained weights are neither needed nor read.

    Raises `BackboneError` for an unknown architecture; `SafetensorError`, `KeyError`, `TypeError`, `ValueError` or
    `RuntimeError` where weights, heads and architecture do not fit each other.
    """
    with Undrawn():  # each weight is in the bundle, or it is no bundle
        backbone = load_backbone(facts.backbone.name, pretrained=False, structure=files.get(STRUCTURE, b""))
    if isinstance(backbone.spec, SeriesSpec) or isinstance(facts.target, SceneTarget):
        backbone = suited(backbone, facts.target)  # what a forecast reads, and which maps, depends on what is asked
    # The weights are the bundle's, so the card is too: the sum of a random initialisation would mean nothing.
    backbone = dataclasses.replace(backbone, card=facts.backbone)
    *others, last = facts.members
    copies = [backbone.clone() for _ in others]
    return tuple(
        _network(own, member, files[member.weights], len(facts.classes))
        for own, member in zip([*copies, backbone], [*others, last], strict=True)
    )


def reference(files: Mapping[str, bytes], network: Network) -> reference_file.Reference | None:
    """What answers are judged by, if the bundle has it; `network` is the first. Raises as `networks` does."""
    content, names = files.get(reference_file.NAME), files.get(known_file.NAME)
    if content is None:
        return None
    found = reference_file.from_bytes(content, network.facts.out_features)
    if names is None or found.bank is None:
        return found
    return dataclasses.replace(found, known=known_file.from_bytes(names, len(found.bank.rows)))


def _network(backbone: Backbone, member: Member, weights: bytes, classes: int) -> Network:
    network = Network(backbone, build_head(member.head))
    if member.head.get("outputs", classes) != classes:  # a head that writes has none
        raise ValueError(f"a head of {member.head['outputs']} outputs for {classes} classes")
    network.load_state_dict(safetensors.torch.load(weights), strict=True)
    network.eval().requires_grad_(False)
    for parameter in network.parameters():
        if parameter.ndim == 4:  # as the inputs are: about twice as fast for convolutions on a CPU
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
