"""Frozen work, part by part: extraction, gradual unfreezing, memory allocation; one command, tables in `results/`.

python benchmarks/frozen_work.py                       # all of them, three runs each
python benchmarks/frozen_work.py gradual --repeats 5
python benchmarks/frozen_work.py encoding many_texts tuning probe_seconds     # those of texts
python benchmarks/frozen_work.py encoding many_texts tuning probe_seconds --quick --repeats 1
python benchmarks/frozen_work.py many_windows                                 # that of series
python benchmarks/frozen_work.py precision training_step                      # those of boxes and masks, ...
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import sys
from pathlib import Path

if not __package__:  # started as a file: imports begin at the repository, not at this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from warmstart.engine.allocator import keep_buffers

RESULTS = Path(__file__).resolve().parent / "results"
TEXTUAL = ("encoding", "many_texts", "tuning", "probe_seconds")
OF_SERIES = ("many_windows",)
OF_SCENES = ("precision", "detector_step", "training_step", "segmenting", "big_image")
OF_IMAGES = ("extraction", "decode", "gradual", "allocator", "views", "heads", "estimates", "scale", "compare")
PARTS = (*OF_IMAGES, *TEXTUAL, *OF_SERIES, *OF_SCENES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=PARTS, help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--repeats", type=int, default=3, help="runs that count, after one that does not (3)")
    quick = "little data, tables that are printed and not kept: does everything run? For texts, series, scenes"
    parser.add_argument("--quick", action="store_true", help=quick)
    args = parser.parse_args()
    if args.quick and (others := [part for part in args.parts if part in OF_IMAGES]):
        parser.error(f"--quick is for {', '.join((*TEXTUAL, *OF_SERIES, *OF_SCENES))}, not for {', '.join(others)}")
    keep_buffers()  # for every contender alike
    RESULTS.mkdir(exist_ok=True)
    for part in args.parts:
        run = importlib.import_module(f"benchmarks.micro.{part}").run
        table = run(args.repeats, quick=True) if args.quick else run(args.repeats)
        if not args.quick:
            (RESULTS / f"{part}.md").write_text(table.markdown())
            (RESULTS / f"{part}.json").write_text(json.dumps(dataclasses.asdict(table), indent=1) + "\n")
        print(table.markdown(), flush=True)


if __name__ == "__main__":
    main()
