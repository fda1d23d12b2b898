"""`recipes`: the transfer methods that have names."""

from __future__ import annotations

from warmstart.recipe.methods import load_recipe
from warmstart.recipe.methods import recipes as registry
from warmstart.recipe.recipe import Recipe


def recipes() -> list[Recipe]:
    """All named recipes with their default values, in the order of their names.

    >>> [r.name for r in recipes() if r.name.startswith("l")]
    ['l2_sp', 'lora', 'lp_ft']
    """
    return [load_recipe(name) for name in registry]
