from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.api.running.budget import cache_limits, seconds
from warmstart.errors import WarmstartError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90.0),
        ("5m", 300.0),
        ("1.5h", 5400.0),
        ("90", 90.0),
        (90, 90.0),
        (0.5, 0.5),
        (" 2 m ", 120.0),
    ],
)
def test_times_are_read_as_people_write_them(text: str | float, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5 minutes", "m", "-5m", "0", "0s", "1e3", "5d", "1,5h", "nan", "inf", "5m 30s"])
def test_what_is_no_time_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(WarmstartError, match="is not a time") as caught:
        seconds(text)
    assert "90s, 5m, 2h" in caught.value.expected


@given(st.integers(1, 10_000), st.sampled_from([("s", 1), ("m", 60), ("h", 3600)]))
def test_a_unit_multiplies(number: int, unit: tuple[str, int]) -> None:
    assert seconds(f"{number}{unit[0]}") == number * unit[1]


@pytest.mark.parametrize(("text", "expected"), [("500MB", 5 * 10**8), ("2GB", 2 * 10**9), ("1.5g", 15 * 10**8), (7, 7)])
def test_sizes_are_read_as_people_write_them(text: str | int, expected: int) -> None:
    limits = cache_limits(text, "bf16")
    assert (limits.total, limits.dtype) == (expected, "bf16")
    assert limits.memory <= limits.total


@pytest.mark.parametrize(("budget", "dtype"), [("much", "fp32"), ("-1GB", "fp32"), ("1GB", "fp16")])
def test_what_is_no_size_or_format_is_refused(budget: str, dtype: str) -> None:
    with pytest.raises(WarmstartError, match=r"500MB|fp32, bf16"):
        cache_limits(budget, dtype)
