"""Can a language model be tuned to write? `python -m benchmarks.generation [--quick] [gpt2 t5]` prints what came of it.

A small model of the type of GPT-2 (causal) and one of the type of T5 (encoder and decoder) are made by transformers
from a configuration, with random weights and a tokenizer trained on the texts, saved as a folder, and loaded as any
published model is (`hf:./FOLDER`). Each learns to sort the digits of a string, which can be checked, and is then asked
for digits that it has not seen together: none of the right answers stands in what it learned from, so that looking up
the most similar string (the baseline `nearest`) has none of them. Exact match is counted on what it writes by itself,
greedily.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

import warmstart
from warmstart.model.catalog import load_backbone
from warmstart.recipe.methods import load_recipe

SHAPES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 64}
    | dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0),
    "t5": {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4, "dropout_rate": 0.0},
}
"""Small ones; without dropout, for there is no noise to be robust against."""
SPECIAL = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1}
SHORTEST, LONGEST = 3, 8
"""Digits of a string, all different."""


@dataclasses.dataclass(frozen=True)
class Size:
    """How much there is to learn, and how long it is learned."""

    train: int = 6000
    test: int = 500
    epochs: int = 20
    lr: float = 3e-3


QUICK = Size(train=3000, test=200, epochs=16)


@dataclasses.dataclass(frozen=True)
class Learned:
    """What came of it."""

    family: str
    parameters: int  # of the backbone
    seconds: float  # of the whole fit
    exact: float  # share of the test strings that are sorted without a mistake
    forced: float  # the same as it follows from one pass, without writing


def strings(size: Size, seed: int = 0) -> tuple[list[str], list[str]]:
    """Different strings of different digits to learn from, and to be asked for; the two share no set of digits."""
    rng = np.random.default_rng(seed)
    digits = [one for n in range(SHORTEST, LONGEST + 1) for one in itertools.combinations("0123456789", n)]
    order = rng.permutation(len(digits))
    apart = len(order) // 5

    def drawn(n: int, chosen: Any) -> list[str]:
        found = dict[str, None]()
        while len(found) < n:
            found["".join(rng.permutation(digits[rng.choice(chosen)]))] = None
        return list(found)

    return drawn(size.train, order[apart:]), drawn(size.test, order[:apart])


def answer(text: str) -> str:
    """What is to be written."""
    return "".join(sorted(text))


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


def table(path: Path, texts: list[str]) -> Path:
    """Strings, what is to be written for each, and their digits, by which validation is kept apart from training."""
    rows = [(text, answer(text), answer(text)) for text in texts]
    pd.DataFrame(rows, columns=["input", "target", "digits"]).to_csv(path, index=False)
    return path


def learn(family: str, size: Size, folder: Path) -> Learned:
    """Make a model in `folder`, tune all of it, and let what was shipped write."""
    train, test = strings(size)
    uri = f"hf:{save(folder / family, family, [*train, *test])}?size=24"
    began = time.monotonic()
    result = warmstart.fit(
        table(folder / "train.csv", train),
        task="generate",
        group="digits",
        backbone=uri,
        recipe=load_recipe("finetune", from_block=0, head=1.0, lr=size.lr, epochs=size.epochs, batch_size=64),
        budget="30m",
        test=0.0,
        out=folder / "run",
        cache=folder / "cache",
    )
    seconds = time.monotonic() - began
    said = result.predict(test, batch_size=100)
    exact = float(np.mean([answer(text) == row["text"] for text, row in zip(test, said, strict=True)]))
    measured = warmstart.evaluate(result.bundle, table(folder / "test.csv", test), batch_size=100)
    parameters = load_backbone(uri).card.parameters
    return Learned(family, parameters, seconds, exact, measured["metrics"]["exact_match"].value)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", default=list(SHAPES), help="gpt2, t5")
    parser.add_argument("--quick", action="store_true", help="less to learn from, and for less long")
    given = parser.parse_args()
    for family in given.families:
        with tempfile.TemporaryDirectory() as folder:
            found = learn(family, QUICK if given.quick else Size(), Path(folder))
        print(
            f"{family:5} {found.parameters / 1e6:.2f}M parameters in the backbone, {found.seconds:.0f} s: "
            f"{found.exact:.1%} of unseen strings are sorted ({found.forced:.1%} by one pass)",
            flush=True,
        )


if __name__ == "__main__":
    main()
