"""LoRA (Hu et al. 2022): a weight W stays as it is, and a product of two thin matrices that is added to it is trained.

W' = W + alpha / rank * B A, with A of shape (rank, in) drawn at random and B of shape (out, rank) zero, so that the
network starts as it was (eq. 3 and section 4.1). A convolution's weight counts as a matrix (out, in * height * width).
It is done to the weight and not to the layer, so it serves every kind of layer, costs next to nothing per sample, and
what it learned is added to the weight for good once training is over.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from warmstart.errors import RecipeError
from warmstart.model.chain import Chain
from warmstart.model.network import Network
from warmstart.model.norms import is_norm

WORTH = 0.5
"""Share of a weight's own elements that its two matrices may have; where it would be more, nothing is gained."""


class LowRank(nn.Module):
    """What is added to a weight of the given shape.

    >>> added = LowRank((6, 4, 3, 3), rank=2, alpha=2.0, generator=torch.Generator())
    >>> added.A.shape, added.B.shape, bool((added(torch.ones(6, 4, 3, 3)) == 1).all())
    (torch.Size([2, 36]), torch.Size([6, 2]), True)
    """

    def __init__(self, shape: tuple[int, ...], *, rank: int, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        rows, columns = shape[0], math.prod(shape[1:])
        bound = 1 / math.sqrt(columns)  # as the authors' code draws it: Kaiming's uniform with a = sqrt(5)
        self.A = nn.Parameter(torch.empty(rank, columns).uniform_(-bound, bound, generator=generator))
        self.B = nn.Parameter(torch.zeros(rows, rank))
        self.scale = alpha / rank

    def forward(self, weight: Tensor) -> Tensor:
        """The weight with the product added."""
        return weight + (self.scale * self.B @ self.A).view_as(weight)


def attach(network: Network, *, rank: int, alpha: float, on: Callable[[str], bool], seed: int) -> None:
    """Add low-rank matrices to the weights of the backbone for which `on` holds; their names join their blocks.

    The weight `backbone.X.weight` is then called `backbone.X.parametrizations.weight.original`, and the matrices
    `backbone.X.parametrizations.weight.0.A` and `.B`.

    Args:
        network: is changed in place.
        rank: of each product.
        alpha: each product counts `alpha / rank` times.
        on: whether the parameter of that name (`backbone.X.weight`) is meant.
        seed: of the matrices A.

    Raises:
        RecipeError: no weight that is meant is large enough for that rank.
    """
    chain, generator = network.facts.chain, torch.Generator().manual_seed(seed)
    places = [
        (owner, tensor, weight)
        for path, owner, tensor, weight in _weights(chain)
        if on(f"backbone.{path}.{tensor}") and _pays(weight, rank)
    ]
    if not places:
        raise RecipeError(
            f"no weight of {network.facts.card.name} among those that `lora` is `on` is large enough for rank {rank}",
            expected=f"a matrix (out, in) with {rank} * (out + in) <= {WORTH:g} * out * in",
            do="take a smaller rank, or more blocks",
        )
    for owner, tensor, weight in places:
        added = LowRank(tuple(weight.shape), rank=rank, alpha=alpha, generator=generator).to(weight)
        parametrize.register_parametrization(owner, tensor, added)
    chain.refresh()


def merge(network: Network) -> None:
    """Add what was learned to the weights for good: the network has the names and the layers it had before."""
    if _merged(network.backbone):
        network.facts.chain.refresh()


def plain(chain: Chain) -> Chain:
    """The chain as it would be after `merge`: itself where nothing is attached, else a copy.

    What depends on the weights as they are used, such as the address of stored activations, asks this one.
    """
    if not any(True for _ in _attached(chain.module)):
        return chain
    copy = chain.clone()
    _merged(copy.module)
    copy.refresh()
    return copy


def _weights(chain: Chain) -> Iterator[tuple[str, nn.Module, str, nn.Parameter]]:
    """Matrices and kernels of layers that the chain takes as a whole: (module name, module, tensor name, tensor)."""
    for path, module in chain.module.named_modules():
        if is_norm(module) or isinstance(module, nn.Embedding) or parametrize.is_parametrized(module):
            continue
        for tensor in ("weight", "in_proj_weight"):
            weight = getattr(module, tensor, None)
            if path and isinstance(weight, nn.Parameter) and weight.ndim >= 2 and not chain.opens(path):
                yield path, module, tensor, weight


def _pays(weight: Tensor, rank: int) -> bool:
    rows = weight.shape[0]
    return rank * (rows + weight.numel() // rows) <= WORTH * weight.numel()


def _attached(module: nn.Module) -> Iterator[tuple[nn.Module, str, LowRank]]:
    for owner in module.modules():
        if parametrize.is_parametrized(owner):
            held = owner.parametrizations
            assert isinstance(held, nn.ModuleDict)
            for tensor, steps in held.items():
                if isinstance(steps[0], LowRank):  # type: ignore[index]  # a ParametrizationList is a ModuleList
                    yield owner, tensor, steps[0]  # type: ignore[index]


def _merged(module: nn.Module) -> bool:
    """Merge in place; whether there was anything."""
    found = list(_attached(module))
    for owner, tensor, added in found:
        original = owner.parametrizations[tensor].original  # type: ignore[index, union-attr]
        moved = bool(added.B.detach().any())  # a zero that is added would turn -0.0 into 0.0
        weight = getattr(owner, tensor).detach() if moved else original.detach()
        _detach(owner, tensor, weight)
    return bool(found)


def _detach(owner: nn.Module, tensor: str, weight: Tensor) -> None:
    """Make it a plain module again, with this weight.

    By hand, because torch's `remove_parametrizations` takes the property from a class that copies of the layer share.
    """
    del owner.parametrizations
    owner.__class__ = type(owner).__bases__[0]
    owner.register_parameter(tensor, nn.Parameter(weight.detach().clone()))


@dataclasses.dataclass(frozen=True)
class Apart:
    """A network without what is attached to its weights, and that beside it: torch sends no module with both.

    `attached` are the path of a module, the name of its weight, and what is added to it.
    """

    network: Network
    attached: tuple[tuple[str, str, nn.Module], ...] = ()

    @classmethod
    def of(cls, network: Network) -> Apart:
        """Taken apart, as a copy where anything is attached."""
        if not any(True for _ in _attached(network.backbone)):
            return cls(network)
        copy = network.clone()
        paths = {module: path for path, module in copy.backbone.named_modules()}
        found = [(paths[owner], tensor, owner, added) for owner, tensor, added in _attached(copy.backbone)]
        for _, tensor, owner, _ in found:
            _detach(owner, tensor, owner.parametrizations[tensor].original)  # type: ignore[index, union-attr]
        copy.facts.chain.refresh()
        return cls(copy, tuple((path, tensor, added) for path, tensor, _, added in found))

    def joined(self) -> Network:
        """The network, with all that was attached to it."""
        for path, name, added in self.attached:
            parametrize.register_parametrization(self.network.backbone.get_submodule(path), name, added)
        if self.attached:
            self.network.facts.chain.refresh()
        return self.network
