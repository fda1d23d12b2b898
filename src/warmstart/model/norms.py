"""Which modules normalise: by type where torch has one, else by the name that suppliers give them."""

from __future__ import annotations

from torch import nn

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
"""Torch's own; timm's variants with a fused activation are subclasses of these."""


def is_norm(module: nn.Module) -> bool:
    """Whether `module` itself is a normalisation layer (batch, layer, group, instance, RMS, ...).

    >>> is_norm(nn.BatchNorm2d(3)), is_norm(nn.RMSNorm(3)), is_norm(nn.Sequential(nn.BatchNorm2d(3)))
    (True, True, False)
    """
    if isinstance(module, NORMS):
        return True
    # A container such as timm's ConvNormAct has the word in its name but holds nothing of its own.
    holds = (
        next(module.parameters(recurse=False), None) is not None
        or next(module.buffers(recurse=False), None) is not None
    )
    return holds and "norm" in type(module).__name__.lower()


def has_batch_norm(module: nn.Module) -> bool:
    """Whether anything in `module` keeps statistics of the batches it saw.

    >>> has_batch_norm(nn.Sequential(nn.BatchNorm2d(3))), has_batch_norm(nn.LayerNorm(3))
    (True, False)
    """
    return any(isinstance(one, nn.modules.batchnorm._BatchNorm) for one in module.modules())
