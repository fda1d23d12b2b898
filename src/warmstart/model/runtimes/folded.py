"""torch with every batch norm folded into the convolution before it: one pass over each activation less.

The folding is done on a copy; the user's network stays as it is.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from warmstart.model.chain import Chain
from warmstart.model.runtimes.base import Extract, UnavailableError


def prepare(chain: Chain, cuts: tuple[int, ...], size: int) -> Extract:  # noqa: ARG001 (any size will do)
    """See `Runtime`."""
    prefixes = chain.prefixes(cuts)
    if not isinstance(prefixes, fx.GraphModule):
        raise UnavailableError("the network cannot be traced")
    network = fold(prefixes).to(memory_format=torch.channels_last)

    def extract(x: Tensor) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = network(x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x)
        return found

    return extract


def fold(network: fx.GraphModule) -> fx.GraphModule:
    """A copy of a traced network in eval mode, its batch norms folded; an activation inside a norm stays where it was.

    Raises:
        UnavailableError: there is no batch norm that follows a convolution.
    """
    folded = copy.deepcopy(network).eval()
    modules = dict(folded.named_modules())
    calls = [str(node.target) for node in folded.graph.nodes if node.op == "call_module"]
    pairs = 0
    for node in folded.graph.nodes:
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        names = str(before.target), str(node.target)
        conv, norm = (modules[name] for name in names)
        if not _foldable(conv, norm) or any(calls.count(name) > 1 for name in names):
            continue
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        _put(folded, names[0], fuse_conv_bn_eval(conv, norm))
        _put(folded, names[1], _rest(norm))
        pairs += 1
    if not pairs:
        raise UnavailableError("it has no batch norm to fold")
    return folded


def _foldable(conv: nn.Module, norm: nn.Module) -> bool:
    return isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None


def _rest(norm: nn.BatchNorm2d) -> nn.Module:
    """What else the module does: timm's norms hold the activation, and dropout that evaluation leaves out."""
    return getattr(norm, "act", None) or nn.Identity()


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, module)
