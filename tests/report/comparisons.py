"""Comparisons made by hand: real shapes, invented numbers that are consistent enough to be read as a page."""

from __future__ import annotations

import numpy as np

from tests.report.conftest import AUDIT, CLASSES, curve, outputs
from warmstart.evaluation.calibration import reliability
from warmstart.evaluation.cells import cell_samples
from warmstart.evaluation.comparison import Comparison, Entry, Finding, Gain, Picked, TrialRow
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.metrics import confusion, most_wrong, per_class

NONE: Finding = "no difference that this data can show"


def gain(than: str, value: float, half: float, finding: Finding, needed: int | None = None) -> Gain:
    better = float(np.clip(0.5 + value / (2.5 * half), 0.002, 0.996))
    return Gain(
        than, Interval(value, value - half, value + half), 0.5 * (1 - better), better, 0.6 * (1 - better),
        0.4 * (1 - better), 0.01, finding, needed,
    )  # fmt: skip


def trials(value: float, seconds: float, folds: int, seeds: int, drift: float | None) -> tuple[TrialRow, ...]:
    rng = np.random.default_rng(int(1000 * value))
    return tuple(
        TrialRow(s, f, 1600, 400, float(value + rng.normal() * 0.012), seconds, 900_000_000, drift, drift)
        for s in range(seeds)
        for f in range(folds)
    )


def entry(
    name: str, about: str, role: str, value: float, seconds: float, *, folds: int = 5, seeds: int = 3,
    drift: float | None = None, trained: int = 3_400_000, epochs: int = 0, over_scratch: Gain | None = None,
    over_frozen: Gain | None = None, backbone: str = "lite0", hurts: bool = False,
) -> Entry:  # fmt: skip
    shown = {name: Interval(v, v - 0.014, v + 0.013) for name, v in (("accuracy", value), ("macro_f1", value - 0.01))}
    return Entry(
        name, name.partition(" on ")[0], backbone, about, role,  # type: ignore[arg-type]
        {**shown, "log_loss": Interval(1 - value, 0.9 - 0.9 * value, 1.1 - value)}, 0.021, seconds, 900_000_000,
        trained,
        trials(value, seconds, folds, seeds, drift), over_scratch, over_frozen,
        None if drift is None else Interval(drift, drift - 0.02, drift + 0.02),
        None if drift is None else Interval(drift * 0.7, drift * 0.6, drift * 0.8),
        curve(name, epochs, value) if epochs else (), hurts,
    )  # fmt: skip


def one_backbone() -> tuple[Entry, ...]:
    return (
        entry("scratch", "no transfer: all weights drawn anew and trained", "no transfer", 0.702, 41, epochs=10),
        entry("probe", "a head fitted in closed form on frozen features", "frozen", 0.861, 1.4, trained=12_810,
              over_scratch=gain("scratch", 0.159, 0.018, "better")),
        entry("finetune", "early blocks frozen, the later ones tuned with the head", "tuned", 0.849, 33, drift=0.31,
              epochs=8, over_scratch=gain("scratch", 0.147, 0.019, "better"),
              over_frozen=gain("probe", -0.012, 0.016, NONE, 6200)),
        entry("gradual", "unfreezing from the top in four stages", "tuned", 0.866, 38, drift=0.18, epochs=12,
              over_scratch=gain("scratch", 0.164, 0.018, "better"),
              over_frozen=gain("probe", 0.001, 0.0082, "as good")),
        entry("lp_ft", "from the probe, then everything tuned gently", "tuned", 0.883, 36, drift=0.12, epochs=10,
              over_scratch=gain("scratch", 0.181, 0.017, "better"), over_frozen=gain("probe", 0.022, 0.011, "better")),
    )  # fmt: skip


def comparison(
    entries: tuple[Entry, ...] | None = None, *, best: str = "lp_ft", classes: tuple[str, ...] = CLASSES,
    backbones: tuple[str, ...] = ("lite0",), folds: int = 5, seeds: tuple[int, ...] = (0, 1, 2),
) -> Comparison:  # fmt: skip
    """Two thousand images of ten classes, five methods on one backbone; or what is given instead."""
    entries = one_backbone() if entries is None else entries
    labels = np.arange(2000) % len(classes)
    said = outputs(labels, len(classes), 3.4, 5)
    ids = [f"{classes[y]}/{i:05d}.png" for i, y in enumerate(labels)]
    counts = confusion(said, labels)
    return Comparison(
        data="Fashion photos",
        classes=classes,
        samples=2000,
        left_out=400,
        folds=folds,
        seeds=seeds,
        how=f"{folds} folds, stratified by class, drawn anew for each seed; a fifth of each training part validates",
        metric="accuracy",
        entries=entries,
        best=best,
        picked=Picked(Interval(0.879, 0.864, 0.892), {"lp_ft": 12, "gradual": 2, "probe": 1, "scratch": 0}),
        verdict="lp_ft is best here, and that it beats the frozen probe is no chance. Transfer helped: 18.1 points "
        "over training from scratch. Gradual unfreezing is only as good as the probe.",
        audit=AUDIT,
        backbones=tuple(card(name) for name in backbones),
        preprocess=tuple({"size": 224, "resize": "shortest", "kind": "image"} for _ in backbones),
        confusion=tuple(tuple(int(n) for n in row) for row in counts),
        per_class=per_class(counts, classes),
        reliability_before=reliability(said, labels),
        reliability_after=reliability(said, labels, temperature=2.4),
        mistakes=most_wrong(said, labels, ids, classes),
        cells=cell_samples(said, labels, ids),
        decisions=("validation: a fifth of each training part", "input size 224 px, as the backbone was trained"),
        seconds=1270.0,
        shared_seconds=61.0,
        budget=1800.0,
        environment={
            "versions": {"warmstart": "0.1.0", "torch": "2.6.0"},
            "cores": 2,
            "memory_bytes": 7_340_032_000,
            "date": "2025-11-24T10:12:31+00:00",
        },
        command="warmstart compare photos/ --methods scratch,probe,finetune,gradual,lp_ft --folds 5 --seeds 3",
    )


def card(name: str) -> dict[str, object]:
    return {
        "name": name,
        "architecture": f"architecture of {name}",
        "source": f"the package of {name}",
        "licence": f"licence of {name}",
        "trained_on": "ImageNet-1k",
        "weights_sha256": "9f2d" * 16,
        "parameters": 3_371_204,
    }


def two_backbones() -> Comparison:
    """Four contenders; transfer hurts with one of the backbones, and the probe is as good as tuning."""
    large, small = "timm:resnet50.a1_in1k", "lite0"
    scratch = entry(f"scratch on {small}", "no transfer", "no transfer", 0.702, 41)
    rows = (
        scratch,
        entry(f"probe on {small}", "frozen", "frozen", 0.861, 1.4, trained=12_810,
              over_scratch=gain(scratch.name, 0.159, 0.018, "better")),
        entry(f"probe on {large}", "frozen", "frozen", 0.641, 4.4, trained=20_490, backbone=large, hurts=True,
              over_scratch=gain(scratch.name, -0.061, 0.02, "worse")),
        entry(f"lp_ft on {large}", "tuned", "tuned", 0.868, 210, drift=0.4, epochs=6, backbone=large,
              over_scratch=gain(scratch.name, 0.166, 0.02, "better"),
              over_frozen=gain(f"probe on {large}", 0.227, 0.02, "better")),
    )  # fmt: skip
    return comparison(rows, best=f"lp_ft on {large}", backbones=(small, large))
