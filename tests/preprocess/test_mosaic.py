"""Tiles over an image, and their answers put together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from warmstart.preprocess.mosaic import Grid, blended

SIZES = [(70, 50), (64, 64), (32, 100), (20, 90), (33, 32), (10, 7), (1, 1)]


def put_together(grid: Grid, image: Tensor, answer: object = None, batch_size: int = 3) -> Tensor:
    """All pieces of what is answered, after a look at where each begins."""
    net = answer if callable(answer) else (lambda tiles: tiles)
    pieces, row = [], 0
    for first, piece in blended(grid, lambda top, end: image[:, top:end], net, batch_size=batch_size):
        assert first == row
        pieces.append(piece)
        row += piece.shape[1]
    return torch.cat(pieces, 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("overlap", [0, 1, 8, 20, 31])
def test_a_network_that_answers_with_its_input_gives_the_image_back(size: tuple[int, int], overlap: int) -> None:
    image = torch.rand(3, size[1], size[0], generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(put_together(Grid(*size, 32, overlap), image), image, rtol=0, atol=3e-6)


@pytest.mark.parametrize(("length", "overlap"), itertools.product([32, 33, 47, 64, 1000], [0, 5, 16, 31]))
def test_tiles_cover_every_pixel_and_overlap_as_much_as_was_asked_for(length: int, overlap: int) -> None:
    starts = Grid(length, 32, 32, overlap).lefts
    assert starts[0] == 0
    assert starts[-1] == length - 32
    assert all(0 < after - before <= 32 - overlap for before, after in itertools.pairwise(starts))


def test_shares_add_up_to_one_and_fall_towards_the_edges_of_a_tile() -> None:
    grid = Grid(200, 32, 64, 24)
    shares, total = grid.shares(grid.lefts), torch.zeros(200)
    for start, share in zip(grid.lefts, shares, strict=True):
        total[start : start + 64] += share
    torch.testing.assert_close(total, torch.ones(200))
    middle = shares[1]
    assert middle[0] < 0.01
    assert bool((middle[:24].diff() >= -1e-6).all())
    assert float(middle[32]) == pytest.approx(1.0)


def test_no_seam_is_seen_where_tiles_answer_differently() -> None:
    """Every tile answers with its own number; tiles laid side by side would jump by as much as these differ."""
    numbers = itertools.cycle([0.0, 1.0])

    def answer(tiles: Tensor) -> Tensor:
        return torch.stack([torch.full((1, 64, 64), next(numbers)) for _ in tiles])

    soft = put_together(Grid(320, 320, 64, 24), torch.zeros(1, 320, 320), answer)
    hard = put_together(Grid(320, 320, 64, 0), torch.zeros(1, 320, 320), answer)
    for axis in (1, 2):
        assert float(soft.diff(dim=axis).abs().max()) < 0.1
        assert float(hard.diff(dim=axis).abs().max()) == 1.0


def test_a_convolution_over_tiles_is_that_over_the_image_where_the_overlap_has_its_reach() -> None:
    image = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 150, 130)).astype(np.float32))
    whole = ndimage.uniform_filter(image[0].numpy(), 5, mode="constant")

    def answer(tiles: Tensor) -> Tensor:
        return torch.stack(
            [torch.from_numpy(ndimage.uniform_filter(t[0].numpy(), 5, mode="constant"))[None] for t in tiles]
        )

    found = put_together(Grid(130, 150, 64, 32), image, answer)[0].numpy()
    assert np.abs(found - whole).max() < 0.02  # what a tile does not see counts little
    cut = put_together(Grid(130, 150, 64, 0), image, answer)[0].numpy()
    assert np.abs(cut - whole).max() > 0.2


def test_an_image_smaller_than_a_tile_is_filled_by_its_last_rows_and_columns() -> None:
    seen: list[Tensor] = []

    def answer(tiles: Tensor) -> Tensor:
        seen.append(tiles)
        return tiles.float()

    image = torch.arange(6, dtype=torch.uint8).reshape(1, 2, 3)
    assert put_together(Grid(3, 2, 4, 1), image, answer).tolist() == image.tolist()
    assert seen[0].tolist() == [[[[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]]]
    assert seen[0].dtype == torch.uint8


def test_only_the_rows_of_a_band_are_ever_held() -> None:
    asked: list[tuple[int, int]] = []
    grid = Grid(96, 1000, 32, 8)

    def read(top: int, end: int) -> Tensor:
        asked.append((top, end))
        return torch.zeros(3, end - top, 96, dtype=torch.uint8)

    held = [piece.untyped_storage().nbytes() for _, piece in blended(grid, read, lambda t: t.float()[:, :2])]
    assert max(end - top for top, end in asked) == 32
    assert max(held) == grid.band_bytes(2) == 4 * 2 * 32 * 96
    assert len(held) == len(grid.uppers) == 42
    assert len(grid) == 42 * 4


@pytest.mark.parametrize("bad", [(0, 5, 32, 8), (5, 5, 32, 32), (5, 5, 32, -1), (5, 5, 0, 0)])
def test_tiles_that_do_not_advance_are_refused(bad: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="no tiles"):
        Grid(*bad)
