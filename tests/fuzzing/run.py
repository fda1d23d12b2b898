"""Fuzz a reader with atheris, guided by coverage: `python -m tests.fuzzing.run image --seconds 600`.

What crashes is written by libFuzzer to `crash-...` (in `--findings`), and can be given back to the target:
`python -m tests.fuzzing.run image --again crash-...`. With `--corpus` the next turn starts from what this one found.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["warmstart"]):
    from tests.fuzzing.targets import TARGETS, survives


def main() -> None:
    """Fuzz one target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, help="folder of inputs to start from, and for new ones")
    parser.add_argument("--findings", type=Path, default=Path(), help="folder for what crashes")
    parser.add_argument("--again", type=Path, help="only this input")
    asked = parser.parse_args()
    target, seeds = TARGETS[asked.target]
    if asked.again is not None:
        print("read" if survives(target, asked.again.read_bytes()) else "refused")
        return
    corpus = asked.corpus or Path(tempfile.mkdtemp(prefix="corpus-"))
    for folder in (corpus, asked.findings):
        folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds):
        (corpus / f"seed-{i}").write_bytes(seed)
    scratch = Path(tempfile.mkdtemp(prefix="scratch-"))
    tempfile.tempdir = str(scratch)
    count = 0

    def once(content: bytes) -> None:
        nonlocal count
        count += 1
        survives(target, content)
        if count % 200 == 0:
            for path in scratch.iterdir():
                shutil.rmtree(path, ignore_errors=True)

    survives(target, seeds[0])  # imports take longer than any input may
    bounds = ["-rss_limit_mb=4096", "-timeout=60", f"-max_total_time={asked.seconds}"]
    atheris.Setup([sys.argv[0], *bounds, f"-artifact_prefix={asked.findings}/", str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
