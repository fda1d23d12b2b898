"""Lightning's transfer learning page: the feature extractor in eval mode and no_grad, `Trainer` at its defaults."""

from __future__ import annotations

import tempfile

import lightning
import torch
from torch import Tensor, nn

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import FEATURES, backbone, images, moved, predict, snapshot


class TransferLearning(lightning.LightningModule):
    """`feature_extractor` and `classifier`, as that page has them."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.feature_extractor = backbone()
        self.classifier = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores."""
        self.feature_extractor.eval()
        with torch.no_grad():
            representations = self.feature_extractor(x)
        return self.classifier(representations)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Cross-entropy of one batch."""
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam; what gets no gradient is left alone."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    lightning.seed_everything(job.seed)
    model = TransferLearning(len(job.classes()))
    before = snapshot(model.feature_extractor)
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(max_epochs=job.epochs, default_root_dir=folder)
        trainer.fit(model, images(job.train, 32, shuffle=True))
    job.answer(
        predict(model, job),
        packages=["lightning", "torch", "timm"],
        frozen=moved(before, model.feature_extractor),
        epochs=job.epochs,
    )


if __name__ == "__main__":
    main()
