"""One picture with samples of each class, to be looked at before anything is trained."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont, ImageOps

from warmstart.data.schema import Dataset
from warmstart.errors import ImageError
from warmstart.preprocess.reader import read_image

_MARGIN, _GAP, _TEXT = 16, 4, 15
_INK, _PAPER, _FAINT = "#1f2328", "#ffffff", "#656d76"
MOST_CLASSES = 40


def contact_sheet(dataset: Dataset, per_class: int = 8, size: int = 96) -> Image.Image:
    """A row per class: its name, how many samples it has, and `per_class` of them spread evenly over it.

    Images are fitted into `size` x `size` pixels, small ones enlarged without blur. At most 40 classes are shown.
    """
    classes = dataset.target.classes[:MOST_CLASSES]
    counts = dataset.counts
    font = ImageFont.load_default(_TEXT)
    names = [(_shortened(name, 24), f"{counts[name]} images") for name in classes]
    left = _MARGIN + max(int(font.getlength(text)) for pair in names for text in pair) + _MARGIN
    width = left + per_class * (size + _GAP) + _MARGIN
    sheet = Image.new("RGB", (width, 2 * _MARGIN + len(classes) * (size + _GAP)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, (name, (title, count)) in enumerate(zip(classes, names, strict=True)):
        top = _MARGIN + row * (size + _GAP)
        draw.text((_MARGIN, top + size // 2 - _TEXT - 2), title, _INK, font)
        draw.text((_MARGIN, top + size // 2 + 2), count, _FAINT, font)
        for column, image in enumerate(_spread(dataset, name, per_class)):
            sheet.paste(_fitted(image, size), (left + column * (size + _GAP), top))
    return sheet


def _spread(dataset: Dataset, name: str, n: int) -> list[Image.Image]:
    members = [s for s in dataset.samples if s.label == name]
    step = max(1, len(members) // n)
    images: list[Image.Image] = []
    for sample in members[::step][:n]:
        try:
            images.append(read_image(sample.source))
        except ImageError:
            continue
    return images


def _fitted(image: Image.Image, size: int) -> Image.Image:
    by = Image.Resampling.NEAREST if max(image.size) < size else Image.Resampling.LANCZOS
    return ImageOps.pad(ImageOps.contain(image, (size, size), by), (size, size), color="#eaeef2")


def _shortened(text: str, n: int) -> str:
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= n else text[: n - 1] + "…"
