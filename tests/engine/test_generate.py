"""Models that write go through the same engine: cached or not the same losses, every recipe, and no step lost."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.engine.helpers import Told, identical, phase_plan
from tests.engine.test_resume import after
from tests.model.text.tiny import WORDS
from tests.model.text.writers import load_writer
from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Dataset, Sample, Split, Text
from warmstart.data.stores import store_of
from warmstart.data.targets import TextTarget
from warmstart.engine.data import RunData
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.loop import PhaseResult, run_phase
from warmstart.engine.run import run_recipe
from warmstart.errors import Interrupted, RecipeError
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.network import Network
from warmstart.model.text.writing import write
from warmstart.planning.plan import CachePlan, PhasePlan
from warmstart.preprocess.kinds import of_texts
from warmstart.recipe.methods import load_recipe, recipes
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.task.generate import GENERATE

UPPER = Phase(rates=(("head", 1e-2), ("block:-1", 1e-2), ("*", None)), epochs=3, batch_size=7, optimizer="sgd")
FAMILIES = ["gpt2", "llama", "t5", "bart"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("writers")


def writer(folder: Path, family: str, **options: Any) -> Network:
    return load_writer(folder / family, family, **options)


def backwards(network: Network, train: int = 24, val: int = 9, longest: int = 5, words: int = 50) -> RunData:
    """Texts of some words, to be written backwards."""
    rng, spec = np.random.default_rng(0), of_texts(network.facts.spec).with_size(24)
    samples = []
    for i in range(train + val):
        drawn = [str(word) for word in rng.choice(WORDS[:words], rng.integers(1, longest + 1))]
        samples.append(Sample(f"row-{i}", Text((" ".join(drawn),)), " ".join(drawn[::-1])))
    dataset = Dataset(tuple(samples), TextTarget(), name="backwards")
    split = Split(np.arange(train), np.arange(train, train + val), np.arange(0), how="by hand")
    return RunData(dataset, split, store_of(dataset, spec), spec, ActivationStore(None, budget_bytes=1 << 28))


def tuned(plan: PhasePlan, network: Network, data: RunData) -> PhaseResult:
    return run_phase(network, plan, data, task=GENERATE, seed=0, rung="test", listener=Told())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("part", ["block:-1", "nothing"])
def test_tuning_from_stored_activations_gives_the_same_losses(family: str, part: str, folder: Path) -> None:
    cached, direct = writer(folder, family), writer(folder, family)
    data = backwards(cached)
    phase = UPPER if part != "nothing" else UPPER.model_copy(update={"rates": (("head", 1e-2), ("*", None))})
    plan = phase_plan(phase, cached, data)
    assert plan.cache.what == "activations"
    assert plan.cut > 0
    without = dataclasses.replace(plan, cache=CachePlan("nothing", 0, 0, ""))
    a, b = tuned(plan, cached, data), tuned(without, direct, data)
    for x, y in zip(a.curve, b.curve, strict=True):
        for name in ("train_loss", "val_loss", "val_exact_match", "val_token_accuracy"):
            assert x.values[name] == pytest.approx(y.values[name], abs=1e-4)
    for name, tensor in a.last.items():
        torch.testing.assert_close(tensor, b.last[name], rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        (name, family)
        for name in recipes
        for family in ("gpt2", "t5")
        if name not in ("probe", "contrastive")
        and load_recipe(name).needs is None
        and (name, family) != ("further_pretrain", "t5")
    ],
)
def test_every_recipe_that_trains_runs_and_its_network_is_what_was_measured(
    name: str, family: str, folder: Path
) -> None:
    options: dict[str, Any] = {"rank": 2} if name == "lora" else {}
    network = writer(folder, family)
    recipe, data = load_recipe(name, **options), backwards(network)
    short = [step.model_copy(update={"epochs": 1}) if isinstance(step, Phase) else step for step in recipe.steps]
    result = run_recipe(recipe.model_copy(update={"steps": tuple(short)}), network, data, task=GENERATE)
    outputs = predict_outputs(result.network, data.inputs(result.plan.steps[-1].size), data.split.val)
    assert outputs.shape[2] == 2, "what is kept of each token, whatever the vocabulary"
    torch.testing.assert_close(outputs, result.val_outputs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("family", ["gpt2", "t5"])
@pytest.mark.parametrize("batches", [2, 6])
def test_a_run_goes_on_bit_exactly(family: str, batches: int, folder: Path, tmp_path: Path) -> None:
    network = writer(folder, family)
    recipe, data = load_recipe("finetune", epochs=3, batch_size=7), backwards(network)
    whole, interrupt = run_recipe(recipe, network, data, task=GENERATE), Interrupt()
    with pytest.raises(Interrupted):
        run_recipe(
            recipe,
            network,
            data,
            task=GENERATE,
            folder=tmp_path,
            listener=after(batches, interrupt),
            interrupt=interrupt,
        )
    resumed = run_recipe(recipe, network, data, task=GENERATE, folder=tmp_path)
    assert identical(whole.network.state_dict(), resumed.network.state_dict())
    loaded = run_recipe(recipe, network, data, task=GENERATE, folder=tmp_path)
    assert identical(whole.network.state_dict(), loaded.network.state_dict())


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_it_learns_and_one_pass_knows_what_is_written_exactly(family: str, tmp_path: Path) -> None:
    network = load_writer(tmp_path, family, sure=False)
    data = backwards(network, 300, 60, longest=2, words=10)
    phase = Phase(rates=(("*", 1e-2),), epochs=10, batch_size=20)
    result = run_recipe(Recipe(name="tune", steps=(phase,)), network, data, task=GENERATE)
    samples = [data.dataset.samples[i] for i in data.split.val]
    written = write(result.network, of_texts(data.spec), [sample.source.parts for sample in samples], max_new_tokens=9)
    outputs = predict_outputs(result.network, data.store, data.split.val)
    exact = GENERATE.values(outputs, data.targets(data.split.val))["exact_match"]
    assert exact.tolist() == [float(text == sample.label) for text, sample in zip(written, samples, strict=True)]
    assert exact.mean() > 0.5


@pytest.mark.parametrize(("family", "differ"), [("gpt2", True), ("t5", False)])
def test_the_address_of_activations_depends_on_all_that_is_read(family: str, differ: bool, folder: Path) -> None:
    network = writer(folder, family)
    data = backwards(network)
    other = dataclasses.replace(
        data.dataset, samples=tuple(dataclasses.replace(s, label="cat") for s in data.dataset.samples)
    )
    changed = dataclasses.replace(data, dataset=other, store=store_of(other, data.spec))
    indices = data.split.train
    keys = [d.wanted(network.facts.chain).keys(indices).tolist() for d in (data, changed)]
    assert (keys[0] != keys[1]) == differ


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_the_size_of_a_batch_does_not_change_what_is_measured(family: str, folder: Path) -> None:
    network = writer(folder, family)
    data = backwards(network)
    few, many = (predict_outputs(network, data.store, data.split.train, batch_size=size) for size in (2, 24))
    torch.testing.assert_close(few, many, rtol=0, atol=1e-4)


def test_no_more_logits_are_held_at_once_than_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = writer(folder, "gpt2")
    data = backwards(network)
    whole, seen = predict_outputs(network, data.store, data.split.train), list[int]()
    hook = network.head.register_forward_hook(lambda _, __, out: seen.append(out.numel()))
    monkeypatch.setattr("warmstart.model.text.language._LOGITS", 4 * 6 * 100 * 5)
    torch.testing.assert_close(predict_outputs(network, data.store, data.split.train), whole, rtol=0, atol=1e-4)
    hook.remove()
    assert max(seen) <= 6 * 100 * 5
    assert len(seen) > 4


def test_a_head_in_closed_form_alone_is_refused(folder: Path) -> None:
    network = writer(folder, "gpt2")
    with pytest.raises(RecipeError, match="finetune"):
        run_recipe(load_recipe("probe"), network, backwards(network), task=GENERATE)


def test_a_frozen_head_stays_bit_identical(folder: Path) -> None:
    network = writer(folder, "t5")
    before = {name: tensor.clone() for name, tensor in network.head.state_dict().items()}
    phase = Phase(rates=(("block:-1", 1e-2), ("*", None)), epochs=1, batch_size=7)
    result = run_recipe(Recipe(name="tune", steps=(phase,)), network, backwards(network), task=GENERATE)
    assert identical(before, result.network.head.state_dict())
    assert not identical(network.backbone.state_dict(), result.network.backbone.state_dict())
