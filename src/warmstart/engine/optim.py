"""From the groups of a plan to an optimizer. Nothing here decides what trains: `engine.freeze` has done that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from warmstart.model.device import Device
from warmstart.planning.plan import ParamGroup, PhasePlan
from warmstart.recipe.phase import GradientStep


def base_rates(groups: Sequence[ParamGroup], auto: float | None = None) -> list[float]:
    """The full learning rate of each group, `rate * scale`; `auto` stands for a rate that the range test found.

    >>> base_rates([ParamGroup("*", "head", 0.1, 0.5, 0.0, ("w",), 1)])
    [0.05]
    """
    rates = []
    for group in groups:
        rate = auto if group.rate == "auto" else group.rate
        if rate is None:
            raise ValueError(f"the rate of {group.pattern!r} is to be found by a range test, which has not run")
        rates.append(float(rate) * group.scale)
    return rates


def build_optimizer(network: nn.Module, plan: PhasePlan, rates: Sequence[float]) -> torch.optim.Optimizer:
    """The phase's optimizer over exactly the parameters that the plan trains, one group per group of the plan.

    Parameters keep the order of the plan, so optimizer state can be stored by position. A frozen parameter is in no
    group: neither momentum nor weight decay can reach it. `requires_grad` is read by nobody here and changed by
    nobody.
    """
    named = dict(network.named_parameters())
    groups: list[dict[str, Any]] = [
        {"params": [named[name] for name in group.parameters], "lr": rate, "weight_decay": group.weight_decay}
        for group, rate in zip(plan.groups, rates, strict=True)
    ]
    behind = any(Device.of(parameter.device).behind for group in groups for parameter in group["params"])
    return _of_kind(plan.phase, groups, fused=behind or None)


def _of_kind(phase: GradientStep, groups: list[dict[str, Any]], *, fused: bool | None) -> torch.optim.Optimizer:
    """`fused`: one kernel for all parameters, which leaves an update out where the device itself says so."""
    if phase.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=phase.momentum, nesterov=phase.momentum > 0, fused=fused)
    if phase.optimizer == "adam":
        return torch.optim.Adam(groups, fused=fused)
    return torch.optim.AdamW(groups, fused=fused)
