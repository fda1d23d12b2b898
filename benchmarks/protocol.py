"""What is run: presets, and the command line over them."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.sources import SOURCES

MAIN = ("warmstart", "logistic-probe", "plain-probe", "plain-finetune", "fastai")
FEW = ("warmstart", "warmstart-probe", "logistic-probe", "plain-probe", "lightning-frozen", "trainer-frozen")
FROZEN = (
    "warmstart-probe",
    "logistic-probe",
    "plain-probe",
    "keras-probe",
    "lightning-probe",
    "trainer-frozen",
    "fastai-frozen",
)
WHOLE = ("warmstart", "fastai", "two-phase", "autogluon")
TEXTUAL = ("warmstart", "tfidf", "sentence-logistic", "setfit", "trainer-texts")
PYTHONS = ("fastai", "trainers", "autogluon", "setfit")  # contenders that may need an interpreter of their own


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What is run: all of it decided before the first trial.

    Times and accuracies are given relative to those of the first contender. `train` are numbers of training samples,
    "500" in all or "8/class"; `repeats` is how often each is drawn, one number or one for each. `tokens` are read of a
    text, `budget` is the time that is asked of contenders that can be asked to keep to one; images have neither.
    """

    name: str
    sets: tuple[str, ...]
    contenders: tuple[str, ...]
    train: tuple[str, ...]
    test: int
    repeats: tuple[int, ...]
    epochs: int
    tokens: int | None = None
    budget: str | None = None

    @property
    def kind(self) -> str:
        """What the sets hold: "image" or "text"."""
        return SOURCES[self.sets[0]].kind

    @property
    def words(self) -> tuple[str, ...]:
        """What every contender is told."""
        told = {"epochs": self.epochs, "tokens": self.tokens, "budget": self.budget}
        return tuple(word for name, value in told.items() if value is not None for word in (f"--{name}", str(value)))

    def draws(self) -> Iterator[tuple[int, str, int]]:
        """The number, the set and the training samples of every draw, in the order in which they are run."""
        repeats = dict(zip(self.train, self.repeats * len(self.train), strict=False))
        for repeat in range(max(self.repeats)):
            for name in self.sets:
                for size in self.train:
                    if repeat < repeats[size]:
                        yield repeat, name, samples(size, len(SOURCES[name].classes))


def samples(size: str, classes: int) -> int:
    """How many samples in all.

    >>> samples("8/class", 5), samples("500", 5)
    (40, 500)
    """
    count, _, each = size.partition("/")
    if each not in ("", "class") or not count.isdigit() or not int(count):
        raise argparse.ArgumentTypeError(f"{size!r} is neither a number of samples nor one like 8/class")
    return int(count) * (classes if each else 1)


PICTURES = tuple(name for name, source in SOURCES.items() if source.kind == "image")
PHOTOGRAPHIC = tuple(name for name, contender in CONTENDERS.items() if "image" in contender.reads)
IMAGES = Protocol("images", PICTURES, MAIN, train=("1000",), test=2000, repeats=(1,), epochs=10)
FEW_LABELS = Protocol("few-labels", ("fashion",), FEW, train=("100",), test=2000, repeats=(3,), epochs=10)
PROBE = Protocol("linear-probe", ("fashion",), FROZEN, train=("1000",), test=2000, repeats=(3,), epochs=10)
FIT = Protocol("fit-whole", ("fashion", "cifar10", "mnist"), WHOLE, ("300",), test=1000, repeats=(3,), epochs=10)
QUICK = Protocol("quick", PICTURES, PHOTOGRAPHIC, train=("60",), test=60, repeats=(1,), epochs=1)
TEXTS = Protocol(
    "texts",
    ("bbc", "imdb"),
    TEXTUAL,
    train=("8/class", "200", "500", "2000"),
    test=1000,
    repeats=(3, 2, 2, 1),
    epochs=10,
    tokens=128,
    budget="5m",
)
QUICK_TEXTS = Protocol(
    "quick", ("bbc",), TEXTUAL, ("2/class",), test=50, repeats=(1,), epochs=1, tokens=32, budget="1m"
)


def arguments(about: str | None, words: list[str] | None = None) -> tuple[Protocol, argparse.Namespace]:
    """The protocol that the command line asks for, and the rest of it."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    preset = parser.add_mutually_exclusive_group()
    preset.add_argument("--few-labels", dest="preset", action="store_const", const=FEW_LABELS, default=IMAGES)
    preset.add_argument("--probe", dest="preset", action="store_const", const=PROBE)
    preset.add_argument("--whole", dest="preset", action="store_const", const=FIT)
    preset.add_argument("--texts", dest="preset", action="store_const", const=TEXTS)
    preset.add_argument("--quick", dest="preset", action="store_const", const=QUICK)
    preset.add_argument("--quick-texts", dest="preset", action="store_const", const=QUICK_TEXTS)
    parser.add_argument("--sets", type=_names(SOURCES), help=f"some of {','.join(SOURCES)}")
    some = f"some of {','.join(CONTENDERS)}; the others are told relative to the first"
    parser.add_argument("--contenders", type=_names(CONTENDERS), help=some)
    parser.add_argument("--train", type=_sizes, help="training samples: 1000, 8/class, or several of them: 8/class,500")
    parser.add_argument("--test", type=int, help="test samples")
    repeats = "draws of the data, each with its own seed: one number, or one for each of several of --train"
    parser.add_argument("--repeats", type=_numbers, help=repeats)
    parser.add_argument("--epochs", type=int, help="for contenders that train by epochs (10)")
    parser.add_argument("--tokens", type=int, help="that are read of a text (128)")
    parser.add_argument("--budget", help="of contenders of texts that take one (5m)")
    parser.add_argument("--name", help="of the result files, without their endings")
    parser.add_argument("--fresh", action="store_true", help="run again what was run before")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds that a trial may take (3600)")
    for kind in PYTHONS:
        variable = f"WARMSTART_BENCH_PYTHON_{kind.upper()}"
        default = Path(os.environ.get(variable, sys.executable))
        about = f"interpreter that has it installed (${variable}, or this one)"
        parser.add_argument(f"--python-{kind}", type=Path, default=default, help=about)
    args = parser.parse_args(words)
    fields = [field.name for field in dataclasses.fields(Protocol)]
    given = {name: getattr(args, name) for name in fields if getattr(args, name) is not None}
    found = dataclasses.replace(args.preset, **given)
    if len(found.repeats) not in (1, len(found.train)):
        parser.error(f"--repeats has {len(found.repeats)} numbers for {len(found.train)} of --train")
    odd = [name for name in found.sets if SOURCES[name].kind != found.kind]
    odd += [name for name in found.contenders if found.kind not in CONTENDERS[name].reads]
    if odd:
        parser.error(f"not for {found.kind}s: {', '.join(odd)}")
    return found, args


def _sizes(text: str) -> tuple[str, ...]:
    for size in (found := tuple(text.split(","))):
        samples(size, 1)
    return found


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def _names(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return names

    return parse
