"""`serve --engine`: other engines than torch, where they answer as it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.serving.clients import png, post, sent
from tests.serving.conftest import Made
from warmstart.api.predicting import engine
from warmstart.api.serve import serve
from warmstart.engine.events import Decided, Event
from warmstart.errors import DataError
from warmstart.serving.app import create_app


def said(events: list[Event]) -> str:
    return "; ".join(event.text for event in events if isinstance(event, Decided))


@pytest.mark.parametrize("name", ["openvino", pytest.param(engine.FASTEST, marks=pytest.mark.slow)])
@pytest.mark.parametrize("task", ["classify", "regress"])
def test_it_answers_as_torch_does(task: str, name: str, made: Made) -> None:
    pytest.importorskip("openvino")
    bundle, inputs = made(task)
    heard: list[Event] = []
    fast = engine.standing(bundle, name, heard.append)
    if name != engine.FASTEST:  # which one that is nobody knows
        assert fast.backbones
        assert "features are computed by openvino" in said(heard)
    app = create_app(fast, hosts=("127.0.0.1",))
    if isinstance(inputs[0], np.ndarray):
        answer = sent(app, *((f"{i}.png", png(pixels)) for i, pixels in enumerate(inputs)))
    else:
        answer = post(app, json={"texts": inputs})
    key = "probability" if task == "classify" else "value"
    rows: list[dict[str, Any]] = answer.json()["rows"]
    assert [row[key] for row in rows] == pytest.approx([row[key] for row in bundle.predict(inputs)], abs=1e-3)


def test_one_that_answers_otherwise_is_told_and_not_taken(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, _ = made("classify")
    width = bundle.networks[0].facts.out_features

    def wrong(*_: object) -> Any:
        return lambda x: (100 * torch.randn(len(x), width, generator=torch.Generator().manual_seed(0)),)

    monkeypatch.setattr(engine, "prepared", wrong)
    heard: list[Event] = []
    assert engine.standing(bundle, "folded", heard.append) is bundle
    assert "torch answers, not folded: the golden samples are answered otherwise" in said(heard)


def test_of_forecasts_torch_answers_and_that_is_told(made: Made) -> None:
    bundle, _ = made("forecast")
    heard: list[Event] = []
    assert engine.standing(bundle, engine.FASTEST, heard.append) is bundle
    assert said(heard).startswith("torch answers")


def test_an_engine_that_there_is_not_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the engine 'warp'") as found:
        serve(tmp_path / "nothing", engine="warp")
    assert "fastest" in found.value.expected
    assert "torch" in found.value.expected


def test_inputs_are_computed_as_many_at_a_time_as_is_quick() -> None:
    sizes: list[int] = []

    def extract(x: Tensor) -> tuple[Tensor, ...]:
        sizes.append(len(x))
        return (x.flatten(1),)

    assert engine._in_parts(extract, 2)(torch.arange(5.0)[:, None]).tolist() == [[0.0], [1.0], [2.0], [3.0], [4.0]]
    assert sizes == [2, 2, 1]
