"""The baselines that need no network, by the kind of input: what can be had without any transfer, in seconds."""

from __future__ import annotations

from warmstart.engine.ladder.rungs import PixelRung
from warmstart.engine.ladder.tfidf import TfidfRung

SimpleRung = PixelRung | TfidfRung
BY_KIND: dict[str, type[SimpleRung]] = {"image": PixelRung, "text": TfidfRung}
SIMPLE: dict[str, type[SimpleRung]] = {rung.name: rung for rung in BY_KIND.values()}
"""By name: `pixels`, `tfidf`."""
