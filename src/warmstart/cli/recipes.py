"""`warmstart recipes`: the named transfer methods, or one of them as the YAML to start an own one from."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from warmstart.cli import completion
from warmstart.cli.options import AsJson, Debug
from warmstart.cli.session import session


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Print this recipe as YAML; finetune?epochs=3 sets an option.",
            autocompletion=completion.recipes,
        ),
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of a recipe's YAML.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the recipes, or print one as YAML."""
    if schema:
        from warmstart.recipe.recipe import Recipe

        sys.stdout.write(json.dumps(Recipe.model_json_schema(), indent=2) + "\n")
        return
    with session(as_json=as_json, debug=debug) as now:
        if name is None:
            from warmstart.api.recipes import recipes as listed

            known = listed()
            now.table(("recipe", "what it does"), [(recipe.name, recipe.about) for recipe in known])
            now.say("\nwarmstart recipes NAME prints one as YAML; --recipe takes a name or such a file", "dim")
            now.result(known)
            return
        from warmstart.recipe.methods import load_recipe
        from warmstart.recipe.text import to_yaml

        recipe = load_recipe(name)
        now.say(to_yaml(recipe).rstrip())
        now.result(recipe)
