"""What a student keeps of its teacher, and what a network forgets that is trained further: real sets, three draws.

    python -m benchmarks.distillation                            # all; goes on where it was
    python -m benchmarks.distillation --what continual --seeds 0

`distil`: the teacher is minilm with a probe on 100 labelled articles of BBC News, the student a BERT of two layers of
64 with random weights and minilm's tokenizer; on the labels alone, on the teacher's answers to them too, and on those
to 700 articles without a label.
`distil images`: the teacher is Lite0 at 96 px with a probe on 100 labelled images of CIFAR-10, the student the `toy`
network with random weights at 32 px; likewise, with 1000 images without a label.
`continual`: the late blocks of Lite0 are tuned on the digits 0 to 4 and then trained further on 5 to 9: plainly, held
back by L2-SP of two strengths, and with old digits rehearsed. Runs lie in FOLDER (`--out FOLDER`), a line for each in
`results/distillation.jsonl`, and the table in `results/distillation.md`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets import prepare
from benchmarks.machine import machine
from benchmarks.packages import cache_folder
from warmstart.api.distill import distill
from warmstart.api.fit import fit
from warmstart.api.update import update
from warmstart.model.catalog import load_backbone
from warmstart.preprocess.kinds import of_texts
from warmstart.preprocess.text import TOKENIZER

RESULTS = Path(__file__).parent / "results"
TOKENS = 64
DISTIL = "distill?lr=1e-3&layer_decay=1&probe=false&epochs=25"
IMAGE_DISTIL = "distill?lr=3e-3&layer_decay=1&probe=false&norm=train&epochs=25"
LABELLED, UNLABELLED, TEST = 100, {"bbc": 700, "cifar10": 1000}, 300
PER_CLASS, HELD = 40, 40
TUNE = "finetune?from_block=-2&lr=3e-4&head=1&epochs=6"
MODES: dict[str, dict[str, Any]] = {
    "plain": {},
    "L2-SP 1": {"l2_sp": 1.0},
    "L2-SP 100": {"l2_sp": 100.0},
    "rehearsal": {"rehearse": True},
}
LONG = "2h"


def part(root: Path, classes: Sequence[str], train: slice, folder: Path, held: int = TEST) -> Path:
    """A folder with some samples of some classes of a prepared set, and as many of its test samples of each."""
    if not folder.exists():
        scratch = folder.with_name(folder.name + "-making")
        shutil.rmtree(scratch, ignore_errors=True)
        for name in classes:
            for where, some in (
                ("train", train),
                ("test", slice(held)),
            ):
                (scratch / where / name).mkdir(parents=True, exist_ok=True)
                for path in sorted((root / where / name).iterdir())[some]:
                    shutil.copy(path, scratch / where / name / path.name)
        scratch.rename(folder)
    return folder


def small(folder: Path, seed: int) -> str:
    """The URI of a small BERT with random weights, which is written."""
    import torch
    from transformers import BertConfig, BertModel

    if not folder.exists():
        torch.manual_seed(seed)
        sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
        BertModel(BertConfig(**sizes, vocab_size=30522, max_position_embeddings=128)).save_pretrained(folder)
        (folder / TOKENIZER).write_text(of_texts(load_backbone("minilm").spec).tokenizer, encoding="utf-8")
    return f"hf:{folder}"


def distilled(out: Path, seed: int) -> list[dict[str, Any]]:
    """Texts."""
    student = small(out / f"small-{seed}", seed)
    return taught("bbc", out, seed, (TOKENS, TOKENS), {"backbone": student, "recipe": DISTIL})


def distilled_images(out: Path, seed: int) -> list[dict[str, Any]]:
    """Images."""
    return taught("cifar10", out, seed, (96, 32), {"backbone": "toy", "recipe": IMAGE_DISTIL})


def taught(name: str, out: Path, seed: int, sizes: tuple[int, int], student: dict[str, Any]) -> list[dict[str, Any]]:
    """The student with labels alone, with the teacher, and with unlabelled samples too; sizes are teacher's and its."""
    root = prepare(name, LABELLED + UNLABELLED[name], TEST, seed).root
    names = sorted(path.name for path in (root / "train").iterdir())
    each = LABELLED // len(names)
    data = part(root, names, slice(each), out / f"labelled-{name}-{seed}")
    more = part(root, names, slice(each, None), out / f"unlabelled-{name}-{seed}")
    teacher = out / f"teacher-{name}-{seed}"
    if not (teacher / "results.json").exists():
        shutil.rmtree(teacher, ignore_errors=True)
        fit(data, recipe="probe", baseline="none", size=sizes[0], budget=LONG, seed=seed, out=teacher)
    rows: list[dict[str, Any]] = []
    for what, unlabelled in (("labelled", None), ("unlabelled too", more / "train")):
        folder = out / f"student-{name}-{what.replace(' ', '-')}-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        how: dict[str, Any] = {"size": sizes[1], "budget": LONG, "seed": seed, **student}
        run = distill(teacher / "bundle", data, unlabelled=unlabelled, out=folder, **how)
        found = run.outcome.distilled
        assert found is not None
        assert found.teacher_reached is not None
        assert found.student_reached is not None
        assert found.alone_reached is not None
        rows.append(
            {
                "what": what,
                "teacher": found.teacher_reached.value,
                "student": found.student_reached.value,
                "alone": found.alone_reached.value,
                "agreement": found.agreement.value,
                "parameters": [found.teacher.parameters, found.student.parameters],
                "megabytes": [found.teacher.megabytes, found.student.megabytes],
                "faster": found.faster.value,
                "verdict": run.outcome.verdict,
                "seconds": run.outcome.seconds,
            }
        )
    return rows


def continued(out: Path, seed: int) -> list[dict[str, Any]]:
    """Each way to go on, on new digits, measured on old ones as well."""
    root = prepare("digits", 2 * 10 * PER_CLASS, 10 * HELD, seed).root
    first, second = (part(root, n, slice(PER_CLASS), out / f"digits-{n[0]}-{seed}", HELD) for n in ("01234", "56789"))
    before = out / f"before-{seed}"
    if not (before / "results.json").exists():
        shutil.rmtree(before, ignore_errors=True)
        fit(
            first,
            recipe="lp_ft?epochs=6&lr=3e-4&from_block=-2",
            baseline="none",
            size=64,
            budget=LONG,
            seed=seed,
            out=before,
        )
    rows: list[dict[str, Any]] = []
    for name, mode in MODES.items():
        folder = out / f"after-{name.replace(' ', '-')}-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        sources = {"rehearsal" if "rehearse" in mode else "old": first}
        how: dict[str, Any] = {"l2_sp": mode.get("l2_sp", 0.0), "recipe": TUNE, "budget": LONG, "seed": seed}
        run = update(before / "bundle", second, **sources, **how, out=folder)
        found = run.outcome.forgotten
        assert found is not None
        assert found.old is not None
        rows.append(
            {
                "what": name,
                "old before": found.old.before.value,
                "old after": found.old.after.value,
                "new before": found.new.before.value,
                "new after": found.new.after.value,
                "drift": found.drift,
                "verdict": run.outcome.verdict,
                "seconds": run.outcome.seconds,
            }
        )
    return rows


RUNS = {"distil": distilled, "distil images": distilled_images, "continual": continued}
DISTIL_COLUMNS = ("teacher", "alone", "student", "agreement")
COLUMNS = {
    "distil": DISTIL_COLUMNS,
    "distil images": DISTIL_COLUMNS,
    "continual": ("old before", "old after", "new before", "new after"),
}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Means over the draws, with their range."""
    parts = [f"Measured on {machine()}; mean over draws, and their range, in per cent."]
    for kind, columns in COLUMNS.items():
        found = defaultdict(list)
        for row in rows:
            if row["kind"] == kind:
                found[row["what"]].append(row)
        if not found:
            continue
        lines = [f"| {kind} | draws | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
        for what, some in found.items():
            cells = [_span([100 * row[column] for row in some]) for column in columns]
            lines.append(f"| {what} | {len(some)} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
        if columns == DISTIL_COLUMNS:
            parts.append(_saved([row for some in found.values() for row in some]))
    return "\n\n".join(parts) + "\n"


def _saved(rows: Sequence[dict[str, Any]]) -> str:
    (big, small), (more, less) = rows[0]["parameters"], rows[0]["megabytes"]
    faster = np.mean([row["faster"] for row in rows])
    return (
        f"Parameters {big:,} and {small:,}, weights {more:.2g} and {less:.2g} MB; the teacher takes {faster:.1f} "
        "times as long for a sample, one at a time and in turn with the student."
    )


def _span(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=cache_folder() / "distillation", help="folder of the runs")
    parser.add_argument("--what", nargs="+", choices=list(RUNS), default=list(RUNS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = RESULTS / "distillation.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    for seed in options.seeds:
        for kind in options.what:
            if any((row["kind"], row["seed"]) == (kind, seed) for row in rows):
                continue
            found = [{"kind": kind, "seed": seed, **row} for row in RUNS[kind](options.out, seed)]
            rows += found
            with path.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in found)
            (RESULTS / "distillation.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
