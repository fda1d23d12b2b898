"""What is compiled, when, and what happens where that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.engine.helpers import Told, make_data, make_network, phase_plan
from warmstart.engine import compiled
from warmstart.engine.compiled import Compiled
from warmstart.engine.suffix import Suffix
from warmstart.model.device import Device
from warmstart.recipe.phase import Phase

GPU = Device(torch.device("cuda"), behind=True, bf16=True)


class Doubled(nn.Module):
    def forward(self, activation: Tensor, targets: Tensor | None = None) -> Tensor:
        return 2 * activation


def test_a_size_that_recurs_is_compiled_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[int]()

    def compiling(call: Callable[..., Tensor], **_: Any) -> Callable[..., Tensor]:
        def fast(x: Tensor, targets: Tensor | None) -> Tensor:
            calls.append(len(x))
            return call(x, targets)

        return fast

    monkeypatch.setattr(torch, "compile", compiling)
    told, x = Told(), torch.ones(4, requires_grad=True)
    module = Compiled(Doubled(), "tune", told)
    for size in (4, 4, 3, 4, 4, 4, 3, 4):  # the last of each epoch is smaller
        assert torch.equal(module(x[:size]), 2 * x[:size])
    with torch.no_grad():
        module(x)
    assert calls == [4, 4]
    assert len(told.decided("compiled for 4 samples at once")) == 1


def test_what_cannot_be_compiled_goes_on_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(x: Tensor, targets: Tensor | None) -> Tensor:
        raise ValueError("an operation nobody knows")

    monkeypatch.setattr(torch, "compile", lambda *_, **__: refused)
    told, x = Told(), torch.ones(4, requires_grad=True)
    module = Compiled(Doubled(), "tune", told)
    for _ in range(5):
        assert torch.equal(module(x), 2 * x)
    (event,) = told.decided("not compiled, steps go on as they are")
    assert "an operation nobody knows" in event.text


def test_want_of_memory_is_not_taken_for_what_cannot_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def tight(x: Tensor, targets: Tensor | None) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch, "compile", lambda *_, **__: tight)
    module, x = Compiled(Doubled(), "tune", Told()), torch.ones(4, requires_grad=True)
    module(x)
    module(x)
    with pytest.raises(torch.OutOfMemoryError):
        module(x)


def test_compiling_is_left_where_it_does_not_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda call, **_: call)
    network, data = make_network(), make_data()
    plan, suffix = phase_plan(Phase(epochs=1), network, data), Doubled()
    assert compiled.compiled_if_it_pays(suffix, plan, GPU, Told()) is suffix  # seconds of work
    monkeypatch.setattr(compiled, "compiling_pays", lambda seconds: True)
    assert isinstance(compiled.compiled_if_it_pays(suffix, plan, GPU, Told()), Compiled)
    assert compiled.compiled_if_it_pays(suffix, plan, Device.of("cpu"), Told()) is suffix


@pytest.mark.slow
def test_a_compiled_step_trains_as_the_plain_one_does() -> None:
    network = make_network()
    suffix, told = Suffix(network, 2), Told()
    module = Compiled(suffix, "tune", told, backend="aot_eager")
    x = torch.rand(4, *network.facts.chain.activation_shape(2, 32))
    for _ in range(4):
        network.zero_grad()
        module(x).sum().backward()
    fast = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    network.zero_grad()
    suffix(x).sum().backward()
    plain = [p.grad for p in network.parameters() if p.grad is not None]
    assert told.decided("compiled for 4 samples")
    for own, other in zip(fast, plain, strict=True):
        torch.testing.assert_close(own, other)
