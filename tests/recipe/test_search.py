"""Spaces of recipes, written as recipes with ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.errors import RecipeError
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.search import Choice, Range, space_of


def test_what_has_no_range_is_fixed_and_the_default_of_the_rest_stays() -> None:
    space = space_of("lp_ft?lr=1e-5..1e-3&epochs=4")
    assert space.default.name == "lp_ft?epochs=4"
    assert space.recipe({"lr": 2e-4}).name == "lp_ft?lr=0.0002&epochs=4"


def test_a_range_is_whole_where_its_ends_are_and_logarithmic_where_it_spans_decades() -> None:
    space = space_of("finetune?lr=1e-5..1e-2&epochs=3..10&layer_decay=0.5..1&from_block=-4..-1")
    assert space.searched["epochs"] == Range(3, 10, whole=True)
    assert [key for key, one in space.searched.items() if isinstance(one, Range) and one.log] == ["lr"]
    assert space.default_values() == {"lr": 1e-4, "epochs": 10, "layer_decay": 1.0, "from_block": -2}


def test_a_default_outside_of_what_is_searched_is_no_first_draw() -> None:
    assert space_of("finetune?epochs=1..3").default_values() is None
    assert space_of("finetune?augment=flip|standard").default_values() is None
    assert space_of("finetune?augment=none|standard").searched["augment"] == Choice(("none", "standard"))


@given(low=st.floats(1e-6, 1e-4), factor=st.floats(1.5, 1e3), share=st.floats(0, 1))
def test_every_value_of_a_range_makes_the_recipe_that_its_name_says(low: float, factor: float, share: float) -> None:
    space = space_of(f"finetune?lr={low}..{low * factor}")
    recipe = space.recipe({"lr": low * factor**share})
    assert load_recipe(recipe.name) == recipe


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("finetune", "nothing to search"),
        ("finetune?epochs=3", "nothing to search"),
        ("no_such?lr=1..2", "no_such"),
        ("finetune?lrr=1e-5..1e-2", "lrr"),
        ("finetune?lr=1e-2..1e-5", "lr=1e-2..1e-5"),
        ("finetune?lr=a..b", "lr=a..b"),
        ("finetune?lr=1..inf", "lr=1..inf"),
        ("finetune?epochs=0..3", "epochs"),
        ("finetune?epochs=1.5..3", "epochs"),
        ("finetune?augment=none|sideways", "augment"),
        ("finetune?augment=none|", "augment=none|"),
        ("finetune?augment=none|none", "augment=none|none"),
        ("finetune?lr=1e-5..1e-2&lr=1", "twice"),
        ("mine.yaml?lr=1..2", "written out"),
    ],
)
def test_a_mistake_is_told_before_anything_is_trained(text: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        space_of(text)
    assert told in caught.value.found
