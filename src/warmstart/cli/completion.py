"""What the shell offers behind an option, at the Tab key: names that are known without torch."""

from __future__ import annotations


def recipes(incomplete: str) -> list[str]:
    """Names of recipes that begin so; of methods with commas between them, of the last.

    >>> recipes("lp")
    ['lp_ft']
    >>> recipes("probe,lp")
    ['probe,lp_ft']
    """
    from warmstart.recipe.methods import recipes as known

    return _continued(incomplete, list(known))


def backbones(incomplete: str) -> list[str]:
    """Names of backbones that begin so, likewise.

    >>> backbones("lite0,dinov2_s")
    ['lite0,dinov2_small']
    """
    from warmstart.model.table import rows

    return _continued(incomplete, [row.name for row in rows()])


def _continued(incomplete: str, names: list[str]) -> list[str]:
    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in names if name.startswith(begun)]
