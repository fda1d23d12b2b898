"""Pictures of images that are larger than what is read at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from warmstart.data.schema import Sample
from warmstart.shipping import scenefiles


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image that counts as too large: red above, blue below."""
    pixels = np.zeros((300, 450, 3), np.uint8)
    pixels[:150, :, 0] = pixels[150:, :, 2] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    monkeypatch.setattr(scenefiles, "MAX_PIXELS", 1000)
    monkeypatch.setattr(scenefiles, "DRAWN", 150)
    monkeypatch.setattr(scenefiles, "_ROWS", 7)
    return tmp_path / "a.png"


def test_a_large_image_is_read_in_a_smaller_size(large: Path) -> None:
    found = scenefiles.picture_of(large)
    assert found.size == (150, 100)
    assert (found.getpixel((75, 10)), found.getpixel((149, 99))) == ((255, 0, 0), (0, 0, 255))


def test_masks_and_boxes_of_a_large_image_are_written_and_drawn(large: Path, tmp_path: Path) -> None:
    mask = np.zeros((300, 450), np.uint8)
    mask[:, 225:] = 1
    sample = Sample("a.png", large)
    (tmp_path / "masks").mkdir()
    (tmp_path / "boxes").mkdir()
    row = {"mask": mask, "size": [450, 300], "error": None}
    scenefiles.written(tmp_path / "masks", ("background", "sea"), [(sample, row)])
    with Image.open(tmp_path / "masks" / "masks" / "a.png") as said:
        assert (np.asarray(said) == mask).all()
    box = {"label": "sea", "score": 0.5, "box": [225.0, 150.0, 450.0, 300.0]}
    marked = scenefiles.drawn_answer(scenefiles.picture_of(large), {"boxes": [box], "size": [450, 300]}, ("sea",))
    bare = scenefiles.drawn_answer(scenefiles.picture_of(large), {"boxes": [], "size": [450, 300]}, ("sea",))
    changed = np.argwhere((np.asarray(marked) != np.asarray(bare)).any(2))
    height, width = np.asarray(bare).shape[:2]
    assert changed[:, 1].min() == pytest.approx(width / 2, abs=4)
    assert changed.max(0).tolist() == pytest.approx([height - 1, width - 1], abs=4)
