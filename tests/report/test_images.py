import base64
import io

import numpy as np
import torch
from PIL import Image

from warmstart.data.batches import PixelStore
from warmstart.data.schema import ClassTarget, Dataset, Sample
from warmstart.evaluation.outcome import CellSamples, Example, Mistake
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.report.images import PICTURES, illustrate, illustrate_cells, thumbnail


def opened(uri: str) -> Image.Image:
    head, _, body = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(body))).convert("RGB")


def test_a_thumbnail_is_small_and_keeps_the_shape_of_the_picture() -> None:
    assert opened(thumbnail(torch.zeros(3, 300, 150, dtype=torch.uint8))).size == (48, 96)
    assert opened(thumbnail(torch.zeros(1, 20, 20, dtype=torch.uint8))).size == (20, 20)


def test_of_bands_three_are_shown_by_name_stretched() -> None:
    pixels = torch.full((4, 20, 20), 3000.0)
    pixels[3, :, 10:] = 3100  # red is bright in the right half alone
    shown = np.asarray(opened(thumbnail(pixels, ("B02", "B03", "B08", "B04")))).astype(int)
    assert shown[10, 17, 0] > 200 > 60 > shown[10, 17, 1]
    assert shown[10, 2].max() < 60


def test_every_mistake_gets_the_picture_of_its_own_sample() -> None:
    colours = {"red": (250, 0, 0), "blue": (0, 0, 250), "grey": (128, 128, 128)}
    samples = tuple(
        Sample(name, np.broadcast_to(np.array(rgb, np.uint8), (32, 32, 3)).copy(), "a") for name, rgb in colours.items()
    )
    store = PixelStore(Dataset(samples, ClassTarget(("a",))), PreprocessSpec(size=32))
    shown = illustrate([Mistake(name, "a", "b", 0.9) for name in ("blue", "red")], store)
    for mistake in shown:
        seen = np.asarray(opened(mistake.thumbnail)).mean((0, 1))
        assert np.abs(seen - colours[mistake.id]).max() < 12


def test_the_cells_of_a_confusion_matrix_share_a_number_of_pictures_the_first_ones_first() -> None:
    samples = (Sample("a.png", np.zeros((8, 8, 3), np.uint8), "a"),)
    store = PixelStore(Dataset(samples, ClassTarget(("a",))), PreprocessSpec(size=8))
    cells = [CellSamples(i, i + 1, 8, tuple(Example("a.png", 0.9) for _ in range(8))) for i in range(40)]
    drawn = [sum(bool(one.thumbnail) for one in cell.samples) for cell in illustrate_cells(cells, store)]
    assert drawn == [4] * 30 + [0] * 10
    assert sum(drawn) == PICTURES
    few = illustrate_cells(cells[:3], store)
    assert all(one.thumbnail for cell in few for one in cell.samples)
