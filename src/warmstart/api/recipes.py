"""`recipes`: the transfer methods that have names."""

from __future__ import annotations

from warmstart.display import Rows
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.methods import recipes as registry
from warmstart.recipe.recipe import Recipe


class Recipes(Rows[Recipe]):
    """Recipes in a row; a notebook shows their names and what they do."""

    title = "Recipes"

    def cells(self, one: Recipe) -> dict[str, str]:
        """Name and description."""
        return {"name": one.name, "about": one.about}


def recipes() -> list[Recipe]:
    """All named recipes with their default values, in the order of their names.

    >>> [r.name for r in recipes() if r.name.startswith("l")]
    ['l2_sp', 'lora', 'lp_ft']
    """
    return Recipes(load_recipe(name) for name in registry)
