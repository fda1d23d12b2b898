"""A plain fine-tune: every layer trains, AdamW at 1e-4 (the new head at 1e-3), cosine, mild crops.

Batch norm trains as PyTorch has it by default.
"""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import FEATURES, augmentation, backbone, images, predict


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    torch.manual_seed(job.seed)
    body = backbone()
    head = nn.Linear(FEATURES, len(job.classes()))
    model = nn.Sequential(body, head)
    loader = images(job.train, 32, transform=augmentation(job.mirrored), shuffle=True)
    rates = [{"params": body.parameters(), "lr": 1e-4}, {"params": head.parameters(), "lr": 1e-3}]
    optimizer = torch.optim.AdamW(rates, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, job.epochs * len(loader))
    model.train()
    for _ in range(job.epochs):
        for x, y in loader:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    job.answer(predict(model, job), packages=["torch", "timm"], epochs=job.epochs)


if __name__ == "__main__":
    main()
