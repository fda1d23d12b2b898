"""`warmstart serve` under load from another process, in turns with its bundle in this process; then hostile clients.

`python -m benchmarks.serving BUNDLE INPUTS`: INPUTS is a folder of images, a table of texts, or a file of series.
Both sides read, prepare and answer the same inputs: this process in batches of 32, the service as requests of few.
Seconds by the clock are told, and of processor time, which tell more where other processes share the cores.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import serving_hostile
from benchmarks.machine import machine
from benchmarks.serving_load import form, request
from warmstart.data.schema import Sample, Text
from warmstart.data.sources import load_inputs
from warmstart.engine.allocator import keep_buffers
from warmstart.serving.limits import Limits
from warmstart.shipping.bundle import Bundle

BATCH = 32


class Serving:
    """The service as a process of its own."""

    def __init__(self, bundle: Path, *options: str) -> None:
        began = time.perf_counter()
        command = [sys.executable, "-m", "warmstart.cli.main", "serve", str(bundle), "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if "ready at" in line:
                break
        else:
            raise RuntimeError(f"the service did not start: {''.join(said)}")
        self.port = int(line.rsplit(":", 1)[1])
        self.seconds, self.cpu_to_start = time.perf_counter() - began, self.cpu()

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> int:
        """End it; its exit code."""
        self.process.terminate()
        return self.process.wait(60)


def samples_of(bundle: Bundle, place: Path, count: int) -> list[Sample]:
    """Inputs in memory, as the service gets them; over again where there are few."""
    found = list(load_inputs([place], kind=bundle.spec.kind))
    if bundle.spec.kind == "image":
        found = [Sample(sample.id, Path(sample.source).read_bytes()) for sample in found]
    return [found[i % len(found)] for i in range(count)]


def requests_of(samples: list[Sample], each: int, *, packed: bool = False) -> list[bytes]:
    """The same inputs as requests of `each`; series as JSON, or `packed` in an array."""
    found = []
    for start in range(0, len(samples), each):
        some = samples[start : start + each]
        if isinstance(some[0].source, Text):
            body = json.dumps({"texts": [sample.source.parts[0] for sample in some]}).encode()
            found.append(request(body, "application/json"))
        elif isinstance(some[0].source, bytes):
            found.append(request(form([(f"{i}.png", sample.source) for i, sample in enumerate(some)])))
        elif packed:
            array = io.BytesIO()
            np.save(array, np.stack([sample.source.values for sample in some]).astype(np.float32))
            found.append(request(form([("series.npy", array.getvalue())])))
        else:
            series = [sample.source.values.astype(float).tolist() for sample in some]
            found.append(request(json.dumps({"series": series}).encode(), "application/json"))
    return found


class Sender:
    """The process that sends load."""

    def __init__(self, port: int, clients: int, requests: list[str]) -> None:
        command = [sys.executable, "-m", "benchmarks.serving_load"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._asked = json.dumps({"port": port, "clients": clients, "requests": requests}) + "\n"

    def send(self) -> dict[str, Any]:
        """All requests once."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(self._asked)
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


def measured(bundle: Bundle, serving: Serving, given: argparse.Namespace) -> dict[str, Any]:
    """Both sides in turns, the order changing, and then hostile clients."""
    samples = samples_of(bundle, given.inputs, given.count)

    def plain() -> dict[str, Any]:
        wall, cpu = time.perf_counter(), time.process_time()
        rows = bundle.predict(samples, batch_size=BATCH)
        assert not any(row["error"] for row in rows)
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}

    def service() -> dict[str, Any]:
        cpu = serving.cpu()
        return {**sender.send(), "cpu": serving.cpu() - cpu}

    with tempfile.TemporaryDirectory() as folder:
        contents = requests_of(samples, given.each, packed=given.packed)
        for i, content in enumerate(contents):
            Path(f"{folder}/{i}").write_bytes(content)
        sender = Sender(serving.port, given.clients, [f"{folder}/{i}" for i in range(len(contents))])
        try:
            sides = {"plain": plain, "service": service}
            runs: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
            for turn in range(given.rounds + 1):
                for name in sides if turn % 2 else reversed(sides):
                    runs[name].append(sides[name]())
        finally:
            sender.stop()
    warm = {name: found[1:] for name, found in runs.items()}  # in the first turn both sides warm up
    return {"runs": warm, "hostile": serving_hostile.tried(serving.port, contents[0]) if given.hostile else []}


def told(found: dict[str, Any], count: int) -> None:
    """The figures, in words."""
    plain, service = found["runs"]["plain"], found["runs"]["service"]
    for one in service:  # what was refused was not answered: it counts as if it took for ever
        share = one["statuses"].get("200", 0) / sum(one["statuses"].values())
        one["wall"], one["cpu"] = (one[key] / share if share else float("inf") for key in ("wall", "cpu"))
    times = [a["wall"] / b["wall"] for a, b in zip(plain, service, strict=True)]
    work = [a["cpu"] / b["cpu"] for a, b in zip(plain, service, strict=True)]
    seconds = np.array([s for one in service for s in one["seconds"]])
    statuses: dict[str, int] = {}
    for one in service:
        for status, number in one["statuses"].items():
            statuses[status] = statuses.get(status, 0) + number
    for side, runs in found["runs"].items():
        rate, cost = (statistics.median(run[key] for run in runs) for key in ("wall", "cpu"))
        print(f"{side:8} {count / rate:8.1f} inputs/s, {1000 * cost / count:6.2f} ms of processor time an input")
    print(f"throughput of the service / plain: {statistics.median(times):.3f} ({min(times):.3f} to {max(times):.3f})")
    print(f"the same by processor time:        {statistics.median(work):.3f} ({min(work):.3f} to {max(work):.3f})")
    p50, p99 = np.quantile(seconds, (0.5, 0.99))
    print(f"{len(seconds)} requests: p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms, statuses {statuses}")
    for name, answers, good in found["hostile"]:
        print(f"  {name:42} {answers:28} then a good one: {good}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("--count", type=int, default=480)
    parser.add_argument("--each", type=int, default=4)
    parser.add_argument("--packed", action="store_true", help="series in an array, instead of JSON")
    parser.add_argument("--clients", type=int, default=16, help="fewer where so many would fill the service's queue")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", default="torch", help="of the service; this process has torch")
    parser.add_argument("--hostile", action=argparse.BooleanOptionalAction, default=True, help="hostile clients too")
    given = parser.parse_args()
    given.clients = max(1, min(given.clients, Limits().max_queue // given.each))
    keep_buffers()
    print(machine())
    print(f"{given.count} inputs in requests of {given.each} from {given.clients} clients, {given.rounds} rounds")
    bundle, serving = Bundle.load(given.bundle), Serving(given.bundle, "--engine", given.engine)
    try:
        print(f"start to ready: {serving.seconds:.1f} s, {serving.cpu_to_start:.1f} s of processor time")
        told(measured(bundle, serving, given), given.count)
    finally:
        print(f"exit code of the service: {serving.stop()}")


if __name__ == "__main__":
    main()
