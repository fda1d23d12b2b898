"""Can a language model be tuned to write? `python -m benchmarks.generation [--quick] [gpt2 t5]` prints what came of it.

A small model of the type of GPT-2 (causal) and one of the type of T5 (encoder and decoder) are made by transformers
from a configuration, with random weights and a tokenizer trained on the texts, saved as a folder, and loaded as any
published model is (`hf:./FOLDER`). Each learns to write strings of digits backwards, which can be checked, and is then
asked for strings that it has not seen. Exact match is counted on what it writes by itself, greedily.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

from warmstart.cache.store import ActivationStore
from warmstart.data.schema import Dataset, Sample, Split, Text
from warmstart.data.stores import store_of
from warmstart.data.targets import TextTarget
from warmstart.engine.data import RunData
from warmstart.engine.run import run_recipe
from warmstart.model.catalog import load_backbone
from warmstart.model.text.writing import write
from warmstart.preprocess.kinds import of_texts
from warmstart.recipe.phase import Phase
from warmstart.recipe.recipe import Recipe
from warmstart.task.generate import GENERATE
from warmstart.task.network import network_for

SHAPES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 128, "n_layer": 3, "n_head": 4, "n_positions": 64}
    | dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0),
    "t5": {"d_model": 128, "d_kv": 32, "d_ff": 256, "num_layers": 2, "num_heads": 4, "dropout_rate": 0.0},
}
"""Small ones; without dropout, for there is no end of different strings."""
SPECIAL = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1}


@dataclasses.dataclass(frozen=True)
class Size:
    """How much there is to learn, and how long it is learned."""

    longest: int = 8  # digits; the shortest string has half of them
    train: int = 8000
    test: int = 500
    epochs: int = 12
    lr: float = 2e-3


QUICK = Size(longest=5, train=3000, test=200, epochs=8)


@dataclasses.dataclass(frozen=True)
class Learned:
    """What came of it."""

    family: str
    parameters: int
    seconds: float  # of training
    exact: float  # share of the test strings that are written backwards without a mistake
    forced: float  # the same as it follows from one pass, without writing


def strings(size: Size, seed: int = 0) -> list[str]:
    """Different strings of digits."""
    rng, found = np.random.default_rng(seed), dict[str, None]()
    while len(found) < size.train + size.test:
        length = rng.integers((size.longest + 1) // 2, size.longest + 1)
        found["".join(map(str, rng.integers(0, 10, length)))] = None
    return list(found)


def tokenizer(texts: list[str]) -> Tokenizer:
    """One token for every digit."""
    made = Tokenizer(models.BPE(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Digits(individual_digits=True)
    made.decoder = decoders.Fuse()
    made.train_from_iterator(
        texts, trainers.BpeTrainer(special_tokens=["[PAD]", "[END]", "[UNK]"], show_progress=False)
    )
    return made


def save(folder: Path, family: str, texts: list[str]) -> Path:
    """A model with random weights and its tokenizer, as transformers saves them."""
    reads = tokenizer(texts)
    config = AutoConfig.for_model(family, vocab_size=reads.get_vocab_size(), **SHAPES[family], **SPECIAL)
    kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    torch.manual_seed(0)
    kind.from_config(config).save_pretrained(folder)
    reads.save(str(folder / "tokenizer.json"))
    return folder


def learn(family: str, size: Size, folder: Path) -> Learned:
    """Make a model in `folder`, tune all of it, and let it write."""
    every = strings(size)
    backbone = load_backbone(f"hf:{save(folder, family, every)}?size=24")
    network = network_for(backbone, TextTarget())
    spec = of_texts(network.facts.spec)
    samples = tuple(Sample(f"row-{i}", Text((text,)), text[::-1]) for i, text in enumerate(every))
    dataset = Dataset(samples, TextTarget(), name="reversed")
    split = Split(np.arange(size.train), np.arange(size.train, len(every)), np.arange(0), how="by hand")
    data = RunData(dataset, split, store_of(dataset, spec), spec, ActivationStore(None, budget_bytes=1 << 28))
    tune = Phase(rates=(("*", size.lr),), epochs=size.epochs, batch_size=64)
    began = time.monotonic()
    result = run_recipe(Recipe(name="tune", steps=(tune,)), network, data, task=GENERATE)
    seconds = time.monotonic() - began
    held = every[size.train :]
    written = write(result.network, spec, [(text,) for text in held], max_new_tokens=2 * size.longest, batch_size=100)
    exact = float(np.mean([text[::-1] == found for text, found in zip(held, written, strict=True)]))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Learned(family, parameters, seconds, exact, result.val_metrics["exact_match"])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", default=list(SHAPES), help="gpt2, t5")
    parser.add_argument("--quick", action="store_true", help="shorter strings, fewer of them")
    given = parser.parse_args()
    for family in given.families:
        with tempfile.TemporaryDirectory() as folder:
            found = learn(family, QUICK if given.quick else Size(), Path(folder))
        print(
            f"{family:5} {found.parameters / 1e6:.2f}M parameters, {found.seconds:.0f} s: "
            f"{found.exact:.1%} of unseen strings written backwards exactly ({found.forced:.1%} by one pass)",
            flush=True,
        )


if __name__ == "__main__":
    main()
