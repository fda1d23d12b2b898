"""The usual pipeline of two phases in PyTorch: a new head on the frozen backbone, then all layers at a low rate.

As Keras' guide has it, batch norm stays in inference mode in both. Each phase gets half of the epochs, ends early when
two epochs have brought nothing, and goes on from the best state on a fifth of the training images.
"""

from __future__ import annotations

import copy

import torch
from sklearn.model_selection import train_test_split
from torch import nn
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision.datasets import ImageFolder

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import FEATURES, WHOLE, WORKERS, Loader, augmentation, backbone, predict

PATIENCE = 2


def loader(data: Dataset[object], *, shuffle: bool) -> Loader:
    """Batches of 32."""
    return DataLoader(data, 32, shuffle=shuffle, num_workers=WORKERS, persistent_workers=True)


@torch.inference_mode()
def correct(model: nn.Module, validation: Loader) -> int:
    """Validation images that are named correctly."""
    return sum(int((model(x).argmax(1) == y).sum()) for x, y in validation)


def phase(model: nn.Module, data: tuple[Loader, Loader], schedule: LRScheduler, epochs: int) -> int:
    """Train on the first part of the data for `epochs` at most; tell how many it took.

    The model ends in its best state on the second part, that before the phase included.
    """
    (training, validation), optimizer = data, schedule.optimizer
    best, since, ran = correct(model, validation), 0, 0
    state = copy.deepcopy(model.state_dict())
    while ran < epochs and since < PATIENCE:
        for x, y in training:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        found = correct(model, validation)
        since = 0 if found > best else since + 1
        if not since:
            best, state = found, copy.deepcopy(model.state_dict())
        ran += 1
    model.load_state_dict(state)
    return ran


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    torch.manual_seed(job.seed)
    augmented = ImageFolder(str(job.train), augmentation(job.mirrored))
    whole = ImageFolder(str(job.train), WHOLE)
    fit, held_out = train_test_split(range(len(whole)), test_size=0.2, stratify=whole.targets, random_state=job.seed)
    data = loader(Subset(augmented, fit), shuffle=True), loader(Subset(whole, held_out), shuffle=False)
    body = backbone().requires_grad_(False)
    head = nn.Linear(FEATURES, len(job.classes()))
    model = nn.Sequential(body, head)
    half = max(1, job.epochs // 2)
    constant = ConstantLR(torch.optim.Adam(head.parameters(), lr=1e-3), factor=1.0)
    ran = [phase(model, data, constant, half)]
    body.requires_grad_(True)
    cosine = CosineAnnealingLR(torch.optim.AdamW(model.parameters(), lr=1e-4), half * len(data[0]))
    ran.append(phase(model, data, cosine, half))
    job.answer(predict(model, job), packages=["torch", "timm"], epochs=ran)


if __name__ == "__main__":
    main()
