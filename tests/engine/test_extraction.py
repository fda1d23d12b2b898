from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.engine.helpers import make_data
from warmstart.cache.wanted import BATCH
from warmstart.engine import extraction
from warmstart.engine.extraction import choose
from warmstart.errors import RunError
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.chain import Chain
from warmstart.model.runtimes.base import Extract, Runtime, UnavailableError, runtimes
from warmstart.registry import Registry

MANY = 10**6


@pytest.fixture
def backbone() -> Backbone:
    return load_backbone("toy")


def fake(factor: float = 1.0, seconds: float = 0.0, why_not: str = "") -> Runtime:
    def prepare(chain: Chain, cuts: tuple[int, ...], size: int) -> Extract:
        if why_not:
            raise UnavailableError(why_not)
        own = runtimes["torch"](chain, cuts, size)

        def extract(x: Tensor) -> tuple[Tensor, ...]:
            time.sleep(seconds)
            return tuple(factor * out for out in own(x))

        return extract

    return prepare


def only(monkeypatch: pytest.MonkeyPatch, torch_seconds: float = 0.0, **others: Runtime) -> None:
    registry: Registry[Runtime] = Registry("runtime")
    registry.add("torch", fake(seconds=torch_seconds))
    for name, runtime in others.items():
        registry.add(name, runtime)
    monkeypatch.setattr("warmstart.cache.computing.runtimes", registry)
    monkeypatch.setattr("warmstart.cache.computing._READY", OrderedDict())
    monkeypatch.setattr(extraction, "version", lambda name: "1")
    monkeypatch.setattr(extraction, "PREPARATION", dict.fromkeys(others, 1.0))
    monkeypatch.setattr(extraction, "_SECONDS", 0.05)


def test_the_faster_runtime_that_agrees_is_taken(monkeypatch: pytest.MonkeyPatch, backbone: Backbone) -> None:
    only(monkeypatch, torch_seconds=0.05, quick=fake(), slow=fake(seconds=0.2))
    found = choose(backbone, make_data(), MANY, 100.0)
    assert found.runtime == "quick"
    assert found.rates["quick"] > found.rates["torch"] > found.rates["slow"]


def test_one_that_gives_other_outputs_is_not_taken_however_fast(
    monkeypatch: pytest.MonkeyPatch, backbone: Backbone
) -> None:
    only(monkeypatch, torch_seconds=0.05, wrong=fake(factor=1.01), broken=fake(why_not="no such operation"))
    found = choose(backbone, make_data(), MANY, 100.0)
    assert found.runtime == "torch"
    assert "differ by 1.0e-02" in found.why_not["wrong"]
    assert found.why_not["broken"] == "no such operation"


def test_little_work_is_done_by_torch_without_measuring(monkeypatch: pytest.MonkeyPatch, backbone: Backbone) -> None:
    only(monkeypatch, quick=fake(why_not="must not be prepared"))
    assert choose(backbone, make_data(), 100, 100.0) == extraction.Choice("torch", {"torch": 100.0}, {})


def test_the_choice_is_remembered_beside_the_activations(
    monkeypatch: pytest.MonkeyPatch, backbone: Backbone, tmp_path: Path
) -> None:
    only(monkeypatch, torch_seconds=0.05, quick=fake())
    first = choose(backbone, make_data(folder=tmp_path), MANY, 100.0)
    only(monkeypatch, quick=fake(why_not="must not be asked again"))
    assert choose(backbone, make_data(folder=tmp_path), MANY, 100.0) == first


def test_what_takes_longer_to_prepare_than_the_work_is_not_tried(
    monkeypatch: pytest.MonkeyPatch, backbone: Backbone
) -> None:
    only(monkeypatch, torch_seconds=0.05, quick=fake(), slow=fake(why_not="must not be prepared"))
    monkeypatch.setattr(extraction, "PREPARATION", {"quick": 1.0, "slow": 1e6})
    found = choose(backbone, make_data(), MANY, 100.0)
    assert found.runtime == "quick"
    assert "slow" not in found.rates | found.why_not


def test_outputs_that_are_not_finite_never_agree() -> None:
    assert extraction.difference(torch.tensor([[float("nan")]]), torch.tensor([[1.0]])) == float("inf")


def test_the_same_work_is_given_to_the_same_runtime_though_the_machine_is_measured_slower(
    monkeypatch: pytest.MonkeyPatch, backbone: Backbone, tmp_path: Path
) -> None:
    """Of the measured speed depends what is tried; two runs of one seed are to compute with the same digits."""
    only(monkeypatch, torch_seconds=0.05, quick=fake())
    monkeypatch.setattr(extraction, "PREPARATION", {"quick": 0.01})
    data = make_data(folder=tmp_path / "cache")
    assert choose(backbone, data, 100, 1e5).runtime == "torch"  # a moment's work
    assert choose(backbone, data, 100, 1.0).runtime == "torch"  # as it seems while others use the machine
    assert choose(backbone, make_data(folder=tmp_path / "empty"), 100, 1.0).runtime == "quick"


def test_a_runtime_that_is_named_is_taken_unmeasured(monkeypatch: pytest.MonkeyPatch, backbone: Backbone) -> None:
    monkeypatch.setattr(extraction, "measure", lambda *_: pytest.fail("it was measured"))
    monkeypatch.setenv("WARMSTART_RUNTIME", "openvino")
    found = choose(backbone, make_data(), MANY, 100.0)
    assert (found.runtime, found.batch, found.gain) == ("openvino", BATCH, 1.0)
    monkeypatch.setenv("WARMSTART_RUNTIME", "tensorrt")
    with pytest.raises(RunError, match=r"WARMSTART_RUNTIME is 'tensorrt'") as raised:
        choose(backbone, make_data(), 1, 100.0)
    assert "openvino" in raised.value.expected
