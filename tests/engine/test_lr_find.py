"""The range test finds a rate, the same one each time, and leaves no trace in the network."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.helpers import Told, identical, make_data, make_network, state_of, train
from warmstart.engine.lr_find import HIGHEST, LOWEST, STEPS, choose
from warmstart.recipe.phase import Phase

RATES = list(np.geomspace(LOWEST, HIGHEST, STEPS))
AUTO = Phase(rates=(("head", "auto"), ("*", None)), epochs=2, batch_size=8)


def curve(falls_at: float, explodes_at: float) -> list[float]:
    """A loss that falls around one rate and explodes around another, as range tests do."""
    return [2.0 - 1.5 / (1 + (falls_at / rate) ** 2) + (rate / explodes_at) ** 2 for rate in RATES]


@pytest.mark.parametrize(("falls_at", "explodes_at"), [(1e-4, 1e-1), (1e-3, 0.3), (1e-2, 0.7)])
def test_the_rate_lies_where_the_loss_falls_and_well_below_where_it_explodes(
    falls_at: float, explodes_at: float
) -> None:
    rate = choose(RATES, curve(falls_at, explodes_at))
    assert rate is not None
    assert falls_at / 10 < rate < explodes_at / 5


@pytest.mark.parametrize("losses", [[1.0] * STEPS, list(np.linspace(1, 3, STEPS)), [1.0, 0.5]])
def test_a_loss_that_does_not_fall_gives_no_rate(losses: list[float]) -> None:
    assert choose(RATES[: len(losses)], losses) is None


def test_it_is_told_and_repeatable_and_trains_from_untouched_weights() -> None:
    told = [Told(), Told()]
    results = [train(AUTO, make_network(), make_data(), listener=listener) for listener in told]
    first, second = (listener.decided("learning rate")[0].details["rate"] for listener in told)
    assert first == second
    assert identical(results[0].last, results[1].last)
    fixed = AUTO.model_copy(update={"rates": (("head", first), ("*", None))})
    assert identical(train(fixed, make_network(), make_data()).last, results[0].last)


def test_the_network_that_is_tested_keeps_every_bit() -> None:
    network = make_network()
    before = state_of(network)
    frozen = AUTO.model_copy(update={"rates": (("*", "auto"),), "norm": "train"})
    seen: list[bool] = []
    told = Told()

    def listen(event: object) -> None:
        told(event)  # type: ignore[arg-type]
        if told.decided("learning rate") and not seen:
            seen.append(identical(before, network.state_dict()))

    train(frozen, network, make_data(), listener=listen)
    assert seen == [True]
