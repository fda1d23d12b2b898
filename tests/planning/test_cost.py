import dataclasses

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from warmstart.data.scenes import BoxTarget
from warmstart.errors import RecipeError
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.planning.compile import compile_plan
from warmstart.planning.cost import SpeedFacts
from warmstart.planning.plan import DataFacts, HeadPlan
from warmstart.planning.profile import profile
from warmstart.planning.speed import measure_speed
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.task.base import suited
from warmstart.task.network import network_for


def test_operations_are_those_of_a_real_pass(network: Network) -> None:
    last = len(network.facts.chain.cuts) - 1
    network.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.backbone(torch.zeros(1, 3, 32, 32))
    assert profile(network.facts, 0, last, 32).flops == counter.get_total_flops() > 0


def test_operations_below_and_above_a_cut_add_up(network: Network) -> None:
    last = len(network.facts.chain.cuts) - 1
    whole = profile(network.facts, 0, last, 32)
    for cut in range(1, last):
        parts = profile(network.facts, 0, cut, 32), profile(network.facts, cut, last, 32)
        assert sum(part.flops for part in parts) == whole.flops


def test_larger_images_cost_more(network: Network) -> None:
    last = len(network.facts.chain.cuts) - 1
    small, large = profile(network.facts, 0, last, 32), profile(network.facts, 0, last, 64)
    assert large.flops == pytest.approx(4 * small.flops, rel=0.05)
    assert large.bytes > 3 * small.bytes


def test_a_size_that_breaks_the_network_is_said_with_its_own_size(network: Network) -> None:
    with pytest.raises(RecipeError, match="its own is 32"):
        profile(network.facts, 0, 1, -3)


def seconds(network: Network, data: DataFacts, *steps: Phase, speed: SpeedFacts | None = None) -> list[float]:
    plan = compile_plan(Recipe(name="x", steps=steps), network, data, speed=speed)
    return [step.seconds for step in plan.steps]


def test_stored_activations_are_paid_for_once(network: Network, facts: DataFacts) -> None:
    head = Phase(rates=(("head", 0.1), ("*", None)))
    first, second = seconds(network, facts, head, head)
    assert second < first
    tuned = seconds(network, facts, head, Phase(), head, speed=SpeedFacts(images=1e12))
    assert tuned[2] == pytest.approx(tuned[0])  # what is stored is stale once the backbone has moved


def test_a_frozen_backbone_is_cheaper_than_a_trained_one_in_time_and_memory(network: Network, facts: DataFacts) -> None:
    speed = SpeedFacts(flops=1e8, images=1e6, step=0.0)
    plans = [compile_plan(load_recipe(name), network, facts, speed=speed) for name in ("finetune", "l2_sp")]
    partly, whole = (plan.steps[0] for plan in plans)
    assert partly.seconds < whole.seconds
    (probe,) = compile_plan(load_recipe("probe"), network, facts, speed=speed).steps
    assert isinstance(probe, HeadPlan)
    assert probe.seconds < partly.seconds


def test_twice_the_speed_takes_half_the_time(network: Network, facts: DataFacts) -> None:
    speeds = [SpeedFacts(flops=f * 1e6, images=f * 10, step=0.1 / f) for f in (1, 2)]
    slow, fast = (seconds(network, facts, Phase(), speed=speed)[0] for speed in speeds)
    assert slow == pytest.approx(2 * fast)


def test_measuring_leaves_the_network_as_it_was(network: Network) -> None:
    norm = next(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    network.train()
    before = norm.state_dict()["running_mean"].clone()
    speed = measure_speed(network, network.facts.preprocess, seconds=0.1)
    assert speed.measured
    assert speed.flops > 1e6
    assert speed.images > 1
    assert torch.equal(norm.state_dict()["running_mean"], before)
    assert all(module.training for module in network.modules())


def test_what_a_step_of_a_detector_takes_is_measured_and_not_taken_from_its_answers() -> None:
    target = BoxTarget(("cat", "dog"), "maskrcnn?channels=16&width=32&sampled=16&proposals=20&convs=1")
    backbone = load_backbone("timm:resnet10t", pretrained=False)
    backbone = dataclasses.replace(backbone, spec=backbone.preprocess.with_size(64))
    network = network_for(suited(backbone, target), target)
    before, draws = {k: v.clone() for k, v in network.state_dict().items()}, torch.get_rng_state()
    speed = measure_speed(network, network.facts.preprocess, seconds=0.1, decoded=True)
    assert speed.head_step > 0
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(draws, torch.get_rng_state())
    data = DataFacts(train=40, val=10, outputs=2, size=64, task="detect")
    head = Phase(rates=(("head", 0.1), ("*", None)))
    cheap, dear = (
        seconds(network, data, head, speed=dataclasses.replace(speed, head_step=passes))[0] for passes in (1.0, 9.0)
    )
    assert cheap < dear
