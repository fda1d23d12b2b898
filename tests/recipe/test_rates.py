import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.errors import RecipeError
from warmstart.recipe.rates import Part, assign, parse

BLOCKS = ["stem", "stage 1", "stage 2", "stage 3"]
PARTS = [
    Part("backbone.conv_stem.weight", 0),
    Part("backbone.bn1.weight", 0, norm=True),
    Part("backbone.bn1.bias", 0, norm=True),
    Part("backbone.blocks.0.conv.weight", 1),
    Part("backbone.blocks.0.conv.bias", 1),
    Part("backbone.blocks.1.attn.in_proj_bias", 2),
    Part("backbone.blocks.2.norm.weight", 3, norm=True),
    Part("head.linear.weight", None),
    Part("head.linear.bias", None),
]


def matched(pattern: str) -> list[int]:
    matches = parse(pattern)
    return [i for i, part in enumerate(PARTS) if matches(part, BLOCKS)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("head", [7, 8]),
        ("backbone", [0, 1, 2, 3, 4, 5, 6]),
        ("block:0", [0, 1, 2]),
        ("block:-1", [6]),
        ("block:1..2", [3, 4, 5]),
        ("block:2..", [5, 6]),
        ("block:..1", [0, 1, 2, 3, 4]),
        ("block:-2..", [5, 6]),
        ("block:-3..-2", [3, 4, 5]),
        ("block:stage 2", [5]),
        ("block:stage*", [3, 4, 5, 6]),
        ("depth:0", [0, 1, 2, 3, 4, 5, 6]),
        ("depth:0.5", [5, 6]),
        ("depth:0.75", [6]),
        ("bias", [2, 4, 5, 8]),
        ("norm", [1, 2, 6]),
        ("bias | norm", [1, 2, 4, 5, 6, 8]),
        ("backbone & bias", [2, 4, 5]),
        ("block:0 & norm | head & bias", [1, 2, 8]),
        ("blocks.0", [3, 4]),
        ("backbone.blocks.0", [3, 4]),
        ("backbone.blocks.0.conv.weight", [3]),
        ("*.conv", [3, 4]),
        ("blocks.*.norm", [6]),
        ("head.linear.bias", [8]),
        ("bn1", [1, 2]),
    ],
)
def test_a_pattern_matches_just_what_it_names(pattern: str, expected: list[int]) -> None:
    assert matched(pattern) == expected


def test_a_range_that_reaches_beyond_the_first_block_is_clipped() -> None:
    assert matched("block:-9..") == matched("backbone")
    assert matched("block:0..99") == matched("backbone")


def test_an_index_beyond_the_network_is_not_clipped() -> None:
    with pytest.raises(RecipeError, match="block:7"):
        assign(["block:7", "*"], PARTS, BLOCKS)


@pytest.mark.parametrize(
    "pattern", ["", "block:", "block:..", "block:1..x", "depth:2", "depth:abc", "head &", "| bias"]
)
def test_a_malformed_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(RecipeError, match="Expected"):
        parse(pattern)


def test_the_first_row_that_matches_wins() -> None:
    assert assign(["head", "bias", "*"], PARTS, BLOCKS) == (2, 2, 1, 2, 1, 1, 2, 0, 0)


def test_a_row_shadowed_by_earlier_rows_is_legal() -> None:
    assert set(assign(["backbone", "head", "*"], PARTS, BLOCKS)) == {0, 1}


def test_a_row_that_matches_nothing_shows_the_nearest_names() -> None:
    with pytest.raises(RecipeError) as caught:
        assign(["blocks.0.conf", "*"], PARTS, BLOCKS)
    assert "'blocks.0.conf'" in caught.value.found
    assert "blocks.0.conv" in caught.value.do
    assert "3 'stage 3'" in caught.value.expected


def test_a_parameter_in_no_row_is_named() -> None:
    with pytest.raises(RecipeError) as caught:
        assign(["head", "block:1.."], PARTS, BLOCKS)
    assert "'backbone.conv_stem.weight' (and 2 more)" in caught.value.found


patterns = st.sampled_from(
    [
        "head",
        "backbone",
        "block:-1",
        "block:1..",
        "block:..2",
        "depth:0.5",
        "bias",
        "norm",
        "blocks.*",
        "bias & head",
    ]
)


@given(st.lists(patterns, max_size=6))
def test_every_parameter_is_in_the_first_row_that_matches_it(rows: list[str]) -> None:
    table = [*rows, "*"]
    for part, row in zip(PARTS, assign(table, PARTS, BLOCKS), strict=True):
        assert parse(table[row])(part, BLOCKS)
        assert not any(parse(earlier)(part, BLOCKS) for earlier in table[:row])
