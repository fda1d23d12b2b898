"""Pictures of maps: over the image that they belong to, or below the lines of a series."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

FloatArray = npt.NDArray[np.float32]
SMALL = 192
"""An image with a smaller longer side is drawn so large, so that it can be looked at."""
_GAP = 8
_HIGH = 0.995
"""Quantile of the map that is drawn in full colour: a single bright place is not to hide all others."""


def overlaid(image: Image.Image, values: FloatArray, frame: Sequence[float] | None = None) -> bytes:
    """A PNG of the image and, on its right, of the image with a map (h, w) over it.

    Red speaks for the answer, blue against it; what does not matter is grey. Around the box that is explained lies a
    `frame`: left, upper, right and lower edge as shares of the image.
    """
    factor = max(1, round(SMALL / max(image.size)))
    size = image.width * factor, image.height * factor
    plain = image.convert("RGB").resize(size, Image.Resampling.NEAREST)
    strength = Image.fromarray(_scaled(values)).resize(size, Image.Resampling.BILINEAR)
    level = np.asarray(strength)[..., None]
    grey = np.asarray(plain.convert("L").convert("RGB"), dtype=np.float32) * 0.6 + 255 * 0.4 * 0.5
    colour = np.where(level > 0, _RED, _BLUE)
    opaque = np.abs(level) ** 0.7 * 0.75
    over = Image.fromarray((grey * (1 - opaque) + colour * opaque).clip(0, 255).astype(np.uint8))
    if frame is not None:
        for picture in (plain, over):
            _framed(picture, frame)
    both = Image.new("RGB", (2 * size[0] + _GAP, size[1]), "white")
    both.paste(plain, (0, 0))
    both.paste(over, (size[0] + _GAP, 0))
    buffer = io.BytesIO()
    both.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


_RED, _BLUE = np.array([214, 39, 40], np.float32), np.array([31, 95, 168], np.float32)


def _framed(picture: Image.Image, frame: Sequence[float]) -> None:
    left, top, right, bottom = (
        round(share * (side - 1)) for share, side in zip(frame, (*picture.size, *picture.size), strict=True)
    )
    draw = ImageDraw.Draw(picture)
    draw.rectangle((left, top, max(right, left), max(bottom, top)), outline="black", width=3)
    draw.rectangle((left, top, max(right, left), max(bottom, top)), outline="white", width=1)


def _scaled(values: FloatArray) -> FloatArray:
    """A map from -1 to 1, 0 where nothing matters."""
    high = float(np.quantile(np.abs(values), _HIGH)) or float(np.abs(values).max()) or 1.0
    found: FloatArray = (values / np.float32(high)).clip(-1, 1).astype(np.float32)
    return found


def plotted(series: FloatArray, values: FloatArray) -> bytes:
    """A PNG of a series (channels, steps), each channel with its map as colours behind the line."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    colours: Any = LinearSegmentedColormap.from_list("for and against", ["#1f5fa8", "#ffffff", "#d62728"])
    shown = range(min(len(series), _CHANNELS))
    figure = Figure(figsize=(8, 0.6 + 1.5 * len(shown)), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    level, steps = _scaled(values), series.shape[1]
    for channel, one in zip(shown, axes, strict=True):
        known = series[channel][np.isfinite(series[channel])]
        largest = float(np.abs(known).max()) if known.size else 1.0
        unit = largest if largest > _DRAWN else 1.0
        line, known = series[channel] / unit, known / unit
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        pad = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
        edges = (-0.5, steps - 0.5, low - pad, high + pad)
        one.imshow(level[channel : channel + 1], aspect="auto", extent=edges, cmap=colours, vmin=-1.4, vmax=1.4)
        one.plot(np.arange(steps), line, color="#1c2733", linewidth=1.2)
        one.set_xlim(edges[:2])
        one.set_ylim(edges[2:])
        names = [f"channel {channel + 1}"] * (len(series) > 1) + [f"times {unit:.3g}"] * (unit != 1.0)
        if names:
            one.set_ylabel(", ".join(names))
    axes[-1].set_xlabel("step; red speaks for the answer, blue against it")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


_CHANNELS = 8
"""Of a series that are drawn, at most."""
_DRAWN = 1e30
"""Numbers as large as that are drawn in a unit of their own: an axis cannot hold the largest there are."""
