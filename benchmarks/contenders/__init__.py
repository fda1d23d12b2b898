"""The field: one small program per contender, each run as a process of its own from start to finish.

A program reads a folder of training images, learns, and writes the class of every test image (see `job.py`). It is
written as the tool's own documentation would have it, by a careful person; where there was a choice, the one that
favours the contender was taken.
"""

from __future__ import annotations

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Contender:
    """How to start one contender.

    `python` names the interpreter (see `run.py --help`), `needs` the modules without which it is skipped, `args` what
    its program gets beside the job.
    """

    name: str
    about: str
    module: str
    python: Literal["main", "fastai", "trainers", "autogluon"] = "main"
    needs: tuple[str, ...] = ()
    args: tuple[str, ...] = ()


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("warmstart", "`warmstart fit` with nothing chosen", "warmstart_fit", needs=("warmstart.cli.main",)),
        Contender(
            "warmstart-probe",
            "`warmstart fit --recipe probe`: frozen backbone",
            "warmstart_fit",
            needs=("warmstart.cli.main",),
            args=("--recipe", "probe"),
        ),
        Contender("logistic-probe", "features once, standardised, logistic path by 5-fold CV", "logistic_probe"),
        Contender("plain-probe", "frozen backbone in eval mode, Adam on the head, PyTorch loop", "plain_probe"),
        Contender("plain-finetune", "all layers, AdamW 1e-4, cosine, PyTorch loop", "plain_finetune"),
        Contender("two-phase", "new head, then all layers at 1e-4, best on 20 %, PyTorch loop", "two_phase"),
        Contender("fastai", "vision_learner, fine_tune() with its defaults", "fastai_learner", "fastai", ("fastai",)),
        Contender(
            "fastai-frozen",
            "vision_learner, frozen, fit_one_cycle() with its defaults",
            "fastai_learner",
            "fastai",
            ("fastai",),
            ("--frozen",),
        ),
        Contender(
            "keras-probe",
            "Keras 3 on torch, frozen base called with training=False",
            "keras_probe",
            "trainers",
            ("keras",),
        ),
        Contender(
            "lightning-probe",
            "Lightning's transfer learning page: extractor in eval mode under no_grad",
            "lightning_probe",
            "trainers",
            ("lightning",),
        ),
        Contender(
            "lightning-frozen",
            "Lightning's BackboneFinetuning, backbone frozen throughout",
            "lightning_frozen",
            "trainers",
            ("lightning",),
        ),
        Contender(
            "trainer-frozen",
            "transformers' Trainer, backbone parameters frozen",
            "trainer_frozen",
            "trainers",
            ("transformers",),
        ),
        Contender(
            "autogluon",
            "MultiModalPredictor, medium_quality",
            "autogluon_multimodal",
            "autogluon",
            ("autogluon.multimodal",),
        ),
    )
}
