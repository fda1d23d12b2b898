"""What a bundle keeps to judge its answers by: there, damaged, or missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.shipping.helpers import Write, a_network, forge
from warmstart.errors import BundleError, DataError
from warmstart.evaluation.unknowns import Bank
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reference import NAME, Reference, from_bytes, to_bytes

SCORES = np.linspace(0.05, 0.8, 20)


def a_bank(threshold: float, rows: int = 6) -> Bank:
    width = a_network().facts.out_features
    bank = Bank.of(torch.rand(rows, width, generator=torch.Generator().manual_seed(0)))
    return Bank(bank.rows, threshold)


@pytest.fixture
def judging(write: Write) -> Callable[..., Bundle]:
    def make(threshold: float = 0.5, **options: object) -> Bundle:
        name = f"judging-{threshold}"
        return Bundle.load(write(name, reference=Reference(SCORES, a_bank(threshold)), **options))

    return make


def test_it_reads_back_as_it_was_written() -> None:
    for bank in (None, a_bank(0.25)):
        found = from_bytes(to_bytes(Reference(SCORES, bank)), a_network().facts.out_features)
        np.testing.assert_array_equal(found.scores, SCORES)
        assert (found.bank is None) == (bank is None)
        if bank is not None and found.bank is not None:
            assert found.bank.threshold == 0.25
            assert torch.equal(found.bank.rows, bank.rows)


def test_the_distance_is_by_the_features_of_the_first_network_and_judged_by_the_threshold(
    judging: Callable[..., Bundle], digits: list[Path]
) -> None:
    bundle = judging(networks=[a_network(1), a_network(2)])
    seen: list[torch.Tensor] = []
    handle = bundle.networks[0].backbone.register_forward_hook(lambda module, inputs, out: seen.append(out))
    rows = bundle.predict(digits)
    handle.remove()
    assert len(seen) == 1, "one batch passes through a backbone once"
    distances = a_bank(0.5).distances(seen[0])
    assert [row["distance"] for row in rows] == pytest.approx(distances.tolist(), abs=1e-6)
    middle = float(np.median(distances))
    assert [row["unknown"] for row in judging(middle, networks=[a_network(1), a_network(2)]).predict(digits)] == [
        bool(distance > middle) for distance in distances
    ]


def test_labels_and_probabilities_are_those_of_a_bundle_without_it(
    judging: Callable[..., Bundle], write: Write, digits: list[Path]
) -> None:
    told = ("input", "label", "probabilities", "error")
    plain = Bundle.load(write()).predict(digits)
    assert [[row[key] for key in told] for row in judging().predict(digits, coverage=0.9)] == [
        [row[key] for key in told] for row in plain
    ]
    assert all((row["unknown"], row["distance"]) == (None, None) and "set" not in row for row in plain)


def test_a_set_is_there_where_it_was_asked_for_the_most_probable_first(
    judging: Callable[..., Bundle], digits: list[Path], tmp_path: Path
) -> None:
    bundle = judging()
    rows = bundle.predict([*digits, tmp_path / "missing.png"], coverage=0.9)
    assert rows[-1]["set"] is None
    for row in rows[:-1]:  # the 19th of 20 scores is 0.7605
        inside = {name for name, p in row["probabilities"].items() if 1 - p <= SCORES[18]} | {row["label"]}
        assert set(row["set"]) == inside
        assert row["set"] == sorted(row["set"], key=row["probabilities"].__getitem__, reverse=True)
    assert bundle.predict([tmp_path / "missing.png"], coverage=0.9)[0]["set"] is None


def test_a_coverage_that_cannot_be_had_is_refused(
    judging: Callable[..., Bundle], write: Write, digits: list[Path]
) -> None:
    with pytest.raises(DataError, match=r"20 validation samples cannot support a coverage of 0\.99"):
        judging().predict(digits, coverage=0.99)
    with pytest.raises(BundleError, match=NAME) as caught:
        Bundle.load(write()).predict(digits, coverage=0.9)
    assert "fit again" in caught.value.do


def test_damage_is_named(judging: Callable[..., Bundle]) -> None:
    folder = judging().folder
    content = bytearray((folder / NAME).read_bytes())
    content[-3] ^= 1
    (folder / NAME).write_bytes(content)
    with pytest.raises(BundleError, match=NAME):
        Bundle.load(folder)


@pytest.mark.parametrize(
    "reference",
    [
        Reference(SCORES[::-1], None),
        Reference(SCORES, Bank(torch.ones(4, 3).half(), 0.5)),
        Reference(SCORES, Bank(torch.ones(0, a_network().facts.out_features).half(), 0.5)),
        Reference(SCORES, a_bank(float("nan"))),
    ],
    ids=["scores that are not sorted", "features of another network", "an empty bank", "no threshold"],
)
def test_what_does_not_fit_the_network_is_a_bundle_error(write: Write, reference: Reference) -> None:
    folder = write()
    (folder / NAME).write_bytes(to_bytes(reference))
    forge(folder)
    with pytest.raises(BundleError, match="does not fit"):
        Bundle.load(folder)


def test_a_file_that_is_no_safetensors_is_a_bundle_error(write: Write) -> None:
    folder = write()
    (folder / NAME).write_bytes(b"not tensors")
    forge(folder)
    with pytest.raises(BundleError):
        Bundle.load(folder)
