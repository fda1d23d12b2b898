"""Networks whose weights are read next are not drawn first."""

import threading
from collections.abc import Callable

import pytest
import torch
from torch import nn

from warmstart.model.catalog import load_backbone
from warmstart.model.undrawn import Undrawn


@pytest.mark.parametrize("draw", [nn.init.kaiming_uniform_, nn.init.trunc_normal_, nn.init.xavier_normal_])
def test_parameters_are_filled_and_buffers_drawn(draw: Callable[[torch.Tensor], torch.Tensor]) -> None:
    given, buffer = nn.Parameter(torch.full((4, 3), 7.0)), torch.full((4, 3), 7.0)
    with Undrawn():
        draw(given)
        draw(buffer)
    assert (given == 0.0).all()
    assert len(set(buffer.flatten().tolist())) == 12


def test_a_method_that_draws_leaves_what_it_could_have_drawn() -> None:
    given = nn.Parameter(torch.full((2,), 7.0))
    with Undrawn(), torch.no_grad():
        given.normal_(3.0, 0.1)
        assert given.tolist() == [3.0, 3.0]
        given.uniform_(-2.0, 5.0)
    assert given.tolist() == [-2.0, -2.0]


def test_other_threads_draw_as_ever() -> None:
    given = nn.Parameter(torch.full((4, 3), 7.0))
    with Undrawn():
        other = threading.Thread(target=lambda: nn.init.normal_(given))
        other.start()
        other.join()
    assert not (given == 7.0).any()


def test_what_is_read_into_it_answers_as_what_was_drawn() -> None:
    drawn = load_backbone("toy", pretrained=False, seed=3)
    with Undrawn():
        read = load_backbone("toy", pretrained=False, seed=4, structure=drawn.structure)
    read.module.load_state_dict(drawn.module.state_dict(), strict=True)
    pictures = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(read.module(pictures), drawn.module(pictures))
