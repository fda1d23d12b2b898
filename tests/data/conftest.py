"""Small trees and tables of real files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Maker = Callable[..., Path]


def draw(path: Path, seed: int = 0, side: int = 12) -> Path:
    """A picture of a few blots that no other seed has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, side).save(path)
    return path


def picture(seed: int, side: int = 12) -> Image.Image:
    """A few blots that no other seed has."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BILINEAR)


def tree_hash(root: Path) -> str:
    """Of everything below a folder: names, contents and times of change."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        stat = path.lstat()
        digest.update(f"{path.relative_to(root)} {stat.st_mtime_ns} {stat.st_mode}".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


@pytest.fixture
def tree(tmp_path: Path) -> Maker:
    """Makes a folder of pictures from their relative paths; an ending in `/` makes an empty folder."""

    def make(*names: str) -> Path:
        root = tmp_path / "photos"
        root.mkdir(exist_ok=True)
        for seed, name in enumerate(names):
            if name.endswith("/"):
                (root / name).mkdir(parents=True)
            elif name.rpartition(".")[2] in ("png", "jpg", "PNG"):
                draw(root / name, seed)
            else:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text("text")
        return root

    return make
