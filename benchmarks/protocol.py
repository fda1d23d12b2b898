"""What is run: presets, and the command line over them."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Collection
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
PYTHONS = ("fastai", "trainers", "autogluon")  # contenders that may need an interpreter of their own


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What is run: all of it decided before the first trial.

    Times and accuracies are given relative to those of the first contender.
    """

    name: str
    sets: tuple[str, ...]
    contenders: tuple[str, ...]
    train: int
    test: int
    repeats: int
    epochs: int


IMAGES = Protocol("images", tuple(SOURCES), MAIN, train=1000, test=2000, repeats=1, epochs=10)
FEW_LABELS = Protocol("few-labels", ("fashion",), FEW, train=100, test=2000, repeats=3, epochs=10)
PROBE = Protocol("linear-probe", ("fashion",), FROZEN, train=1000, test=2000, repeats=3, epochs=10)
FIT = Protocol("fit-whole", ("fashion", "cifar10", "mnist"), WHOLE, train=300, test=1000, repeats=3, epochs=10)
QUICK = Protocol("quick", tuple(SOURCES), tuple(CONTENDERS), train=60, test=60, repeats=1, epochs=1)


def arguments(about: str | None, words: list[str] | None = None) -> tuple[Protocol, argparse.Namespace]:
    """The protocol that the command line asks for, and the rest of it."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    preset = parser.add_mutually_exclusive_group()
    preset.add_argument("--few-labels", dest="preset", action="store_const", const=FEW_LABELS, default=IMAGES)
    preset.add_argument("--probe", dest="preset", action="store_const", const=PROBE)
    preset.add_argument("--whole", dest="preset", action="store_const", const=FIT)
    preset.add_argument("--quick", dest="preset", action="store_const", const=QUICK)
    parser.add_argument("--sets", type=_names(SOURCES), help=f"some of {','.join(SOURCES)}")
    some = f"some of {','.join(CONTENDERS)}; the others are told relative to the first"
    parser.add_argument("--contenders", type=_names(CONTENDERS), help=some)
    parser.add_argument("--train", type=int, help="training images (1000)")
    parser.add_argument("--test", type=int, help="test images (2000)")
    parser.add_argument("--repeats", type=int, help="draws of the data, each with its own seed (1)")
    parser.add_argument("--epochs", type=int, help="for contenders that train by epochs (10)")
    parser.add_argument("--name", help="of the result files (images, few-labels, linear-probe, fit-whole or quick)")
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
    return dataclasses.replace(args.preset, **given), args


def _names(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return names

    return parse
