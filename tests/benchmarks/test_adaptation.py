"""The benchmark of adaptation: its data are what DomainBed has, and its tables say what was run."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from benchmarks.adaptation import METHODS, SETTINGS, digits_table, recipe, some_of
from benchmarks.domainbed import Cell, Domain, coloured

from benchmarks import domainbed


def made(n: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    """White squares, and ten classes in turn."""
    return torch.ones(n, 1, 14, 14), torch.arange(n) % 10


def test_a_colour_says_the_label_as_often_as_it_should_and_no_more() -> None:
    x, y = made(20_000)
    found = coloured(x, y, 0.1, np.random.default_rng(0))
    red = found.x[:, 1].amax((1, 2))
    assert torch.equal(found.x.amax((2, 3)).sum(1), torch.ones(len(y))), "one colour each"
    assert float((red == found.y).float().mean()) == pytest.approx(0.9, abs=0.01)
    assert float(((y < 5) == found.y.bool()).float().mean()) == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("method", domainbed.METHODS)
def test_every_method_trains_and_never_sees_the_domain_held_out(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = made()
    broken = Domain(torch.full_like(x, torch.nan), y)
    monkeypatch.setattr(domainbed, "domains", lambda *_: (Domain(x, y), broken, Domain(x, y)))
    short = dataclasses.replace(domainbed.SHORT, steps=2, every=1, batch=4)
    row = domainbed.run(Cell("rotated", 1, method, 0), short)
    assert len(row["curve"]) == 2
    assert np.isfinite(row["curve"]).all()


def test_the_table_has_a_row_for_each_method_and_a_dash_for_what_is_missing() -> None:
    row = {"data": "colored", "held_out": 0, "method": "ERM", "seed": 0, "accuracy": 0.7, "training_domains": 0.8}
    text = domainbed.table([row], domainbed.SHORT)
    assert "| ERM | 70.0 | - | - | - | 51.5 | 80.0 |" in text
    assert "300 steps of 32 images" in text


def test_all_methods_train_alike_and_the_choice_is_shown_beside_them() -> None:
    assert [recipe(name, 8).name for name in METHODS] == list(METHODS)
    values = dict.fromkeys(METHODS, 0.5)
    row = {
        "source": "mnist",
        "target": "digits",
        "accuracy": values | {"mcc": 0.9},
        "source_accuracy": values,
        "seconds": values,
        "oracle": "mcc",
        "picks": dict.fromkeys(("snd", "entropy", "mano", "dev"), "dann"),
    }
    text = digits_table([row])
    assert "| mcc | 90.0 | +40.0 | 50.0 |" in text
    assert "| *chosen by dev: dann* | 50.0 |" in text


def test_some_methods_and_pairs_are_a_setting_of_another_name() -> None:
    found = some_of(SETTINGS["lite0"], ["gradual"], ["mnist to digits"])
    assert (found.name, found.pairs) == ("lite0_gradual", (("mnist", "digits"),))
    assert [one.name for one in found.recipes(4)] == ["source_only", "gradual"]
    assert some_of(SETTINGS["digits"], None, None) == SETTINGS["digits"]
