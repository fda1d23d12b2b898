"""What tracing does with networks of any shape, small ones written for the purpose."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from warmstart.errors import BackboneError
from warmstart.model.chain import Chain
from warmstart.model.modes import evaluating
from warmstart.model.trace import build_chain


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def chain_of(module: nn.Module) -> Chain:
    return build_chain(module, torch.rand(2, 3, 8, 8))


def names(chain: Chain) -> list[str]:
    return [cut.name for cut in chain.cuts]


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def pooled(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class Skip(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.pooled(x + self.second(x))


def test_there_is_no_cut_inside_a_skip_connection() -> None:
    assert names(chain_of(Skip())) == ["input", "first", "add", "features"]


class InPlace(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(x)
        x = self.first(x).flatten(2)
        functional.relu(x, inplace=True)
        x.mul_(2)
        return x.mean(2)


def test_in_place_operations_never_reach_a_stored_activation() -> None:
    chain = chain_of(InPlace().eval())
    x = torch.randn(2, 3, 8, 8)
    expected = chain(x.clone())
    for cut in range(len(chain)):
        activation = chain.prefix(cut)(x)
        before = activation.clone()
        assert torch.equal(chain.suffix(cut)(activation), expected)
        assert torch.equal(activation, before), chain.cuts[cut].name


def test_a_prefix_never_shares_storage_with_the_input() -> None:
    chain = chain_of(nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(192, 2)))
    x = torch.rand(2, 3, 8, 8)
    assert len(chain) == 4
    for cut in range(len(chain)):
        assert chain.prefix(cut)(x).untyped_storage().data_ptr() != x.untyped_storage().data_ptr()


class Optional(Base):
    def forward(self, x: Tensor, mask: Tensor | None = None, scale: float = 1.0) -> Tensor:
        x = self.first(x) * scale
        return self.pooled(x if mask is None else x * mask)


def test_inputs_other_than_the_first_are_fixed_to_their_defaults() -> None:
    assert names(chain_of(Optional())) == ["input", "first", "mul", "features"]


class Sizes(Base):
    def forward(self, x: Tensor) -> Tensor:
        n, _, height, _ = x.shape
        x = self.second(self.first(x))
        return x.reshape(n, 4 * height, -1).mean(2)


def test_no_size_of_the_input_passes_a_cut_beside_the_activation() -> None:
    chain = chain_of(Sizes())
    assert names(chain) == ["input", "features"] or "second" not in names(chain)
    assert chain.why_uncut == ""
    assert torch.equal(chain.suffix(0)(torch.ones(5, 3, 6, 6)), chain(torch.ones(5, 3, 6, 6)))


class Undecided(nn.Module):
    """Decides in a helper, so that the tracer's rule on `forward` does not see it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(3, 3, 1)

    def scale(self) -> float:
        return 2.0 if self.training else 1.0

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.inner(x) * self.scale()
        return y


class DecidesInside(Base):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = Undecided()

    def forward(self, x: Tensor) -> Tensor:
        return self.pooled(self.first(self.hidden(x)))


def test_a_module_that_behaves_otherwise_in_training_stays_whole() -> None:
    chain, x = chain_of(DecidesInside()), torch.rand(2, 3, 8, 8)
    assert names(chain) == ["input", "hidden", "first", "features"]
    for mode in (True, False):
        chain.module.train(mode)
        assert torch.equal(chain.suffix(1)(chain.prefix(1)(x)), chain(x))


class DecidesAtTheTop(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.pooled(x * 2 if self.training else x)


class Branches(Base):
    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.pooled(self.second(x) if x.sum() > 0 else x)


class TwoInputs(Base):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.pooled(self.first(x + y))


class Remembers(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.pooled(self.first(x) + torch.arange(8.0))


@pytest.mark.parametrize(
    ("module", "why"),
    [(DecidesAtTheTop(), "in training differs"), (Branches(), "tracing failed"), (Remembers(), "does not run")],
)
def test_a_network_that_cannot_be_cut_says_why_and_keeps_its_blocks(module: nn.Module, why: str) -> None:
    attributes, flags = set(vars(module)), [part.training for part in module.modules()]
    chain, x = chain_of(module), torch.rand(2, 3, 8, 8)
    assert why in chain.why_uncut
    assert names(chain) == ["input", "features"]
    assert [(block.name, block.cut) for block in chain.blocks] == [("first", 1), ("second", 1)]
    assert torch.equal(chain.suffix(0)(x), module(x))
    assert torch.equal(chain.suffix(1)(chain.prefix(1)(x)), module(x))
    assert chain.cut_for({"second.weight"}) == 0
    assert chain.cut_for(()) == 1
    assert chain.modules_below(0) == frozenset()
    assert "second" in chain.modules_below(1)
    assert chain.modules_of(chain.blocks[0]) == {"first"}
    assert chain.activation_shape(1, 8) == (4,)
    assert set(vars(module)) == attributes
    assert [part.training for part in module.modules()] == flags


def test_a_network_of_two_inputs_cannot_be_cut() -> None:
    with pytest.raises(TypeError, match="y"):
        chain_of(TwoInputs())(torch.rand(2, 3, 8, 8))
    assert "needs more inputs than one: y" in chain_of(TwoInputs()).why_uncut


class Shared(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.pooled(self.second(self.second(self.first(x))))


def test_a_layer_that_is_used_twice_is_below_from_its_first_use_on() -> None:
    chain = chain_of(Shared())
    assert names(chain) == ["input", "first", "second", "second.2", "features"]
    assert chain.cut_for({"second.weight"}) == 1
    assert "second.weight" in chain.parameters_below(2)


class Constants(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.randn(1, 4, 1, 1))
        self.unused = nn.Parameter(torch.ones(1))
        self.body = nn.Sequential(*(nn.Sequential(nn.Conv2d(4, 4, 1), nn.GELU()) for _ in range(6)))
        self.entry = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.entry(x) + self.position.sigmoid() * 2).mean((2, 3))  # type: ignore[no-any-return]


def test_parameters_read_outside_any_layer_belong_to_the_block_that_reads_them() -> None:
    chain = chain_of(Constants())
    assert [block.name for block in chain.blocks] == ["entry", *(f"body.{i}" for i in range(6))]
    assert set(chain.blocks[0].parameters) == {"entry.weight", "entry.bias", "position", "unused"}
    assert chain.cut_for({"position"}) < chain.blocks[0].cut
    assert chain.cut_for({"unused"}) == len(chain) - 1


class Adapter(nn.Module):
    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base
        self.gain = nn.Parameter(torch.tensor(3.0))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.base(x) * self.gain
        return y


def test_a_replaced_layer_is_seen_by_segments_made_before() -> None:
    chain, x = chain_of(Constants().eval()), torch.rand(2, 3, 8, 8)
    cut = chain.blocks[2].cut
    suffix, before = chain.suffix(cut), chain(x)
    parent = chain.module.get_submodule("body.4")
    setattr(parent, "0", Adapter(chain.module.get_submodule("body.4.0")))
    chain.refresh()
    after = suffix(chain.prefix(cut)(x))
    assert torch.equal(after, chain(x))
    assert not torch.equal(after, before)
    assert {"body.4.0.gain", "body.4.0.base.weight"} < set(chain.blocks[5].parameters)
    assert "body.4.0.weight" not in chain.blocks[5].parameters
    assert chain.cut_for({"body.4.0.gain"}) >= chain.blocks[4].cut
    assert "body.4.0.base" in chain.modules_of(chain.blocks[5])


def test_replacing_what_the_trace_looked_into_is_refused() -> None:
    chain = chain_of(Constants())
    setattr(chain.module.get_submodule("body"), "1", Adapter(chain.module.get_submodule("body.1")))
    with pytest.raises(BackboneError, match=r"body\.1"):
        chain.refresh()


def test_cuts_may_be_counted_from_the_end_and_others_are_refused() -> None:
    chain, x = chain_of(Skip()), torch.rand(2, 3, 8, 8)
    assert torch.equal(chain.prefix(-1)(x), chain(x))
    assert chain.activation_shape(-1, 8) == (4,)
    with pytest.raises(IndexError, match="no cut 4"):
        chain.prefix(4)
    with pytest.raises(IndexError, match="backwards"):
        chain.segment(2, 1)


def test_measuring_leaves_batch_norm_and_flags_alone() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    chain = chain_of(module.train())
    module[1].eval()
    assert chain.activation_shape(2, 8) == (4, 8, 8)
    assert [part.training for part in module] == [True, False, True, True]
    assert module[1].num_batches_tracked == 0
    with evaluating(module):
        assert not any(part.training for part in module.modules())
