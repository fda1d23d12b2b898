import torch
from torch import nn

from warmstart.engine import freeze
from warmstart.model.network import Network
from warmstart.planning.compile import compile_plan
from warmstart.planning.plan import DataFacts, PhasePlan
from warmstart.recipe.phase import Phase, Rate
from warmstart.recipe.recipe import Recipe


def planned(network: Network, facts: DataFacts, rates: tuple[tuple[str, Rate], ...], norm: str = "eval") -> PhasePlan:
    phase = Phase.model_validate({"rates": rates, "norm": norm})
    (step,) = compile_plan(Recipe(name="x", steps=(phase,)), network, facts).steps
    assert isinstance(step, PhasePlan)
    return step


def norms(network: Network) -> set[str]:
    return {name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}


HEAD: tuple[tuple[str, Rate], ...] = (("head", 0.1), ("*", None))
LAST: tuple[tuple[str, Rate], ...] = (("head", 0.1), ("block:-1", 0.1), ("*", None))
ALL: tuple[tuple[str, Rate], ...] = (("*", 0.1),)


def test_with_a_frozen_backbone_all_of_it_is_in_eval_and_dropout_of_the_head_is_not(
    network: Network, facts: DataFacts
) -> None:
    plan = planned(network, facts, HEAD)
    assert norms(network) <= set(plan.eval_modules)
    assert not any(name.startswith("head") for name in plan.eval_modules)
    assert all(block.eval and block.frozen for block in plan.blocks[:-1])
    assert plan.cut == len(network.facts.chain.cuts) - 1


def test_statistics_are_fixed_everywhere_unless_a_phase_says_otherwise(network: Network, facts: DataFacts) -> None:
    assert norms(network) <= set(planned(network, facts, ALL).eval_modules)
    assert not norms(network) & set(planned(network, facts, ALL, "train").eval_modules)


def test_statistics_move_in_blocks_that_train_only(network: Network, facts: DataFacts) -> None:
    plan = planned(network, facts, LAST, "train")
    last = {f"backbone.{name}" for name in network.facts.chain.modules_of(network.facts.chain.blocks[-1])}
    assert norms(network) - set(plan.eval_modules) == norms(network) & last
    assert [block.eval for block in plan.blocks] == [block.frozen for block in plan.blocks]


def test_with_train_all_statistics_move_in_frozen_blocks_and_nothing_is_cut_off(
    network: Network, facts: DataFacts
) -> None:
    plan = planned(network, facts, HEAD, "train_all")
    assert not norms(network) & set(plan.eval_modules)
    assert plan.cut == 0
    assert plan.cache.what == "pixels"
    assert [block.frozen and not block.eval for block in plan.blocks[:-1]] == [True] * (len(plan.blocks) - 1)


def test_everything_below_the_cut_is_in_eval_even_in_a_block_that_trains_in_part(
    network: Network, facts: DataFacts
) -> None:
    plan = planned(network, facts, (("head", 0.1), ("norm", 0.1), ("*", None)), "train")
    below = {f"backbone.{name}" for name in network.facts.chain.modules_below(plan.cut)}
    assert below <= set(plan.eval_modules)
    assert 0 < plan.cut < network.facts.chain.blocks[0].cut
    assert not plan.blocks[0].frozen
    assert "backbone.stem.0" in plan.eval_modules


def test_a_named_module_has_all_it_contains_named(network: Network, facts: DataFacts) -> None:
    for rates in (HEAD, LAST, ALL):
        for norm in ("eval", "train", "train_all"):
            still = set(planned(network, facts, rates, norm).eval_modules)
            inside = {n for n, _ in network.named_modules() if any(n.startswith(f"{name}.") for name in still)}
            assert inside <= still


def test_a_frozen_head_is_in_eval(network: Network, facts: DataFacts) -> None:
    plan = planned(network, facts, (("backbone", 0.1), ("*", None)))
    assert {"head", "head.0", "head.1"} <= set(plan.eval_modules)
    assert plan.blocks[-1].frozen
    assert plan.blocks[-1].eval


def test_frozen_blocks_are_bit_identical_after_training_as_planned(network: Network, facts: DataFacts) -> None:
    plan = planned(network, facts, LAST, "train")
    freeze.apply(network, plan)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(torch.randn(4, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    frozen = [block for block, row in zip(network.facts.chain.blocks, plan.blocks, strict=False) if row.frozen]
    for block in frozen:
        for name in (*block.parameters, *block.buffers):
            assert torch.equal(network.state_dict()[f"backbone.{name}"], before[f"backbone.{name}"])
    moved = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    last = network.facts.chain.blocks[-1]
    assert {f"backbone.{name}" for name in (*last.parameters, *last.buffers)} <= moved
