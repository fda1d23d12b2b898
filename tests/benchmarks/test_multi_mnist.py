"""What the pictures of two digits are, and what the table says; no training."""

from __future__ import annotations

import numpy as np
import torch
from benchmarks.multi_mnist import Head, Trunk, lenet, overlaid, table

from warmstart.model.several import SeveralHead


def test_the_second_digit_lies_lower_right_and_the_brighter_pixel_counts() -> None:
    digits = np.zeros((2, 28, 28), dtype=np.uint8)
    digits[0], digits[1] = 10, 200
    pictures, labels = overlaid(digits, np.array([3, 7]), seed=0)
    assert pictures.shape == (2, 28, 28)
    assert labels[:, 0].tolist() == [3, 7]
    for picture, (left, right) in zip(pictures, labels, strict=True):
        shades = {3: 10, 7: 200}
        assert picture[0, 0] == shades[int(left)]
        assert picture[25, 25] == shades[int(right)]
        assert picture[14, 14] == max(shades[int(left)], shades[int(right)])
        assert picture[27, 27] == 0, "the canvas is larger than both"


def test_the_trunk_gives_features_and_is_drawn_by_its_seed() -> None:
    assert Trunk().eval()(torch.zeros(2, 1, 28, 28)).shape == (2, 50)
    assert SeveralHead([Head(), Head()]).config["outputs"] == 20, "what a finished run writes down"
    one, again, other = (lenet(seed).card.weights_sha256 for seed in (0, 0, 1))
    assert one == again != other


def test_the_table_says_where_a_run_was_stopped() -> None:
    found = {"row": "sum", "seed": 0, "left": 0.95, "right": 0.93, "mean": 0.94, "done": 7, "epochs": 60, "train": 50}
    text = table([found, {**found, "seed": 1, "mean": 0.95}])
    assert "| sum | 50 | 7 of 60 | 2 | 0.9500 | 0.9300 | 0.9450 ±" in text
    assert "0.9476 ± 0.0044" in text
