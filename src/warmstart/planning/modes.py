"""Which modules stay in eval mode while a phase trains. Frozen and eval are two facts: this is the second.

In eval mode are: all that runs below the cut, all of frozen blocks, and, unless the phase lets statistics move, every
normalisation layer of the backbone, whose statistics are those of much more data. A head that trains has to find its
own. Dropout in what trains stays active.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from torch import nn

from warmstart.model.chain import Block
from warmstart.model.names import parents
from warmstart.model.network import Network
from warmstart.model.norms import is_norm


def eval_modules(
    network: Network,
    frozen: Collection[Block],
    head_frozen: bool,
    cut: int,
    norm: Literal["eval", "train", "train_all"],
) -> tuple[str, ...]:
    """Names of modules of `network` to be in eval mode, in the network's order.

    A module is named only if all that it contains is, so setting the mode of each named module or of the whole subtree
    under it comes to the same.
    """
    chain = network.facts.chain
    inside = set(chain.modules_below(cut)).union(*(chain.modules_of(block) for block in frozen))
    still = {f"backbone.{name}" if name else "backbone" for name in inside}
    modules = dict(network.named_modules())
    if head_frozen:
        still |= {name for name in modules if name == "head" or name.startswith("head.")}
    norms = _norms(modules)
    if norm == "eval":
        still |= {name for name in norms if not name.startswith("head.")}
    if norm == "train_all":
        still -= norms
    moving = {parent for name in modules if name not in still for parent in parents(name)}
    return tuple(name for name in modules if name in still and name not in moving)


def is_still(network: Network, block: Block, still: Collection[str]) -> bool:
    """Whether nothing in `block` has a train mode left: its statistics do not move and its dropout is off.

    Only modules that contain no others are asked: a container may hold a parameter of this block and be shared by all.
    """
    named = network.backbone.get_submodule
    leaves = [name for name in network.facts.chain.modules_of(block) if not any(True for _ in named(name).children())]
    return all(f"backbone.{name}" in still for name in leaves)


def _norms(modules: dict[str, nn.Module]) -> set[str]:
    """Normalisation layers with what is fused into them (timm's norms hold an activation and a dropout)."""
    found: set[str] = set()
    for name, module in modules.items():
        if is_norm(module) and not any(list(child.parameters()) for child in module.children()):
            found |= {f"{name}.{child}" if child else name for child, _ in module.named_modules()}
    return found
