"""A table of rates against the parameters of a network: groups for the optimizer, and what stays frozen.

Invariant: the groups and the frozen names partition the parameters. Nothing on the network is changed.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from warmstart.errors import RecipeError
from warmstart.model.low_rank import LowRank
from warmstart.model.network import Network
from warmstart.model.norms import is_norm
from warmstart.planning.plan import ParamGroup
from warmstart.recipe.phase import GradientStep
from warmstart.recipe.rates import Part, assign


def parts_of(network: Network) -> tuple[Part, ...]:
    """Every parameter as patterns see it, in the order of `network.named_parameters()`."""
    block_of = {name: block.index for block in network.facts.chain.blocks for name in block.parameters}
    norms = {name for name, module in network.named_modules() if is_norm(module)}
    low_rank = {name for name, module in network.named_modules() if isinstance(module, LowRank)}
    return tuple(
        Part(
            name,
            block_of[name.removeprefix("backbone.")] if name.startswith("backbone.") else None,
            norm=name.rpartition(".")[0] in norms,
            lora=name.rpartition(".")[0] in low_rank,
        )
        for name, _ in network.named_parameters()
    )


def group_parameters(phase: GradientStep, network: Network) -> tuple[tuple[ParamGroup, ...], tuple[str, ...]]:
    """Groups of parameters that train alike (one row, one block, one weight decay), and the names of all others.

    Weight decay is 0 for what has one dimension (biases, scales of normalisation), as is the custom since Goyal et al.
    (2017), and for the backbone where L2-SP pulls towards the start instead of towards 0.

    Raises:
        RecipeError: a row matches nothing, a parameter is in no row, or nothing is trained.
    """
    blocks = [block.name for block in network.facts.chain.blocks]
    parts = parts_of(network)
    rows = assign([pattern for pattern, _ in phase.rates], parts, blocks)
    tensors = dict(network.named_parameters())
    members: dict[tuple[int, int | None, float], list[str]] = {}
    frozen = []
    for part, row in zip(parts, rows, strict=True):
        if phase.rates[row][1] is None:
            frozen.append(part.name)
            continue
        members.setdefault((row, part.block, _weight_decay(phase, part, tensors[part.name])), []).append(part.name)
    if not members:
        raise RecipeError(
            f"{phase.kind} {phase.name!r} trains nothing: every parameter falls in a row with the rate null",
            expected="a rate for at least one part",
            do="give a row a rate, or move it up: the first row that matches wins",
        )
    groups = []
    for (row, block, decay), names in members.items():
        pattern, rate = phase.rates[row]
        assert rate is not None, "rows without a rate are frozen"
        groups.append(
            ParamGroup(
                pattern=pattern,
                block="head" if block is None else blocks[block],
                rate=rate,
                scale=_scale(phase.layer_decay, block, len(blocks)),
                weight_decay=decay,
                parameters=tuple(names),
                numel=sum(tensors[name].numel() for name in names),
            )
        )
    return tuple(groups), tuple(frozen)


def trained_per_block(groups: Iterable[ParamGroup]) -> dict[str, int]:
    """Number of elements that move, by name of block (or "head")."""
    counts: dict[str, int] = {}
    for group in groups:
        counts[group.block] = counts.get(group.block, 0) + group.numel
    return counts


def _weight_decay(phase: GradientStep, part: Part, tensor: nn.Parameter) -> float:
    held = phase.l2_sp > 0 and part.block is not None
    return 0.0 if tensor.ndim <= 1 or held else phase.weight_decay


def _scale(layer_decay: float, block: int | None, blocks: int) -> float:
    return 1.0 if block is None else float(layer_decay ** (blocks - 1 - block))
