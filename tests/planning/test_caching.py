import math

import pytest

from warmstart.model.network import Network
from warmstart.planning.caching import plan_cache
from warmstart.planning.compile import compile_plan
from warmstart.planning.cost import SpeedFacts
from warmstart.planning.plan import CacheLimits, CachePlan, DataFacts, HeadPlan, PhasePlan
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.phase import Phase

GIB = 2**30


def cached(
    network: Network, facts: DataFacts, fields: dict[str, object] | None = None, *, budget: int = GIB, cut: int = -1
) -> CachePlan:
    phase = Phase.model_validate({"rates": (("head", 0.1), ("*", None)), **(fields or {})})
    cut %= len(network.facts.chain.cuts)
    return plan_cache(phase, network.facts, facts, cut, facts.size, CacheLimits(total=budget, memory=budget))


def test_features_are_stored_when_the_backbone_is_frozen(network: Network, facts: DataFacts) -> None:
    cache = cached(network, facts)
    assert (cache.what, cache.cut) == ("activations", len(network.facts.chain.cuts) - 1)
    assert cache.bytes == 4 * network.facts.out_features * (facts.train + facts.val)
    assert "frozen" in cache.why


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"augment": "flip"}, "augmented anew"),
        ({"mixup": 0.2}, "mixed before"),
        ({"cutmix": 1.0}, "mixed before"),
        ({"norm": "train_all"}, "statistics move"),
    ],
)
def test_what_makes_activations_differ_between_epochs_forbids_storing_them(
    network: Network, facts: DataFacts, fields: dict[str, object], reason: str
) -> None:
    cache = cached(network, facts, fields)
    assert cache.what == "pixels"
    assert cache.cut == 0
    assert reason in cache.why


def test_training_from_the_first_layer_stores_pixels(network: Network, facts: DataFacts) -> None:
    cache = cached(network, facts, cut=0)
    assert (cache.what, cache.bytes) == ("pixels", 3 * 32 * 32 * 120)
    assert "first layer" in cache.why


def test_the_deepest_cut_that_fits_is_taken(network: Network, facts: DataFacts) -> None:
    chain = network.facts.chain
    sizes = [4 * math.prod(chain.activation_shape(cut, 32)) * 120 for cut in range(len(chain.cuts))]
    for cut in range(2, len(chain.cuts)):
        cache = cached(network, facts, budget=min(sizes[1:]), cut=cut)
        if cache.what == "activations":
            assert cache.bytes == sizes[cache.cut] <= min(sizes[1:])
            assert all(size > min(sizes[1:]) for size in sizes[cache.cut + 1 : cut + 1])


def test_the_budget_decides_between_activations_pixels_and_nothing(network: Network, facts: DataFacts) -> None:
    cut = network.facts.chain.blocks[1].cut
    whats = [cached(network, facts, budget=budget, cut=cut).what for budget in (GIB, 400_000, 1000)]
    assert whats == ["activations", "pixels", "nothing"]
    assert "more than the 1.0 kB allowed" in cached(network, facts, budget=1000, cut=cut).why


def test_a_stem_that_is_as_cheap_as_reading_is_not_stored(network: Network, facts: DataFacts) -> None:
    cache = cached(network, facts, cut=1)
    assert cache.what == "pixels"
    assert "as cheap as reading" in cache.why


def test_closed_form_heads_share_features(network: Network, facts: DataFacts) -> None:
    (step,) = compile_plan(load_recipe("probe"), network, facts).steps
    assert isinstance(step, HeadPlan)
    assert step.cache.cut == len(network.facts.chain.cuts) - 1


def test_the_decision_does_not_depend_on_the_machine(network: Network, facts: DataFacts) -> None:
    slow, fast = (
        compile_plan(load_recipe("gradual"), network, facts, speed=SpeedFacts(flops=flops, images=flops))
        for flops in (1e6, 1e15)
    )
    for one, other in zip(slow.steps, fast.steps, strict=True):
        assert isinstance(one, PhasePlan)
        assert isinstance(other, PhasePlan)
        assert one.cache == other.cache
