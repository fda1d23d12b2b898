"""What a contender is given and what it answers. Imports nothing heavy: no contender pays for another's needs."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Job:
    """Folders of class folders of PNG or text files, a seed, and where the answer goes.

    `epochs` is what contenders that train by epochs get; `mirrored` tells those that augment whether a mirrored image
    is still of its class. Of texts, `tokens` is how many are read of each (`None`: these are images), and `budget` the
    time that is asked of those that can be asked to keep to one.
    """

    train: Path
    test: Path
    out: Path
    seed: int
    epochs: int
    mirrored: bool
    tokens: int | None = None
    budget: str | None = None

    def classes(self) -> list[str]:
        """Class names, sorted as torchvision's ImageFolder sorts them."""
        return sorted(folder.name for folder in self.train.iterdir() if folder.is_dir())

    def test_files(self) -> list[Path]:
        """Every test file, in the order of torchvision's ImageFolder: by class, then by name."""
        return sorted(self.test.glob("*/*.*"))

    def answer(
        self,
        predictions: Mapping[Path, str] | Iterable[tuple[Path, str]],
        *,
        packages: Sequence[str],
        seconds: float | None = None,
        **facts: Any,
    ) -> None:
        """Write the answer.

        Args:
            predictions: class name by test file.
            packages: installed packages whose versions matter.
            seconds: what counts as this contender's time, where that is not its process from start to end.
            facts: anything else worth a place in the results.
        """
        named = {file.relative_to(self.test).as_posix(): name for file, name in dict(predictions).items()}
        versions = {package: importlib.metadata.version(package) for package in packages}
        answer = {"predictions": named, "versions": versions, "seconds": seconds, "facts": facts}
        self.out.write_text(json.dumps(answer))


def parser(about: str | None) -> argparse.ArgumentParser:
    """The arguments that every contender takes."""
    result = argparse.ArgumentParser(description=about)
    result.add_argument("--train", type=Path, required=True)
    result.add_argument("--test", type=Path, required=True)
    result.add_argument("--out", type=Path, required=True)
    result.add_argument("--seed", type=int, default=0)
    result.add_argument("--epochs", type=int, default=10)
    result.add_argument("--mirrored", action=argparse.BooleanOptionalAction, default=True)
    result.add_argument("--tokens", type=int)
    result.add_argument("--budget")
    return result


def job_of(args: argparse.Namespace) -> Job:
    """The job that the command line describes."""
    return Job(args.train, args.test, args.out, args.seed, args.epochs, args.mirrored, args.tokens, args.budget)
