"""`warmstart recipes`: the named transfer methods, or one of them as the YAML to start an own one from."""

from __future__ import annotations

from typing import Annotated

import typer

from warmstart.cli.options import AsJson, Debug
from warmstart.cli.session import session
from warmstart.errors import RecipeError, nearest


def recipes(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Print this recipe as YAML.")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the recipes, or print one as YAML."""
    with session(as_json=as_json, debug=debug) as now:
        from warmstart.api.recipes import recipes as listed
        from warmstart.recipe.text import to_yaml

        known = {recipe.name: recipe for recipe in listed()}
        if name is None:
            now.table(("recipe", "what it does"), [(recipe.name, recipe.about) for recipe in known.values()])
            now.say("\nwarmstart recipes NAME prints one as YAML; --recipe takes a name or such a file", "dim")
            now.result(list(known.values()))
            return
        if name not in known:
            raise RecipeError(
                f"no recipe is called {name!r}", expected=f"one of {', '.join(known)}", do=f"try {nearest(name, known)}"
            )
        now.say(to_yaml(known[name]).rstrip())
        now.result(known[name])
