"""A frozen backbone under transformers' Trainer, as its users do it: `requires_grad = False`, then train the head."""

from __future__ import annotations

import tempfile

import torch
from torch import Tensor, nn
from transformers import Trainer, TrainingArguments

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import FEATURES, WORKERS, backbone, images, moved, predict, snapshot


class Classifier(nn.Module):
    """Takes and gives what Trainer expects of a model."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = backbone().requires_grad_(False)
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Scores, and the loss if there are labels."""
        logits = self.head(self.backbone(pixel_values))
        return (
            {"logits": logits}
            if labels is None
            else {
                "loss": nn.functional.cross_entropy(logits, labels),
                "logits": logits,
            }
        )


class Scores(nn.Module):
    """The classifier with plain scores as its answer."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Class scores."""
        return self.model(x)["logits"]


def collate(samples: list[tuple[Tensor, int]]) -> dict[str, Tensor]:
    """A batch under the names that Trainer passes on."""
    return {"pixel_values": torch.stack([x for x, _ in samples]), "labels": torch.tensor([y for _, y in samples])}


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    torch.manual_seed(job.seed)
    model = Classifier(len(job.classes()))
    before = snapshot(model.backbone)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=job.epochs,
            per_device_train_batch_size=32,
            learning_rate=1e-3,
            dataloader_num_workers=WORKERS,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            seed=job.seed,
        )
        data = images(job.train, 32).dataset
        Trainer(model=model, args=arguments, train_dataset=data, data_collator=collate).train()
    job.answer(
        predict(Scores(model), job),
        packages=["transformers", "torch", "timm"],
        frozen=moved(before, model.backbone),
        epochs=job.epochs,
    )


if __name__ == "__main__":
    main()
