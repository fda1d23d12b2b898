"""Further pretraining on texts: what is hidden, what is learned, and that the engine's promises hold for it too."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.engine.helpers import Told, changed, identical, make_data, make_network, phase_plan
from tests.engine.test_resume import after
from tests.engine.texts import spec, text_data, text_network
from tests.model.text.tiny import SIZES, module_of, tokenizer
from warmstart.engine.data import RunData
from warmstart.engine.finished import RecipeResult
from warmstart.engine.identity import identity
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.pretraining import Hiding, TokenLoss, TokenNetwork
from warmstart.engine.run import run_recipe
from warmstart.engine.steps.pretrain import from_all
from warmstart.errors import Interrupted, RecipeError
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.model.text.objective import chosen_objective
from warmstart.model.text.token_head import token_head
from warmstart.planning.compile import compile_plan
from warmstart.preprocess.masking import mask_token, special_tokens
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.of_backbone import Pretrain
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.step import ClosedForm
from warmstart.task.classify import CLASSIFY

STEP = Pretrain(rates=(("*", 2e-3),), epochs=4, batch_size=12, head_lr=2e-3, head_epochs=1)


def run(step: Pretrain, family: str = "bert", data: RunData | None = None, **options: Any) -> RecipeResult:
    recipe = Recipe(name="t", steps=(step, ClosedForm(heads=("ridge",))))
    return run_recipe(recipe, text_network(family), data or with_unlabelled(), task=CLASSIFY, **options)


def with_unlabelled(n: int = 48) -> RunData:
    """Of 24 texts the labels are known, of `n` more they are not."""
    data = text_data(24 + n, 9)
    samples = [
        dataclasses.replace(s, label=None) if 24 <= i < 24 + n else s for i, s in enumerate(data.dataset.samples)
    ]
    dataset = dataclasses.replace(data.dataset, samples=tuple(samples))
    split = dataclasses.replace(data.split, train=np.arange(24), unlabelled=np.arange(24, 24 + n))
    return dataclasses.replace(data, dataset=dataset, split=split, store=type(data.store)(dataset, spec()))  # type: ignore[arg-type]


def tokens(n: int = 64) -> torch.Tensor:
    (batch,) = text_data(n, 0).store.batches(range(n), batch_size=n)  # type: ignore[union-attr]
    return batch.inputs


def hiding(share: float = 0.15) -> Hiding:
    return Hiding.of(text_network(), "masked", share)


def test_what_is_to_be_told_is_what_was_there_and_everything_else_is_as_it_was() -> None:
    ids = tokens()[..., 0]
    seen, targets = hiding(0.4)(tokens(), seed=0)
    asked = targets >= 0
    assert torch.equal(targets[asked], ids[asked])
    assert torch.equal(seen[..., 0][~asked], ids[~asked])
    assert torch.equal(seen[..., 1], tokens()[..., 1])
    assert bool(asked.any(1).all()), "at least one of every text"
    special = torch.tensor(special_tokens(spec()))
    assert not torch.isin(ids[asked], special).any()
    assert not (asked & (ids < 0)).any()


def test_of_what_is_chosen_eight_of_ten_are_masked_one_is_another_and_one_is_left() -> None:
    hide, many = hiding(0.5), tokens().repeat(40, 1, 1)
    seen, targets = hide(many, seed=1)
    asked = targets >= 0
    free = (many[..., 0] >= 0) & ~torch.isin(many[..., 0], torch.tensor(hide.special))
    assert float(asked.sum() / free.sum()) == pytest.approx(0.5, abs=0.03)
    now = seen[..., 0][asked]
    masked, same = now.eq(mask_token(spec()) or -1), now.eq(targets[asked])
    assert float(masked.float().mean()) == pytest.approx(0.8, abs=0.02)
    assert float(same.float().mean()) == pytest.approx(0.1, abs=0.02)
    assert torch.equal(hide(many, seed=1)[0], seen)
    assert not torch.equal(hide(many, seed=2)[0], seen)


def test_a_decoder_is_asked_for_the_next_token_and_sees_what_is_there() -> None:
    seen, targets = Hiding.of(text_network("gpt2"), "causal", 0.15)(tokens(), seed=0)
    assert torch.equal(seen, tokens())
    ids = tokens()[..., 0]
    assert torch.equal(targets[:, :-1], ids[:, 1:])
    assert bool((targets[:, -1] == -1).all())


def test_the_loss_is_over_what_is_asked_and_parts_add_up() -> None:
    network = text_network()
    head, _ = token_head(network.facts, "masked", seed=0)
    loss, z = TokenLoss(head), torch.randn(6, 5, 32, generator=torch.Generator().manual_seed(0))
    targets = torch.full((6, 5), -1)
    targets[0, 1], targets[0, 2], targets[4, 0] = 7, 8, 9
    asked = targets >= 0
    whole = loss.loss(z, targets)
    torch.testing.assert_close(whole, functional.cross_entropy(head(z[asked]), targets[asked]))
    cut = [slice(0, 2), slice(2, 4), slice(4, 6)]
    parts = sum(loss.loss(z[p], targets[p]).item() * loss.weight(targets[p]) / loss.weight(targets) for p in cut)
    assert parts == pytest.approx(whole.item(), rel=1e-5)


@pytest.mark.parametrize("family", ["bert", "distilbert", "electra", "modernbert", "deberta-v2", "gpt2", "llama"])
def test_the_loss_on_held_out_texts_falls(family: str) -> None:
    told = Told()
    result = run(STEP.model_copy(update={"head_lr": 1e-2}), family, with_unlabelled(96), listener=told)
    losses = [row.values["val_loss"] for row in result.curve if row.phase.startswith("pretrain")]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0] - 0.1
    assert losses[-1] < math.log(100), "less than of a guess"
    assert told.decided("pretrain: 120 texts")


def test_minilm_learns_the_words_of_a_domain() -> None:
    backbone = load_backbone("minilm")
    data = text_data(40, 12)
    size = dataclasses.replace(backbone.spec.with_size(32))
    data = dataclasses.replace(data, spec=size, store=type(data.store)(data.dataset, size))  # type: ignore[arg-type]
    step = Pretrain(rates=(("block:-2..", 1e-4), ("*", None)), epochs=2, batch_size=8, head_lr=5e-4, head_epochs=1)
    network = Network(backbone, CLASSIFY.head(backbone.out_features, data.dataset.target))
    recipe = Recipe(name="t", steps=(step, ClosedForm(heads=("ridge",))))
    result = run_recipe(recipe, network, data, task=CLASSIFY)
    losses = [row.values["val_loss"] for row in result.curve if row.phase == "pretrain"]
    assert losses[-1] < losses[0] < math.log(30522)
    moved = changed(network.state_dict(), result.network.state_dict())
    layers = {name.split(".")[4] for name in moved if ".layer." in name}
    assert layers == {"4", "5"}
    assert not any("embeddings" in name for name in moved)


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_nothing_of_it_is_left_but_the_backbone(family: str) -> None:
    before, data = text_network(family), with_unlabelled()
    result = run(STEP, family, data)
    assert result.network.state_dict().keys() == before.state_dict().keys()
    assert changed(before.backbone.state_dict(), result.network.backbone.state_dict())
    outputs = predict_outputs(result.network, data.store, data.split.val)
    torch.testing.assert_close(outputs, result.val_outputs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_what_is_frozen_keeps_every_bit(family: str) -> None:
    before = text_network(family)
    step = STEP.model_copy(update={"rates": (("head", None), ("block:-1", 1e-2), ("*", None))})
    result = run(step, family)
    plan = phase_plan(step, before, with_unlabelled())
    moved = changed(before.backbone.state_dict(), result.network.backbone.state_dict())
    assert plan.cut > 0
    assert moved
    assert {f"backbone.{name}" for name in moved} <= {name for group in plan.groups for name in group.parameters}


def test_a_head_that_is_new_learns_alone_first() -> None:
    whole = run(STEP)
    assert [row.phase for row in whole.curve[:5]] == ["pretrain head", *["pretrain"] * 4]
    still = run(STEP.model_copy(update={"rates": (("head", None), ("*", 1e-12)), "epochs": 1, "head_epochs": 3}))
    losses = [row.values["val_loss"] for row in still.curve if row.phase == "pretrain head"]
    assert losses[-1] < losses[0]
    before, after = text_network().backbone.state_dict(), still.network.backbone.state_dict()
    assert max(float((before[name] - tensor).abs().max()) for name, tensor in after.items()) < 1e-6
    assert not any(row.phase == "pretrain head" for row in run(STEP, "gpt2").curve), "all that it has is tied"


def test_a_batch_in_parts_gives_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    step = STEP.model_copy(update={"optimizer": "sgd", "epochs": 2})
    whole = run(step, "llama")
    monkeypatch.setattr("warmstart.engine.assemble.estimate_micro", lambda *_: 5)
    parted = run(step, "llama")
    for name, tensor in whole.network.backbone.state_dict().items():
        torch.testing.assert_close(tensor, parted.network.backbone.state_dict()[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "gpt2"])
@pytest.mark.parametrize("batches", [2, 7, 15])
def test_a_run_goes_on_bit_exactly(family: str, batches: int, tmp_path: Path) -> None:
    whole, interrupt = run(STEP, family), Interrupt()
    with pytest.raises(Interrupted):
        run(STEP, family, folder=tmp_path, listener=after(batches, interrupt), interrupt=interrupt)
    resumed = run(STEP, family, folder=tmp_path)
    assert identical(whole.network.state_dict(), resumed.network.state_dict())


def test_the_rate_may_be_found() -> None:
    told = Told()
    run(STEP.model_copy(update={"rates": (("head", None), ("*", "auto")), "epochs": 1}), listener=told)
    assert told.decided("learning rate")


def test_copies_of_what_is_held_out_are_not_learned_from() -> None:
    data = with_unlabelled()
    samples = list(data.dataset.samples)
    samples[30] = dataclasses.replace(samples[30], source=samples[int(data.split.val[0])].source)
    found = from_all(dataclasses.replace(data, dataset=dataclasses.replace(data.dataset, samples=tuple(samples))))
    held_out = {str(samples[i].source) for i in data.split.val}
    assert 30 not in found.split.train
    assert not held_out & {str(samples[i].source) for i in found.split.train[24:]}
    assert set(found.split.train) > set(data.split.train)


def test_a_run_belongs_to_its_unlabelled_texts() -> None:
    network = text_network()
    recipe = load_recipe("further_pretrain")

    def of(data: RunData) -> Any:
        return identity(recipe, compile_plan(recipe, network, data.facts), data, network, 0)["data"]

    assert of(with_unlabelled(48)) != of(with_unlabelled(47))


def folder_of(path: Path, kind: str) -> str:
    """A BERT with random weights, saved with the head of a language model or without."""
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    model = BertForMaskedLM(BertConfig(**SIZES)) if kind == "whole" else module_of("bert")
    model.save_pretrained(path)
    made = tokenizer()
    made.add_special_tokens(["[MASK]"])
    made.save(str(path / "tokenizer.json"))
    return f"hf:{path}"


def test_the_head_is_that_of_the_weights_where_they_have_one(tmp_path: Path) -> None:
    from transformers import BertForMaskedLM

    backbone = load_backbone(folder_of(tmp_path, "whole"))
    head, came = token_head(backbone, "masked", seed=0)
    assert came
    network: Any = TokenNetwork(Network(backbone, torch.nn.Linear(32, 3)), head)
    network.train(False)
    model: Any = BertForMaskedLM.from_pretrained(tmp_path).train(False)
    ids = torch.arange(5, 15)[None]
    with torch.no_grad():
        found = head(network(torch.stack([ids, torch.zeros_like(ids)], -1))[0])
        torch.testing.assert_close(found, model(input_ids=ids).logits[0])


def test_a_head_that_is_new_is_tied_to_the_embeddings_and_drawn_from_the_seed(tmp_path: Path) -> None:
    backbone = load_backbone(folder_of(tmp_path, "encoder"))
    (head, came), (again, _), (other, _) = (token_head(backbone, "masked", seed=seed) for seed in (0, 0, 1))
    assert not came
    assert identical(head.state_dict(), again.state_dict())
    assert not identical(head.state_dict(), other.state_dict())
    embeddings: Any = backbone.module.model.get_input_embeddings()  # type: ignore[operator, union-attr]
    assert any(parameter is embeddings.weight for parameter in head.parameters())


@pytest.mark.parametrize(("family", "objective"), [("bert", "masked"), ("modernbert", "masked"), ("gpt2", "causal")])
def test_the_objective_is_what_the_architecture_is_made_for(family: str, objective: str) -> None:
    assert chosen_objective("auto", text_network(family).facts) == objective


@pytest.mark.parametrize(
    ("family", "asked", "says"),
    [("bert", "causal", "objective masked, or auto"), ("gpt2", "masked", "objective causal"), ("t5", "auto", "cannot")],
)
def test_an_objective_that_does_not_fit_is_refused(family: str, asked: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        phase_plan(Pretrain.model_validate({"objective": asked}), text_network(family), text_data())


def test_a_tokenizer_without_a_mask_and_images_are_refused() -> None:
    network = text_network()
    network.facts.spec = dataclasses.replace(spec(), tokenizer=tokenizer().to_str())
    with pytest.raises(RecipeError, match="no token that hides another"):
        phase_plan(STEP, network, text_data())
    with pytest.raises(RecipeError, match="the data are images"):
        phase_plan(STEP, make_network(), make_data())
