"""`torch.export`: a `.pt2` that torch alone opens, on any device that it has."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch

from warmstart.exporting.base import Graph, Run
from warmstart.exporting.entrances import Feeds, tensors

FACTS = "warmstart.json"
"""The file of metadata in the archive."""


class TorchExport:
    """See `warmstart.exporting.base.Format`."""

    suffix = ".pt2"
    beside: tuple[str, ...] = ()
    holds_int8 = False
    tolerance = 1e-5

    def write(self, graph: Graph, path: Path) -> None:
        """The graph, its weights and the metadata, in one archive."""
        facts = json.dumps(graph.facts, ensure_ascii=False, indent=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of weights that share storage, and writes them all the same
            torch.export.save(graph.program, path, extra_files={FACTS: facts})

    def open(self, path: Path) -> Run:
        """Run by torch, operation after operation."""
        module = torch.export.load(path).module()

        def run(feeds: Feeds) -> Any:
            with torch.inference_mode():
                return module(*tensors(feeds)).numpy()

        return run


TORCH = TorchExport()
"""The one instance; it holds no state."""
