from __future__ import annotations

import pytest

from warmstart.model.catalog import load_backbone
from warmstart.planning.profile import profile


def test_attention_is_counted_on_a_cpu_too() -> None:
    minilm = load_backbone("minilm")
    layers, width, size = 6, 384, 256
    known = 2 * layers * 12 * width**2 * size  # four matrices of attention, and two four times as wide
    attention = 2 * layers * 2 * size**2 * width
    counted = profile(minilm, 1, len(minilm.chain.cuts) - 1, size).flops
    assert counted == pytest.approx(known + attention, rel=0.01)
