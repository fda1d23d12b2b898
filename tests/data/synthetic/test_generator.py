"""Generated series: what they are made of depends on the seed alone, and those of one process belong together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmstart.data.synthetic import generate, stream
from warmstart.data.synthetic.processes import PARAMETERS, PROCESSES
from warmstart.data.synthetic.shapes import curve, noise, slid, unit, warped
from warmstart.errors import DataError

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("name", PROCESSES)
@settings(max_examples=25, deadline=None)
@given(seed=seeds, n=st.integers(1, 3), steps=st.integers(16, 80))
def test_a_process_makes_finite_series_of_any_length_that_are_not_constant(
    name: str, seed: int, n: int, steps: int
) -> None:
    rng = np.random.default_rng(seed)
    values = PROCESSES[name](rng.uniform(0, 1, PARAMETERS), rng, n, steps)
    assert values.shape == (n, steps)
    assert np.isfinite(values).all()
    assert (values.std(1) > 1e-6).all()


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("at", [0.0, 1.0 - 2**-53])
def test_a_process_takes_parameters_at_the_ends_of_their_range(name: str, at: float) -> None:
    values = PROCESSES[name](np.full(PARAMETERS, at), np.random.default_rng(0), 2, 64)
    assert np.isfinite(values).all()


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_the_beginning_of_a_stream_is_the_same_however_much_is_taken(seed: int) -> None:
    few = list(itertools.islice(stream(seed, 32, 2), 3))
    many = list(itertools.islice(stream(seed, 32, 2), 12))
    for (name, values), (other, others) in zip(few, many[:3], strict=True):
        assert name == other
        np.testing.assert_array_equal(values, others)


def test_a_corpus_is_the_same_for_a_seed_and_another_for_another() -> None:
    one, same, other = generate(30, steps=32, seed=1), generate(30, steps=32, seed=1), generate(30, steps=32, seed=2)
    for a, b in zip(one.samples, same.samples, strict=True):
        np.testing.assert_array_equal(a.source.values, b.source.values)
    assert not any(
        np.array_equal(a.source.values, b.source.values) for a, b in zip(one.samples, other.samples, strict=True)
    )


def test_each_class_is_of_one_process_and_the_ids_are_unique() -> None:
    made = generate(50, steps=32, each=4)
    assert len({sample.id for sample in made.samples}) == len(made) == 50
    assert list(made.counts.values()) == [4] * 12 + [2]
    assert {name.rpartition("-")[0] for name in made.target.classes} == set(PROCESSES)


def test_series_of_a_class_are_nearer_to_each_other_than_to_those_of_others() -> None:
    """By their spectra, which do not depend on where in time something happens."""
    made = generate(176, steps=128, seed=3, each=4)
    values = unit(np.stack([sample.source.values[0] for sample in made.samples]))
    spectra = np.log(np.abs(np.fft.rfft(values))[:, 1:] + 1e-2)
    apart = ((spectra[:, None] - spectra[None]) ** 2).mean(2) + np.diag(np.full(len(values), np.inf))
    right = made.labels[apart.argmin(1)] == made.labels
    assert right.mean() > 0.5  # by chance 3 of 175


@pytest.mark.parametrize(("n", "steps"), [(0, 64), (10, 15)])
def test_nothing_to_generate_is_said(n: int, steps: int) -> None:
    with pytest.raises(DataError, match="generated"):
        generate(n, steps=steps)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, steps=st.integers(2, 60), strength=st.floats(0, 1))
def test_warped_time_runs_from_start_to_end_and_never_back(seed: int, steps: int, strength: float) -> None:
    places = warped(np.random.default_rng(seed), 3, steps, strength)
    assert (np.diff(places, axis=1) > 0).all()
    np.testing.assert_allclose(places[:, [0, -1]], [[0, 1]] * 3, atol=1e-12)


def test_a_curve_goes_through_its_heights() -> None:
    heights = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(curve(heights, np.array([[0.0, 0.5, 1.0]]))[0], heights)


@pytest.mark.parametrize("colour", [0.0, 2.0])
def test_noise_has_the_colour_that_is_asked_for(colour: float) -> None:
    power = (np.abs(np.fft.rfft(noise(np.random.default_rng(0), 200, 256, colour))) ** 2).mean(0)[1:-1]
    slope = np.polyfit(np.log(np.arange(1, len(power) + 1)), np.log(power), 1)[0]
    assert slope == pytest.approx(-colour, abs=0.1)


def test_rows_are_moved_by_their_own_number_of_steps() -> None:
    found = slid(np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]), np.array([1, -1]))
    assert found.tolist() == [[2, 0, 1], [4, 5, 3]]
