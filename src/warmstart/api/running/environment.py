"""Where a run took place: what is needed to understand, months later, why it gave what it gave."""

from __future__ import annotations

import datetime
import platform
from importlib.metadata import version
from typing import Any

import torch

from warmstart.engine.machine import cores, memory_available

PACKAGES = ("warmstart", "torch", "torchvision", "timm", "scikit-learn", "numpy", "pillow")


def environment() -> dict[str, Any]:
    """Versions, cores, memory, platform and date; nothing that names the user or the machine."""
    return {
        "versions": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "memory_bytes": memory_available(),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
