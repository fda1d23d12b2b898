"""Lightning's own recipe for a frozen backbone: the BackboneFinetuning callback, run until it would unfreeze.

Its default is to unfreeze at epoch 10, so in ten epochs the backbone is meant to stay frozen throughout.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import lightning
import torch
from lightning.pytorch.callbacks import BackboneFinetuning
from torch import Tensor, nn

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import FEATURES, backbone, images, moved, predict, snapshot


class Classifier(lightning.LightningModule):
    """`backbone` and a linear head, as the callback's documentation shows."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = backbone()
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores."""
        return self.head(self.backbone(x))

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Cross-entropy of one batch."""
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam on what is left to train."""
        trainable: Iterator[nn.Parameter] = filter(lambda p: p.requires_grad, self.parameters())
        return torch.optim.Adam(trainable, lr=1e-3)


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    lightning.seed_everything(job.seed)
    model = Classifier(len(job.classes()))
    model.train()  # Lightning leaves the mode that it finds; a network just built is in training mode
    before = snapshot(model.backbone)
    trainer = lightning.Trainer(
        max_epochs=job.epochs,
        accelerator="cpu",
        callbacks=[BackboneFinetuning(unfreeze_backbone_at_epoch=job.epochs)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, images(job.train, 32, shuffle=True))
    job.answer(
        predict(model, job),
        packages=["lightning", "torch", "timm"],
        frozen=moved(before, model.backbone),
        epochs=job.epochs,
    )


if __name__ == "__main__":
    main()
