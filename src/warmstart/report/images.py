"""What shows a sample in a report: a picture as a data URI, so that it stays one file, or the beginning of a text."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from PIL import Image
from torch import Tensor

from warmstart.data.schema import Series, Text
from warmstart.data.stores import InputStore, images_of
from warmstart.evaluation.outcome import CellSamples, Example, Mistake, OfTask, Shown
from warmstart.preprocess.resample import preview
from warmstart.report.sparkline import sparkline
from warmstart.report.texts import excerpt

Pictured = TypeVar("Pictured", Mistake, Example, Shown)
PICTURES, AT_ONCE = 120, 4
"""Of the cells of a confusion matrix; a report with as many has about half a megabyte."""


def data_uri(image: Image.Image, *, quality: int = 85) -> str:
    """An RGB JPEG of `image` as a `data:` URI; photographs take a tenth of what PNG would."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def thumbnail(pixels: Tensor, bands: Sequence[str] | None = None, *, side: int = 96) -> str:
    """A `data:` URI, at most `side` px, of pixels (C, H, W) as a `PixelStore` gives them.

    A picture is uint8 with C of 1 or 3. `bands` are the names of bands, if they have any; three of them are shown.

    >>> import torch
    >>> thumbnail(torch.zeros(3, 200, 100, dtype=torch.uint8))[:23]
    'data:image/jpeg;base64,'
    """
    if bands is not None:
        image = preview(pixels.permute(1, 2, 0).numpy(), bands)
    else:
        image = Image.fromarray(pixels.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy())
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return data_uri(image)


def illustrate(shown: Iterable[Pictured], store: InputStore) -> tuple[Pictured, ...]:
    """Mistakes or examples with a thumbnail or the text of each, found in the store by the sample's id."""
    index = {sample.id: i for i, sample in enumerate(store.dataset.samples)}
    return tuple(_illustrated(one, index[one.id], store) for one in shown)


def _illustrated(one: Pictured, i: int, store: InputStore) -> Pictured:
    source = store.dataset.samples[i].source
    if isinstance(source, Text):
        return dataclasses.replace(one, text=excerpt(source))
    if isinstance(source, Series):
        return dataclasses.replace(one, thumbnail=sparkline(source.values))
    pixels = images_of(store)
    names = pixels.spec.bands if pixels.spec.banded else None
    return dataclasses.replace(one, thumbnail=thumbnail(pixels.get(i, crop=False), names))


def illustrated(details: Mapping[str, Any], store: InputStore) -> dict[str, Any]:
    """What `warmstart.evaluation.details` tells, with thumbnails or texts wherever samples are shown."""
    found = {**details}
    for name in ("mistakes", "shown"):
        found |= {name: illustrate(found[name], store)} if name in found else {}
    found |= {"cells": illustrate_cells(found["cells"], store)} if "cells" in found else {}
    if "by_task" in found:
        each = ((part, illustrated(_pictured(part), store)) for part in found["by_task"])
        found["by_task"] = tuple(dataclasses.replace(part, **shown) for part, shown in each)
    return found


def _pictured(part: OfTask) -> dict[str, Any]:
    """What is shown with pictures of one of several tasks: single answers, not those behind a confusion."""
    return {"mistakes": part.mistakes, "shown": part.shown, "cells": ()}


def illustrate_cells(cells: Sequence[CellSamples], store: InputStore) -> tuple[CellSamples, ...]:
    """The cells with 120 thumbnails at most: four for each cell in their order, then the rest, as far as they go.

    Texts are short, and all are shown.
    """
    places = [(rank // AT_ONCE, i) for i, cell in enumerate(cells) for rank in range(len(cell.samples))]
    most = len(places) if store.spec.kind == "text" else PICTURES
    pictured = Counter(i for _, i in sorted(places)[:most])
    return tuple(
        dataclasses.replace(cell, samples=(*illustrate(cell.samples[:n], store), *cell.samples[n:]))
        for cell, n in ((cell, pictured[i]) for i, cell in enumerate(cells))
    )
