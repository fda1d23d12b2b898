"""Puts a network into the state that a plan describes. Derived from the plan alone, never from what was before.

Because `apply` looks at nothing but the plan, calling it twice, after a resume, or after an evaluation that flipped
modes gives the same network: a resumed run cannot freeze anything else than the first one did (the fault of hooks that
act on the edge between epochs).
"""

from __future__ import annotations

from torch import nn

from warmstart.planning.plan import PhasePlan


def apply(network: nn.Module, plan: PhasePlan) -> None:
    """Set `requires_grad` and train/eval of every parameter and module of `network` as `plan` says.

    Frozen parameters lose their gradient, so that a gradient left by an earlier phase can neither move them nor count
    in the clipping norm. Raises `ValueError` if plan and network are not about the same parameters.
    """
    named = dict(network.named_parameters())
    trained = {name for group in plan.groups for name in group.parameters}
    if trained | set(plan.frozen) != set(named) or trained & set(plan.frozen):
        raise ValueError("the plan was compiled for another network: its groups do not partition the parameters")
    for name, parameter in named.items():
        parameter.requires_grad_(name in trained)
        if name not in trained:
            parameter.grad = None
    still = set(plan.eval_modules)
    for name, module in network.named_modules():
        module.training = name not in still


def release(network: nn.Module) -> None:
    """Leave a network as one finds it after building: eval mode, every parameter trainable, no gradients."""
    network.eval()
    for parameter in network.parameters():
        parameter.requires_grad_(True)
        parameter.grad = None
