"""Boxes and masks drawn on pictures, in colours that people with any colour vision can tell apart.

The colours are those of Okabe and Ito (2008, "Color universal design", without black), then the muted scheme of Tol
(2021, "Colour schemes", fig. 5). With more classes they come again, half way to white and then to black.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from warmstart.data.annotations import Colour
from warmstart.data.names import clean

_COLOURS = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
    "#332288", "#DDCC77", "#882255", "#88CCEE", "#117733", "#AA4499", "#999933",
)  # fmt: skip
_INK, _PAPER, _GREY = "#1f2328", "#ffffff", (128, 128, 128)
BACKGROUND = "background"
"""The class that is not tinted."""
Found = tuple[str, Sequence[float], float | None]
"""A class, its left, upper, right and lower edge in pixels, and how sure of it a network is."""
Shape = tuple[str, npt.NDArray[np.uint8]]
"""A class, and 1 for each pixel (H, W) of a picture that an object of it covers, 0 for the others."""
_TINT, _EDGE = 0.5, 5
_CROWDED = 40
"""Boxes beyond which names are told by a legend."""
_LEAST = 640
"""Pixels of the longer side; a smaller picture is enlarged, so that there is room to draw."""
_TINY = 6
"""Widths of a line; where most boxes have a smaller side, all lines are thin."""
_LONGEST = 26


def colours(n: int) -> list[Colour]:
    """The colours of `n` classes, by their index.

    >>> colours(2)
    [(230, 159, 0), (86, 180, 233)]
    """
    return [_colour(i) for i in range(n)]


def draw_boxes(
    image: Image.Image, boxes: Sequence[Found], classes: Sequence[str], shapes: Sequence[Shape] = ()
) -> Image.Image:
    """A picture with boxes on it, each with the name of its class and its score, if it has one; what `shapes` cover is
    tinted below them.

    Of many boxes a legend below tells the names. A small picture is enlarged. What was given is not changed.

    >>> draw_boxes(Image.new("RGB", (400, 300)), [("cat", (10, 20, 90, 80), 0.9)], ["cat"]).size
    (800, 600)
    """
    drawn = with_shapes(roomy(image), shapes, classes)
    scale = (drawn.width / image.width, drawn.height / image.height)
    crowded = len(boxes) > _CROWDED
    paint_boxes(drawn, [(name, scaled(box, scale), score) for name, box, score in boxes], classes, named=not crowded)
    return with_legend(drawn, _held(classes, {name for name, _, _ in boxes})) if crowded else drawn


def draw_mask(image: Image.Image, mask: npt.NDArray[np.uint8], classes: Sequence[str]) -> Image.Image:
    """A picture tinted by the class of each pixel (H, W), with a legend of the classes there are below it.

    Pixels of "background" stay as they are, ignored ones become grey. What was given is not changed.

    >>> draw_mask(Image.new("RGB", (400, 300)), np.zeros((300, 400), np.uint8), ["sea"]).height > 300
    True
    """
    drawn = tinted(roomy(image), mask, classes)
    return with_legend(drawn, _held(classes, {classes[i] for i in np.unique(mask) if i < len(classes)}))


def with_shapes(image: Image.Image, shapes: Sequence[Shape], classes: Sequence[str]) -> Image.Image:
    """A picture tinted where objects are, with a line along the edge of each; masks may be of another size."""
    if not shapes:
        return image
    tone = dict(zip(classes, colours(len(classes)), strict=True))
    pixels = np.array(image.convert("RGB"), np.float32)
    for name, mask in shapes:
        inside = Image.fromarray(mask * 255).resize(image.size, Image.Resampling.NEAREST)
        box = inside.getbbox()
        if box is None:
            continue
        left, upper, right, lower = max(0, box[0] - 1), max(0, box[1] - 1), box[2] + 1, box[3] + 1
        part = np.asarray(inside.crop((left, upper, min(right, image.width), min(lower, image.height)))) > 0
        shrunk = np.asarray(Image.fromarray(np.pad(part, 1).astype(np.uint8)).filter(ImageFilter.MinFilter(_EDGE)))
        share = np.where(part & (shrunk[1:-1, 1:-1] == 0), 1.0, part * (_TINT / 2))[..., None]
        view = pixels[upper : upper + part.shape[0], left : left + part.shape[1]]
        view[:] = view * (1 - share) + np.asarray(tone[name], np.float32) * share
    return Image.fromarray(pixels.round().astype(np.uint8))


def paint_boxes(drawn: Image.Image, boxes: Sequence[Found], classes: Sequence[str], *, named: bool) -> None:
    """Draw boxes, the largest first, on a picture that is changed."""
    tone = dict(zip(classes, colours(len(classes)), strict=True))
    width = max(2, round(max(drawn.size) / 400))
    text = font(max(11, round(max(drawn.size) / 60)))
    draw = ImageDraw.Draw(drawn)
    ordered = sorted(boxes, key=lambda found: -(found[1][2] - found[1][0]) * (found[1][3] - found[1][1]))
    sides = sorted(min(box[2] - box[0], box[3] - box[1]) for _, box, _ in boxes)
    thin = bool(sides) and sides[len(sides) // 2] < _TINY * width
    for name, box, _ in ordered:
        left, upper, right, lower = _inside(box, drawn.size)
        if not thin:  # white around it, so that it is seen on any ground
            draw.rectangle((left - 1, upper - 1, right + 1, lower + 1), outline=_PAPER, width=width + 2)
        draw.rectangle((left, upper, right, lower), outline=tone[name], width=max(1, width // 2) if thin else width)
    for name, box, score in ordered if named else ():
        shown = shortened(name) if score is None else f"{shortened(name)} {score:.2f}"
        left, upper, right, lower = _inside(box, drawn.size)
        wide, high = text.getlength(shown) + 6, text.size + 4
        x = max(0.0, min(left, drawn.width - wide))
        y = upper - high if upper >= high else min(lower, drawn.height - high)
        draw.rectangle((x, y, x + wide, y + high), fill=tone[name])
        draw.text((x + 3, y + high / 2), shown, _on(tone[name]), text, anchor="lm")


def tinted(image: Image.Image, mask: npt.NDArray[np.uint8], classes: Sequence[str]) -> Image.Image:
    """A picture whose pixels have the colour of their class over them, and where another class begins that colour
    alone, so that regions show on any ground; the mask may be of another size.
    """
    table = np.full((256, 3), _GREY, np.float32)
    table[: len(classes)] = colours(len(classes))
    strength = np.full(256, _TINT, np.float32)
    strength[[i for i, name in enumerate(classes) if name == BACKGROUND]] = 0
    resized = Image.fromarray(mask).resize(image.size, Image.Resampling.NEAREST)
    least, most = (np.asarray(resized.filter(find(_EDGE))) for find in (ImageFilter.MinFilter, ImageFilter.MaxFilter))
    fitted = np.asarray(resized)
    share = np.where((least != most) & (strength[fitted] > 0), 1, strength[fitted])[..., None]
    pixels = np.asarray(image.convert("RGB"), np.float32)
    return Image.fromarray((pixels * (1 - share) + table[fitted] * share).round().astype(np.uint8))


def with_legend(image: Image.Image, named: Sequence[tuple[str, Colour]], size: int | None = None) -> Image.Image:
    """A picture with a strip below it that says which colour each class has, in letters of so many pixels; none of no
    class.
    """
    if not named:
        return image
    text, gap = font(size or max(12, round(image.width / 50))), 8
    side = round(text.size)
    rows: list[list[tuple[str, Colour]]] = [[]]
    x = float(gap)
    for name, tone in named:
        wide = side + 5 + text.getlength(shortened(name)) + 2 * gap
        if x + wide > image.width and rows[-1]:
            rows, x = [*rows, []], float(gap)
        rows[-1].append((name, tone))
        x += wide
    high = side + gap
    sheet = Image.new("RGB", (image.width, image.height + len(rows) * high + gap), _PAPER)
    sheet.paste(image, (0, 0))
    draw = ImageDraw.Draw(sheet)
    for row, entries in enumerate(rows):
        x, y = float(gap), image.height + gap + row * high
        for name, tone in entries:
            draw.rectangle((x, y, x + side, y + side), fill=tone, outline=_INK)
            draw.text((x + side + 5, y + side / 2), shortened(name), _INK, text, anchor="lm")
            x += side + 5 + text.getlength(shortened(name)) + 2 * gap
    return sheet


def roomy(image: Image.Image) -> Image.Image:
    """The picture in colour, a small one enlarged by a whole number so that its pixels show."""
    times = max(1, -(-_LEAST // max(image.size)))
    whole = image.convert("RGB")
    size = (image.width * times, image.height * times)
    return whole.copy() if times == 1 else whole.resize(size, Image.Resampling.NEAREST)


def scaled(box: Sequence[float], scale: tuple[float, float]) -> tuple[float, ...]:
    """A box in a picture whose width and height are so many times as large."""
    return tuple(value * scale[i % 2] for i, value in enumerate(box))


@functools.lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic and more. Pillow's own font has ASCII alone."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def shortened(name: str) -> str:
    """The name of a class as text that fits."""
    text = clean(name)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _held(classes: Sequence[str], held: set[str]) -> list[tuple[str, Colour]]:
    both = zip(classes, colours(len(classes)), strict=True)
    return [(name, tone) for name, tone in both if name in held and name != BACKGROUND]


def _colour(i: int) -> Colour:
    times, place = divmod(i, len(_COLOURS))
    red, green, blue = (int(_COLOURS[place][at : at + 2], 16) for at in (1, 3, 5))
    if times == 0:
        return red, green, blue
    towards, share = (255, 0)[(times - 1) % 2], 0.5 ** (1 + (times - 1) // 2)
    mixed = [round(value * (1 - share) + towards * share) for value in (red, green, blue)]
    return mixed[0], mixed[1], mixed[2]


def _on(tone: Colour) -> str:
    """Ink or paper, whichever can be read on a colour (luma of ITU-R BT.601)."""
    return _INK if 0.299 * tone[0] + 0.587 * tone[1] + 0.114 * tone[2] > 140 else _PAPER


def _inside(box: Sequence[float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    left, upper = min(max(box[0], 0), size[0] - 1), min(max(box[1], 0), size[1] - 1)
    return left, upper, max(left, min(box[2], size[0]) - 1), max(upper, min(box[3], size[1]) - 1)
