"""Fuzz a reader with atheris, guided by coverage: `python -m tests.fuzzing.run image --seconds 600`.

What crashes is written by libFuzzer to `crash-...`, and the input can be given back to the target.
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
    asked = parser.parse_args()
    target, seeds = TARGETS[asked.target]
    corpus = Path(tempfile.mkdtemp(prefix="corpus-"))
    for i, seed in enumerate(seeds):
        (corpus / str(i)).write_bytes(seed)
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

    atheris.Setup(
        [sys.argv[0], f"-max_total_time={asked.seconds}", "-rss_limit_mb=4096", "-timeout=20", str(corpus)], once
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
