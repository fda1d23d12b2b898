"""What a bundle says of how it was made."""

from __future__ import annotations

from warmstart.recipe.recipe import Recipe
from warmstart.recipe.text import from_yaml
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.files import verified

NAME = "recipe.yaml"


def recipes_of(bundle: Bundle) -> tuple[Recipe, ...]:
    """The recipes that its networks were trained by, that of the first one first; none where it does not say them.

    Raises:
        RecipeError: the text is no recipe, or one of another version.
        BundleError: the file is not what it was when the bundle was written.
    """
    if NAME not in bundle.manifest.files:
        return ()
    text = verified(bundle.folder, NAME, bundle.manifest.files[NAME]).decode("utf-8")
    return tuple(from_yaml(f"{part}\n") for part in text.split("\n---\n") if part.strip())
