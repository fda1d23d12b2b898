"""One trial: a contender's process from start to end, its answer checked and scored here, the result kept for good."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.contenders import Contender
from benchmarks.datasets import Prepared
from benchmarks.packages import cache_folder
from benchmarks.process import REPOSITORY, Ended, run_process


@dataclasses.dataclass(frozen=True)
class Trial:
    """What one contender did on one subset. `correct` has one character, 0 or 1, per test sample in sorted order."""

    data: str
    contender: str
    repeat: int
    train: int
    test: int
    accuracy: float | None
    seconds: float
    cpu_seconds: float
    peak_mb: int  # of the largest of its processes
    load_before: float  # the machine's load average: a busy machine makes times worthless
    date: str
    versions: dict[str, str]
    facts: dict[str, Any]
    error: str = ""
    correct: str = ""


def trial(
    contender: Contender,
    prepared: Prepared,
    repeat: int,
    words: tuple[str, ...],
    python: Path,
    *,
    timeout: float,
    fresh: bool,
) -> Trial:
    """Run one trial, or give the kept one if nothing that it depends on has changed since. Failures are not kept.

    `words` are what every contender of the protocol is told (see `job.py`).
    """
    key = _key(contender, prepared, repeat, words, python)
    kept = cache_folder() / "trials" / f"{prepared.source.name}-{contender.name}-{repeat}-{key}.json"
    if kept.exists() and not fresh:
        return Trial(**json.loads(kept.read_text()))
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answer.json"
        command = [str(python), "-m", f"benchmarks.contenders.{contender.module}", "--out", str(out)]
        command += ["--train", str(prepared.root / "train"), "--test", str(prepared.root / "test")]
        command += ["--seed", str(repeat), *words, *contender.args]
        command += ["--mirrored" if prepared.source.mirrored else "--no-mirrored"]
        ended = run_process(command, timeout)
        answer = json.loads(out.read_text()) if ended.code == 0 and out.exists() else None
    result = _score(contender, prepared, repeat, load, ended, answer)
    if not result.error:
        kept.parent.mkdir(parents=True, exist_ok=True)
        scratch = kept.with_suffix(".tmp")
        scratch.write_text(json.dumps(dataclasses.asdict(result)))
        scratch.replace(kept)
    return result


def marks(truth: Mapping[str, str], predictions: Mapping[str, str]) -> str:
    """One character per test file in sorted order: 1 if its class was named.

    >>> marks({"a/1.png": "a", "b/1.png": "b"}, {"b/1.png": "a", "a/1.png": "a"})
    '10'
    """
    if set(truth) != set(predictions):
        missing, extra = len(set(truth) - set(predictions)), len(set(predictions) - set(truth))
        raise ValueError(f"{missing} of {len(truth)} test samples have no answer, {extra} answers are for other files")
    return "".join(str(int(predictions[file] == truth[file])) for file in sorted(truth))


def _score(
    contender: Contender, prepared: Prepared, repeat: int, load: float, ended: Ended, answer: dict[str, Any] | None
) -> Trial:
    error, correct, accuracy, facts = "", "", None, {}
    if answer is None:
        last = " / ".join(ended.tail.splitlines()[-3:])[-400:] or "no output"
        error = f"exit code {ended.code} after {ended.seconds:.0f} s: {last}"
    else:
        facts = answer["facts"]
        try:
            correct = marks(prepared.truth(), answer["predictions"])
            accuracy = correct.count("1") / len(correct)
        except ValueError as wrong:
            error = str(wrong)
        claimed = facts.get("claimed_accuracy")
        if claimed is not None and accuracy is not None and abs(claimed - accuracy) > 1e-6:
            facts["disagreement"] = f"says {claimed:.4f} of itself, its predictions give {accuracy:.4f}"
    given = answer or {}
    return Trial(
        data=prepared.source.name,
        contender=contender.name,
        repeat=repeat,
        train=prepared.train,
        test=prepared.test,
        accuracy=accuracy,
        seconds=given.get("seconds") or ended.seconds,
        cpu_seconds=facts.pop("cpu_seconds", ended.cpu_seconds),
        peak_mb=ended.peak_mb,
        load_before=load,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=given.get("versions", {}),
        facts=facts,
        error=error,
        correct=correct,
    )


def _key(contender: Contender, prepared: Prepared, repeat: int, words: tuple[str, ...], python: Path) -> str:
    """Short hash of everything that a kept trial depends on: its code, its data, its settings, its interpreter."""
    digest = hashlib.sha256(repr((contender, prepared.root.name, repeat, words, str(python))).encode())
    for file in _code(contender, prepared.source.kind):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _code(contender: Contender, kind: str) -> Iterator[Path]:
    folder = REPOSITORY / "benchmarks" / "contenders"
    common = ("job", "logistic", "lite0" if kind == "image" else "minilm")
    yield from (folder / f"{name}.py" for name in (contender.module, *common))
    if "warmstart.cli.main" in contender.needs:
        spec = importlib.util.find_spec("warmstart")
        for root in (spec.submodule_search_locations or []) if spec else []:
            yield from sorted(Path(root).rglob("*.py"))
