from __future__ import annotations

import pytest

from warmstart.model.catalog import load_backbone
from warmstart.model.dilation import dilated
from warmstart.model.pyramid import pyramid
from warmstart.planning.profile import profile


def test_attention_is_counted_on_a_cpu_too() -> None:
    minilm = load_backbone("minilm")
    layers, width, size = 6, 384, 256
    known = 2 * layers * 12 * width**2 * size  # four matrices of attention, and two four times as wide
    attention = 2 * layers * 2 * size**2 * width
    counted = profile(minilm, 1, len(minilm.chain.cuts) - 1, size).flops
    assert counted == pytest.approx(known + attention, rel=0.01)


def test_maps_cost_what_the_layers_below_them_do_from_every_cut() -> None:
    plain = load_backbone("toy")
    found = pyramid(plain, (1, 2, 4))
    last = len(found.chain) - 1
    whole = profile(found, 0, last, 64)
    assert whole.flops == profile(plain, 0, len(plain.chain) - 1, 64).flops
    for cut in range(last + 1):
        assert profile(found, 0, cut, 64).flops + profile(found, cut, last, 64).flops == whole.flops
    fewer = pyramid(plain, (2, 4))
    assert profile(fewer, 0, last, 64).bytes < whole.bytes


def test_dilation_costs_more() -> None:
    plain = load_backbone("toy")
    last = len(plain.chain) - 1
    assert profile(dilated(plain, 2), 0, last, 64).flops > profile(plain, 0, last, 64).flops
