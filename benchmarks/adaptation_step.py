"""What a step of each method of domain adaptation costs, against a step on the source alone; one command.

python benchmarks/adaptation_step.py                  # lite0, from its last two blocks and from deeper, three runs
python benchmarks/adaptation_step.py --methods mdd selftrain --blocks 2 --repeats 1    # some of it, not kept
python benchmarks/adaptation_step.py --quick          # the toy backbone, one run, nothing kept: does it run?

Whole runs of the engine, in turns and in one process, on one thread: batches of 32 of the source and 32 of the target,
activations below the trained blocks stored. Counted is the time of the processor from one step to the next, batches,
optimizer and all, as a mean over an epoch after the first. Every method begins with the first step here (`after: 0`);
self-training takes every prediction for sure, which is its dearest case; SHOT's pseudo-labels count as parts of steps.
Where memory does not suffice for a batch of both, gradient caching computes every sample once more: the table has the
micro-batch.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

if not __package__:  # started as a file: imports begin at the repository, not at this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import torch

from benchmarks.micro.measure import Run, Table, interleaved, machine, median
from warmstart.cache.store import ActivationStore
from warmstart.data.batches import PixelStore
from warmstart.data.schema import ClassTarget, Dataset, Sample, Split
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.data import RunData
from warmstart.engine.events import Advanced, Decided, Event
from warmstart.engine.run import run_recipe
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.recipe.aligning import Align, SelfTrain
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.recipe import Recipe
from warmstart.task.classify import CLASSIFY

RESULTS = Path(__file__).resolve().parent / "results"
METHODS = ("mcc", "dann", "cdan", "dan", "coral", "mdd", "selftrain", "shot")
BATCH, STEPS, EPOCHS = 32, 3, 3
CLASSES = tuple("0123456789")
BOUND = 2.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--repeats", type=int, default=3, help="runs that count, after one that does not where they are several (3)"
    )
    parser.add_argument("--size", type=int, default=224, help="of images, in pixels (224)")
    parser.add_argument("--quick", action="store_true", help="the toy backbone, and a table that is not kept")
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="some alone; the table is not kept")
    parser.add_argument("--blocks", nargs="+", type=int, help="the first block that is trained; likewise (-2 2)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    keep_buffers()
    methods, blocks = tuple(args.methods or METHODS), tuple(args.blocks or (-2, 2))
    if args.quick:
        table = run("toy", (-1, 1), 1, 32, methods)
    else:
        table = run("lite0", blocks, args.repeats, args.size, methods)
    if not (args.quick or args.methods or args.blocks):
        (RESULTS / "adaptation_step.md").write_text(table.markdown())
        (RESULTS / "adaptation_step.json").write_text(json.dumps(dataclasses.asdict(table), indent=1) + "\n")
    print(table.markdown(), flush=True)


def run(backbone: str, blocks: tuple[int, ...], repeats: int, size: int, methods: tuple[str, ...] = METHODS) -> Table:
    """Processor seconds of a step of each method, and how many times those of a step on the source alone they are."""
    rows, figures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        data = made(backbone, Path(folder), size)
        for block in blocks:
            found = interleaved(
                {name: timed(name, backbone, block, data) for name in ("source_only", *methods)},
                repeats,
                uncounted=int(repeats > 1),
            )
            alone = median(found, "source_only", "seconds")
            for name in found:
                seconds = median(found, name, "seconds")
                micro = f"{median(found, name, 'micro'):.0f}"
                rows.append((f"{block}", name, f"{seconds:.3f}", f"{seconds / alone:.2f}", micro))
            figures |= {f"{block} {name}": value for name, value in found.items()}
    notes = (
        f"{machine()}; medians of {repeats}, in turns; time of the processor, which others use meanwhile",
        f"{backbone} at {size} px, {BATCH} samples of the source and {BATCH} of the target; the bound is {BOUND} times",
    )
    header = ("from block", "method", "a step, s", "times source_only", "micro-batch")
    return Table("A step of domain adaptation", header, tuple(rows), notes, figures)


def made(backbone: str, folder: Path, size: int) -> RunData:
    """Noise: as many samples of the target as of the source, and nothing to validate on."""
    spec, rng, n = load_backbone(backbone).preprocess.with_size(size), np.random.default_rng(0), BATCH * STEPS
    pixels = rng.integers(0, 255, (2 * n, spec.size, spec.size, 3), dtype=np.uint8)
    samples = [Sample(f"{i}", one, CLASSES[i % 10] if i < n else None) for i, one in enumerate(pixels)]
    dataset, none = Dataset(tuple(samples), ClassTarget(CLASSES), name="noise"), np.arange(0)
    split = Split(np.arange(n), none, none, how="by hand", unlabelled=np.arange(n, 2 * n))
    return RunData(dataset, split, PixelStore(dataset, spec), spec, ActivationStore(folder, budget_bytes=1 << 32))


def timed(name: str, backbone: str, block: int, data: RunData) -> Run:
    """Processor seconds of a step, as a mean over an epoch after the first."""
    step = load_recipe(name, from_block=block, epochs=EPOCHS, batch_size=BATCH).steps[-1]
    if isinstance(step, Align):
        sure = {"threshold": 1e-6} if isinstance(step, SelfTrain) else {}
        step = step.model_copy(update={"after": 0.0, **sure})
    recipe = Recipe(name=name, steps=(step,))
    loaded = load_backbone(backbone)

    def once() -> dict[str, float]:
        at: list[float] = []
        micro = [BATCH]

        def listener(event: Event) -> None:
            if isinstance(event, Advanced) and event.what.startswith("phase") and event.n == 1:
                at.append(time.process_time())
            if isinstance(event, Decided) and "micro_batch" in event.details:
                micro.append(int(event.details["micro_batch"]))

        network = Network(loaded, CLASSIFY.head(loaded.out_features, data.dataset.target, seed=0))
        run_recipe(recipe, network, data, task=CLASSIFY, listener=listener)
        epochs = np.diff(at[STEPS - 1 :]).reshape(-1, STEPS).mean(1)
        return {"seconds": float(np.median(epochs)), "micro": float(min(micro))}

    return once


if __name__ == "__main__":
    main()
