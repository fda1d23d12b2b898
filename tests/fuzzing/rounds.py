"""Fuzz all readers in turn, for hours: `python -m tests.fuzzing.rounds FOLDER --hours 2`.

Each turn is a process of its own and goes on from the inputs that the turns before it found (`FOLDER/corpus/TARGET`).
What crashes lies in `FOLDER/findings/TARGET`; `FOLDER/totals.json` has the processor hours, executions and findings.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.fuzzing.targets import TARGETS
from warmstart.files import folder_name, read_json, write_json

DONE = re.compile(r"^Done (\d+) runs in", re.MULTILINE)
SO_FAR = re.compile(r"^#(\d+)\s", re.MULTILINE)


def turn(name: str, folder: Path, seconds: int) -> dict[str, Any]:
    """One turn of one target: its executions, processor seconds and new findings."""
    place = folder_name(name)
    findings = folder / "findings" / place
    before = set(findings.glob("*"))
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        command = [sys.executable, "-m", "tests.fuzzing.run", name, "--seconds", str(seconds)]
        command += ["--corpus", str(folder / "corpus" / place), "--findings", str(findings)]
        done = subprocess.run(
            command, env=os.environ | {"TMPDIR": scratch}, capture_output=True, text=True, errors="replace", check=False
        )
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    new = sorted(path.name for path in set(findings.glob("*")) - before)
    if done.returncode or new:
        findings.mkdir(parents=True, exist_ok=True)
        (findings / f"log-{time.strftime('%H%M%S')}.txt").write_text(done.stderr[-20_000:], encoding="utf-8")
    counts = [int(n) for n in DONE.findall(done.stderr) or SO_FAR.findall(done.stderr)]
    spent = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    return {"executions": max(counts, default=0), "cpu_seconds": spent, "findings": new, "code": done.returncode}


def add(totals: dict[str, Any], name: str, found: dict[str, Any]) -> None:
    """Add a turn to the totals of its target."""
    mine = totals.setdefault(name, {"turns": 0, "executions": 0, "cpu_seconds": 0.0, "findings": []})
    mine["turns"] += 1
    mine["executions"] += found["executions"]
    mine["cpu_seconds"] = round(mine["cpu_seconds"] + found["cpu_seconds"], 1)
    mine["findings"] += found["findings"]


def main() -> None:
    """Turn after turn until the hours are over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seconds", type=int, default=120, help="of one turn")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="only these")
    asked = parser.parse_args()
    folder, end = asked.folder.resolve(), time.monotonic() + 3600 * asked.hours
    totals = read_json(folder / "totals.json") or {}
    while time.monotonic() < end:
        for name in sorted(asked.target or TARGETS, key=lambda one: totals.get(one, {}).get("turns", 0)):
            if time.monotonic() < end:
                found = turn(name, folder, asked.seconds)
                add(totals, name, found)
                write_json(folder / "totals.json", totals)
                print(name, found, flush=True)


if __name__ == "__main__":
    main()
