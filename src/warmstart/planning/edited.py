"""A network as a recipe's edits leave it: what its plan is compiled for, and what its first step finds."""

from __future__ import annotations

from warmstart.model.edits import apply_edits
from warmstart.model.low_rank import attach
from warmstart.model.network import Network
from warmstart.planning.groups import parts_of
from warmstart.recipe.rates import parse
from warmstart.recipe.recipe import Edits


def edited(network: Network, edits: Edits, *, seed: int = 0) -> Network:
    """Make the edits in place, and return the network; `seed` is of all that is drawn at random.

    Raises:
        RecipeError: the network has no place for one of them.
        BackboneError: there is no single input layer to reset.

    >>> from warmstart.model.catalog import load_backbone
    >>> from warmstart.model.head import LinearHead
    >>> from warmstart.recipe.recipe import Lora
    >>> backbone = load_backbone("toy")
    >>> network = edited(Network(backbone, LinearHead(backbone.out_features, 3)), Edits(lora=Lora(rank=1)))
    >>> sum(part.lora for part in parts_of(network)) > 0
    True
    """
    apply_edits(network, reset=edits.reset, dropout=edits.dropout, seed=seed)
    if edits.lora is not None:
        matches = parse(edits.lora.on)
        blocks = [block.name for block in network.facts.chain.blocks]
        meant = {part.name for part in parts_of(network) if matches(part, blocks)}
        attach(network, rank=edits.lora.rank, alpha=edits.lora.alpha, on=meant.__contains__, seed=seed)
    return network


def outlined(network: Network, edits: Edits) -> Network:
    """For a plan, which asks for names and shapes: the network itself where the edits leave those alone, else an edited
    copy. Nothing is drawn anew.
    """
    same = edits.lora is None and edits.dropout == 0
    return network if same else edited(network.clone(), edits.model_copy(update={"reset": False}))
