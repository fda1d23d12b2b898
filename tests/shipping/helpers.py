"""Networks to write bundles of, and bundles rewritten by one who knows how."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch

from warmstart.model.catalog import load_backbone
from warmstart.model.head import LinearHead
from warmstart.model.network import Network
from warmstart.shipping import manifest

Write = Callable[..., Path]

CLASSES = ("2", "10", "Ä/b <i>")


def a_network(seed: int = 0, uri: str = "toy") -> Network:
    """A network whose weights and buffers differ from those that any rebuild would draw."""
    backbone = load_backbone(uri, pretrained=False, seed=seed)
    network = Network(backbone, LinearHead(backbone.out_features, len(CLASSES), 0.1, seed))
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.01 * torch.rand(tensor.shape, generator=generator))
        features = backbone.module.eval()(torch.rand(4, 3, 32, 32, generator=generator))
        head = network.head
        assert isinstance(head, LinearHead)
        head.set_linear(head.linear.weight, head.linear.bias, features.mean(0), features.std(0) + 0.1)
    return network.eval()


def forge(folder: Path, **changes: object) -> None:
    """Rewrite a bundle as one who knows how: all sums agree."""
    facts = manifest.from_json((folder / "bundle.json").read_bytes(), "")
    sums = {path.name: manifest_sum(path) for path in folder.iterdir() if path.name != "bundle.json"}
    (folder / "bundle.json").write_text(manifest.to_json(facts.model_copy(update={"files": sums, **changes})))


def manifest_sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
