"""Fixtures for all tests. Nothing here touches the network, the user's cache or the user's home."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

os.environ.update({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "NO_COLOR": "1", "COLUMNS": "120"})
os.environ.pop("FORCE_COLOR", None)
settings.register_profile("tests", deadline=None)  # no test is about time
settings.load_profile("tests")
os.environ["OMP_NUM_THREADS"] = "1"  # tests run side by side, on tiny networks; set before torch is first imported


@pytest.fixture(autouse=True)
def _isolated_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test computes its own activations: none passes because another one ran before."""
    monkeypatch.setenv("WARMSTART_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def _digits_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sklearn.datasets import load_digits

    digits = load_digits()
    root = tmp_path_factory.mktemp("data") / "digits"
    for name in ("0", "1", "2"):
        (root / name).mkdir(parents=True)
        for i in np.flatnonzero(digits.target == int(name))[:20]:
            pixels = (digits.images[i] * (255 / 16)).astype(np.uint8)
            Image.fromarray(pixels).resize((32, 32), Image.Resampling.BILINEAR).save(root / name / f"{i:04d}.png")
    return root


@pytest.fixture
def digits_folder(_digits_once: Path, tmp_path: Path) -> Path:
    """scikit-learn's real handwritten 0, 1 and 2 as 32 px PNGs in a folder per class, 20 each; a copy of one's own."""
    import shutil

    return Path(shutil.copytree(_digits_once, tmp_path / "digits"))


@pytest.fixture(scope="session")
def photos() -> dict[str, Image.Image]:
    """scikit-learn's two real colour photos by what ImageNet calls them, 640 x 427."""
    from sklearn.datasets import load_sample_images

    palace, daisy = load_sample_images().images
    return {"palace": Image.fromarray(palace), "daisy": Image.fromarray(daisy)}
