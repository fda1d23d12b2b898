"""The sinusoids of MAML: what five samples of a new one teach a network that has seen others of their kind.

    python -m benchmarks.sinusoid [--out FOLDER] [--iterations 70000] [--methods maml fomaml reptile pretrained]

Finn et al. 2017, section 5.1 and appendix C: y = A sin(x - p) with A from U[0.1, 5], p from U[0, pi] and x from
U[-5, 5]; a network of two hidden layers of 40 ReLUs; 70,000 iterations of Adam at 0.001 on 25 tasks of 5 samples to
learn from and 5 to be told, one inner step of 0.01 (section 5.1 and the authors' code). Measured: mean squared error
on 600 new tasks after 1, 5 and 10 steps from 5 samples, on 100 others of the same task, with 95 % intervals over tasks.
"pretrained" is trained on the samples of all tasks with no inner step. The inner loop is the library's
(`warmstart.methods.meta.inner`). A run that was stopped goes on where it was; results lie in FOLDER/sinusoid.json,
where rows of other methods stay, if they are of as many iterations from the same seed.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.machine import machine
from benchmarks.packages import cache_folder
from warmstart.engine.checkpoint import Record, read, under, write
from warmstart.engine.seeds import derive
from warmstart.evaluation.intervals import bootstrap
from warmstart.files import write_json, write_text
from warmstart.methods.meta.inner import Inner, Params

RESULTS = Path(__file__).parent / "results"
METHODS = ("maml", "pretrained", "fomaml", "reptile")
PUBLISHED = {"maml": (0.67, 0.38, 0.35), "pretrained": (2.41, 2.23, 2.19)}
"""Table 2 of the paper's appendix."""
STEPS = (1, 5, 10)
TASKS, SHOTS, RATE, INNER = 25, 5, 1e-3, 0.01
REPTILE_STEPS = 5
CHUNK = 1000
"""Iterations between two checkpoints; the tasks of a chunk are drawn from a seed of its own."""
EVALUATED, ASKED = 600, 100


def tasks(count: int, samples: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs and values (count, samples, 1) of so many sinusoids."""
    amplitude = 0.1 + 4.9 * torch.rand(count, 1, 1, generator=generator)
    phase = math.pi * torch.rand(count, 1, 1, generator=generator)
    x = 10 * torch.rand(count, samples, 1, generator=generator) - 5
    return x, amplitude * torch.sin(x - phase)


def network(seed: int) -> nn.Sequential:
    """Two hidden layers of 40 ReLUs."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))


def inner_of(method: str, net: nn.Module, steps: int) -> Inner:
    """The inner loop, as the method differentiates it."""
    return Inner(net, nn.functional.mse_loss, INNER, steps, second_order=method == "maml")


def descend(method: str, net: nn.Module, params: Params, x: Tensor, y: Tensor) -> None:
    """Leave the outer gradient of one batch of tasks in the parameters."""
    if method == "reptile":
        away = inner_of(method, net, REPTILE_STEPS).displacement(params, [(x, y)] * REPTILE_STEPS)
        for name, gradient in away.items():
            params[name].grad = gradient
        return
    if method == "pretrained":
        loss = nn.functional.mse_loss(net(x), y)
    else:
        outputs = inner_of(method, net, 1).answers(params, (x[:, :SHOTS], y[:, :SHOTS]), x[:, SHOTS:])
        loss = nn.functional.mse_loss(outputs, y[:, SHOTS:])
    loss.backward()  # type: ignore[no-untyped-call]


def train(method: str, iterations: int, seed: int, folder: Path) -> tuple[nn.Sequential, float]:
    """The network after so many iterations, and the processor seconds that they took in all."""
    net = network(seed)
    params: Params = dict(net.named_parameters())
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    file, done, seconds = folder / f"{method}-{seed}.safetensors", 0, 0.0
    record = read(file)
    if record is not None and record.state["iterations"] <= iterations:
        done, seconds = record.state["iterations"], record.state["seconds"]
        net.load_state_dict(record.part("model"))
        if done:
            state = record.part("adam")
            for index, parameter in enumerate(net.parameters()):
                optimizer.state[parameter] = {key: state[f"{index}/{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
    while done < iterations:
        began, first = time.process_time(), done - done % CHUNK
        generator = torch.Generator().manual_seed(derive("sinusoid", seed, first))
        x, y = (values.reshape(CHUNK, TASKS, -1, 1) for values in tasks(CHUNK * TASKS, 2 * SHOTS, generator))
        last = min(CHUNK, iterations - first)
        for k in range(done - first, last):
            optimizer.zero_grad()
            descend(method, net, params, x[k], y[k])
            optimizer.step()
        done, seconds = first + last, seconds + time.process_time() - began
        moments = {
            f"{index}/{key}": value
            for index, parameter in enumerate(net.parameters())
            for key, value in optimizer.state[parameter].items()
        }
        spent = {"iterations": done, "seconds": seconds}
        write(file, Record(under("model", net.state_dict()) | under("adam", moments), spent))
    return net, seconds


def errors(net: nn.Module, seed: int) -> dict[int, Tensor]:
    """Squared error of each new task (EVALUATED,) after so many steps."""
    generator = torch.Generator().manual_seed(derive("sinusoid", seed, "evaluated"))
    x, y = tasks(EVALUATED, SHOTS + ASKED, generator)
    params: Params = {name: value.detach() for name, value in net.named_parameters()}
    found = {}
    with torch.no_grad():
        for steps in STEPS:
            inner = inner_of("fomaml", net, steps)
            outputs = inner.answers(params, (x[:, :SHOTS], y[:, :SHOTS]), x[:, SHOTS:])
            found[steps] = (outputs - y[:, SHOTS:]).square().mean((1, 2))
    return found


def row(method: str, iterations: int, seed: int, folder: Path) -> dict[str, Any]:
    """What one method comes to."""
    net, seconds = train(method, iterations, seed, folder)
    cells = {}
    for steps, values in errors(net, seed).items():
        interval = bootstrap(values.numpy(), bounds=(0.0, math.inf))
        cells[str(steps)] = {"mse": interval.value, "low": interval.low, "high": interval.high}
    return {"method": method, "steps": cells, "cpu_seconds": seconds, "published": PUBLISHED.get(method)}


def markdown(facts: dict[str, Any]) -> str:
    """The table, with the published values below those measured."""
    lines = [
        "| method | " + " | ".join(f"MSE after {n} step{'s' * (n > 1)}" for n in STEPS) + " | processor seconds |",
        "|---|" + "---|" * (len(STEPS) + 1),
    ]
    for one in facts["rows"]:
        cells = [one["steps"][str(n)] for n in STEPS]
        told = [f"{cell['mse']:.2f} [{cell['low']:.2f}, {cell['high']:.2f}]" for cell in cells]
        lines.append(f"| {one['method']} | {' | '.join(told)} | {one['cpu_seconds']:.0f} |")
        if one["published"]:
            lines.append(f"| published | {' | '.join(f'{value:.2f}' for value in one['published'])} | |")
    machines = "; ".join(dict.fromkeys(one["machine"] for one in facts["rows"]))
    how = f"{facts['iterations']:,} iterations, seed {facts['seed']}, one thread of {machines}."
    return "\n".join([*lines, "", how, ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the table after each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--iterations", type=int, default=70_000)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    file, machine_here = options.out / "sinusoid.json", machine()
    facts: dict[str, Any] = {"iterations": options.iterations, "seed": options.seed, "rows": []}
    before = json.loads(file.read_text()) if file.exists() else facts
    if all(before[key] == facts[key] for key in ("iterations", "seed")):
        facts["rows"] = [{"machine": before.get("machine"), **one} for one in before["rows"]]
    for method in options.methods:
        found = {**row(method, options.iterations, options.seed, cache_folder() / "sinusoid"), "machine": machine_here}
        others = [one for one in facts["rows"] if one["method"] != method]
        facts["rows"] = sorted([*others, found], key=lambda one: METHODS.index(one["method"]))
        write_json(file, facts)
        write_text(options.out / "sinusoid.md", markdown(facts))
        print(markdown(facts), flush=True)


if __name__ == "__main__":
    main()
