"""Two digits in one picture, two tasks in one network: Table D, the Multi-MNIST of Kurin et al. (2022).

    python -m benchmarks.multi_mnist                    # the short protocol, results/multi_mnist.json and .md
    python -m benchmarks.multi_mnist --full             # the paper's: 100 epochs, 10 runs
    python -m benchmarks.multi_mnist --rows sum pcgrad  # some rows alone
    python -m benchmarks.multi_mnist --table            # what is there so far

As in the paper and the code of its authors: a digit at the upper left of 36 x 36 pixels and another, of the same part,
6 pixels further, the brighter counting where both are, then 28 x 28 by the nearest pixel; 50,000 pictures to train on
(the digits 50,000 to 59,999 make validation), 10,000 to choose the epoch by, 10,000 to measure on. LeNet (Sener &
Koltun 2018): two convolutions and a layer of 50 that are shared, and for each task a layer of 50 and one of 10; dropout
0.5; Adam, 1e-2, times 0.95 with each of 100 epochs; batches of 256. The best epoch by the mean validation accuracy of
the two tasks is measured.

It is `warmstart`'s own engine that trains: the same stepper, batches, schedule and choice of the epoch as in `fit`.
Dropout is torch's, which scales what it keeps and draws for each picture; the authors' code does neither. In the short
protocol epochs are fewer, and the rate falls by as much over them. `alone` trains each task by itself.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.machine import machine
from benchmarks.sources import SOURCES
from warmstart.cache.store import ActivationStore
from warmstart.data.onetask import one_task
from warmstart.data.pixels import PixelStore
from warmstart.data.schema import Dataset, Split
from warmstart.data.sources.arrays import load_arrays
from warmstart.engine.data import RunData
from warmstart.engine.deadline import Deadline
from warmstart.engine.run import run_recipe
from warmstart.evaluation.predict import predict_outputs
from warmstart.model.adapters.base import assemble, seeded
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.network import Network
from warmstart.model.several import SeveralHead
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.recipe.phase import BalanceName, Phase
from warmstart.recipe.recipe import Recipe
from warmstart.task.base import task_of

RESULTS = Path(__file__).parent / "results"
PAPER = {"sum": "0.9476 ± 0.0044", "pcgrad": "0.9479"}
ROWS: tuple[BalanceName | str, ...] = (
    "sum",
    "uncertainty",
    "gradnorm",
    "pcgrad",
    "cagrad",
    "upgrad",
    "nashmtl",
    "alone",
)
VALIDATION = 10_000
SPEC = PreprocessSpec(28, "squash", 1.0, "nearest", (0.1307,), (0.3081,), channels=1)
Images = npt.NDArray[np.uint8]
Result = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How long, how often, on how many pictures; after `minutes` of a training the best epoch so far counts."""

    epochs: int
    runs: int
    train: int = 50_000
    minutes: float | None = None


FULL, SHORT = Protocol(100, 10), Protocol(30, 1)


class Trunk(nn.Module):
    """Pictures (n, 1, 28, 28) to the 50 features that all tasks read."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.pool1, self.act1 = nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU()
        self.conv2, self.drop, self.pool2, self.act2 = (
            nn.Conv2d(10, 20, 5),
            nn.Dropout2d(0.5),
            nn.MaxPool2d(2),
            nn.ReLU(),
        )
        self.flatten, self.fc, self.act3 = nn.Flatten(), nn.Linear(320, 50), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, 50)."""
        x = self.act1(self.pool1(self.conv1(x)))
        x = self.act2(self.pool2(self.drop(self.conv2(x))))
        out: Tensor = self.act3(self.fc(self.flatten(x)))
        return out


class Head(nn.Sequential):
    """The layers of one task: features (n, 50) to logits (n, 10)."""

    config = {"kind": "lenet", "outputs": 10}  # noqa: RUF012 (what heads of the library have too)

    def __init__(self) -> None:
        super().__init__(nn.Linear(50, 50), nn.ReLU(), nn.Dropout(0.5), nn.Linear(50, 10))


def overlaid(digits: Images, labels: npt.NDArray[np.int64], seed: int) -> tuple[Images, npt.NDArray[np.int64]]:
    """(pictures (n, 28, 28), the two labels (n, 2)); the second digit of each is drawn."""
    other = np.random.default_rng(seed).integers(0, len(digits), len(digits))
    canvas = np.zeros((len(digits), 36, 36), dtype=np.uint8)
    canvas[:, :28, :28] = digits
    canvas[:, 6:34, 6:34] = np.maximum(canvas[:, 6:34, 6:34], digits[other])
    small = [np.asarray(Image.fromarray(one).resize((28, 28), Image.Resampling.NEAREST)) for one in canvas]
    return np.stack(small), np.stack([labels, labels[other]], 1)


def read(protocol: Protocol) -> tuple[Dataset, Split]:
    """The three parts as one data set of two tasks."""
    train, test = SOURCES["mnist"].read()
    assert test is not None, "MNIST has a test part"
    cut = len(train.labels) - VALIDATION
    pools = (
        (train.inputs[:cut], train.labels[:cut]),
        (train.inputs[cut:], train.labels[cut:]),
        (test.inputs, test.labels),
    )
    made = [overlaid(*pool, seed=number) for number, pool in enumerate(pools)]
    made[0] = (made[0][0][: protocol.train], made[0][1][: protocol.train])
    pictures = np.concatenate([images for images, _ in made])
    labels = np.concatenate([both for _, both in made]).astype(str)
    dataset = load_arrays(pictures, {"left": labels[:, 0].tolist(), "right": labels[:, 1].tolist()}, task="several")
    ends = np.cumsum([0, *(len(images) for images, _ in made)]).tolist()
    first, val, held = (np.arange(a, b) for a, b in itertools.pairwise(ends))
    return dataset, Split(first, val, held, how="as Kurin et al. (2022)")


def lenet(seed: int) -> Backbone:
    """The trunk with random weights."""
    with seeded(seed):
        card = BackboneCard(
            "lenet", "lenet", "random initialisation", "none needed", "nothing", "", 0, min_size=28, fixed_size=True
        )
        return assemble(Trunk(), SPEC, card)


def trained(data: RunData, balance: BalanceName, protocol: Protocol, seed: int, kept: Path) -> tuple[Tensor, int]:
    """(test outputs of the best epoch, epochs done); what was begun in `kept` goes on."""
    target = data.dataset.target
    tasks = 2 if target.kind == "several" else 1
    with seeded(seed):
        heads = [Head() for _ in range(tasks)]
    network = Network(lenet(seed), SeveralHead(heads) if tasks > 1 else heads[0])
    phase = Phase(
        name="train", rates=(("*", 1e-2),), epochs=protocol.epochs, batch_size=256, optimizer="adam", weight_decay=0.0,
        schedule="exponential", clip=None, norm="train", balance=balance,
    )  # fmt: skip
    folder = kept / f"{balance}-{'both' if tasks > 1 else data.dataset.name}-{protocol.epochs}-{protocol.train}-{seed}"
    recipe = Recipe(name=balance, steps=(phase,))
    limit = Deadline(None if protocol.minutes is None else 60 * protocol.minutes)
    result = run_recipe(recipe, network, data, task=task_of(target), seed=seed, folder=folder, deadline=limit)
    done = max((row.epoch for row in result.curve), default=0)
    return predict_outputs(result.network, data.store, data.split.test, batch_size=500), done


def measured(row: str, dataset: Dataset, split: Split, protocol: Protocol, seed: int, kept: Path) -> Result:
    """Accuracy of both tasks and their mean, of one run."""
    targets, found, done = ("left", "right"), dict[str, float](), 0
    if row == "alone":
        for name in targets:
            own = dataclasses.replace(one_task(dataset, name), name=name)
            data = run_data(own, split)
            outputs, done = trained(data, "sum", protocol, seed, kept)
            metrics = task_of(own.target).metrics(outputs, data.targets(split.test))
            found[name] = metrics["accuracy"]
    else:
        data = run_data(dataset, split)
        outputs, done = trained(data, cast(BalanceName, row), protocol, seed, kept)
        metrics = task_of(dataset.target).metrics(outputs, data.targets(split.test))
        found = {name: metrics[f"{name}/accuracy"] for name in targets}
    mean = float(np.mean([*found.values()]))
    return {
        "row": row,
        "seed": seed,
        **found,
        "mean": mean,
        "done": done,
        "epochs": protocol.epochs,
        "train": protocol.train,
    }


def run_data(dataset: Dataset, split: Split) -> RunData:
    """The data with nothing stored: all of the network is trained."""
    return RunData(dataset, split, PixelStore(dataset, SPEC), SPEC, ActivationStore(None, budget_bytes=0))


def table(results: list[Result]) -> str:
    """Markdown: a line for each protocol and row, with the spread of the runs."""
    lines = [
        f"Multi-MNIST. {machine()}, 1 thread, torch {torch.__version__}.",
        "",
        "| balance | pictures | epochs | runs | left | right | mean accuracy | published |",
        "|---|---|---|---|---|---|---|---|",
    ]
    kinds = sorted({(one["train"], one["epochs"], ROWS.index(one["row"])) for one in results})
    for train, epochs, place in kinds:
        mine = [one for one in results if (one["train"], one["epochs"], one["row"]) == (train, epochs, ROWS[place])]
        means, done = np.array([one["mean"] for one in mine]), min(one["done"] for one in mine)
        spread = f" ± {1.96 * means.std(ddof=1) / len(means) ** 0.5:.4f}" if len(means) > 1 else ""
        left, right = (np.mean([one[key] for one in mine]) for key in ("left", "right"))
        length = str(epochs) if done == epochs else f"{done} of {epochs}"
        told = [ROWS[place], str(train), length, str(len(mine)), f"{left:.4f}", f"{right:.4f}"]
        lines.append(f"| {' | '.join([*told, f'{means.mean():.4f}{spread}', PAPER.get(ROWS[place], '')])} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Run what is asked for, one result at a time; what is there is not run again."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--full", action="store_true", help="the paper's protocol: 100 epochs, 10 runs")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--train", type=int, help="pictures to train on, at most 50000")
    parser.add_argument("--minutes", type=float, help="of one training; beyond it the best epoch so far counts")
    parser.add_argument("--table", action="store_true", help="print what is there")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--kept", type=Path, default=Path("runs/multi-mnist"), help="checkpoints, to go on from")
    asked = parser.parse_args()
    chosen = FULL if asked.full else SHORT
    given = {key: value for key in ("epochs", "runs", "train", "minutes") if (value := getattr(asked, key)) is not None}
    protocol = dataclasses.replace(chosen, **given)
    file = asked.out / "multi_mnist.json"
    results: list[Result] = json.loads(file.read_text()) if file.exists() else []
    if not asked.table:
        torch.set_num_threads(1)
        dataset, split = read(protocol)
        for seed in range(protocol.runs):
            for row in asked.rows:
                key = {"row": row, "seed": seed, "epochs": protocol.epochs, "train": protocol.train}
                if not any(key.items() <= one.items() for one in results):
                    results.append(measured(row, dataset, split, protocol, seed, asked.kept))
                    print(results[-1], flush=True)
                    asked.out.mkdir(parents=True, exist_ok=True)
                    file.write_text(json.dumps(results, indent=1) + "\n")
    text = table(results)
    print(text)
    if not asked.table:
        (asked.out / "multi_mnist.md").write_text(text)


if __name__ == "__main__":
    main()
