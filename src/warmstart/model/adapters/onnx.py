"""`onnx:FILE`: a network from an ONNX file, its classifier taken off.

Where every operator is known to `warmstart.model.onnx.operators`, it becomes a torch module that can be cut and
trained; else ONNX Runtime computes its features, frozen. An ONNX file says nothing of preprocessing: that of ImageNet
is assumed unless a `card.yaml` beside the file states another.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import torch
from torch import Tensor, nn

from warmstart.model.adapters.base import assemble, drawn, name_in_uri, seeded, smallest_size
from warmstart.model.adapters.written_card import WrittenCard, classes_of, stated_spec, weights_and_card
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.modes import evaluating
from warmstart.model.onnx.graph import Graph, OnnxFile, read_onnx
from warmstart.model.onnx.network import OnnxNetwork, SessionNetwork, with_features_as_output
from warmstart.model.onnx.operators import NotConvertibleError
from warmstart.model.weights import file_sha256
from warmstart.preprocess.spec import PreprocessSpec

_log = logging.getLogger(__name__)
_TOLERANCE = 1e-4
_IMAGENET = PreprocessSpec()
_END = b"\n"
"""Behind the graph (JSON in one line); what follows is the file for ONNX Runtime, where that computes it."""


class OnnxSupplier:
    """See `warmstart.model.adapters.base.Supplier`, and `Rebuilder`."""

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The network with the file's numbers, or with random ones of the same shapes."""
        path, written = weights_and_card(Path(name), (".onnx",))
        file = read_onnx(path)
        spec = stated_spec(_spec(file.graph), written)
        module, structure, why = _module(file, spec)
        card = _card(path, written, why)
        if not pretrained:
            return self.rebuild(name, structure, seed=seed)
        loaded = _assembled(module, spec, card, structure, file.classifier)
        return dataclasses.replace(loaded, source_classes=classes_of(file.classifier, written))

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The network in the file with torch's default initialisation."""
        return self.load(name, pretrained=False, seed=seed).module

    def rebuild(self, name: str, structure: bytes, *, seed: int) -> Backbone:
        """The network of a stored graph, with torch's default initialisation; of a stored file, as it is."""
        text, _, model = structure.partition(_END)
        graph = Graph.from_json(text)
        with seeded(seed):
            module: nn.Module = SessionNetwork(model, graph) if model else OnnxNetwork(graph)
        card = drawn(_card(Path(name), WrittenCard(), ""), seed)
        return _assembled(module, _spec(graph), card, structure, None)

    def licence(self, name: str) -> str:
        """As the card beside the file states it."""
        return weights_and_card(Path(name), (".onnx",))[1].licence


SUPPLIER = OnnxSupplier()


def _module(file: OnnxFile, spec: PreprocessSpec) -> tuple[nn.Module, bytes, str]:
    """(module with the file's numbers, its structure, why it is not made of torch's layers or "")."""
    session_model = with_features_as_output(file.model, file.graph)
    try:
        module = OnnxNetwork(file.graph)
        module.fill(file.tensors)
        _agree(module, session_model, file.graph, spec)
    except NotConvertibleError as reason:
        _log.warning("the ONNX network is not trainable here, its features are frozen: %s", reason)
        structure = file.graph.to_json().encode() + _END + session_model
        return SessionNetwork(session_model, file.graph), structure, str(reason)
    return module, file.graph.to_json().encode(), ""


def _agree(module: nn.Module, session_model: bytes, graph: Graph, spec: PreprocessSpec) -> None:
    """Compare with ONNX Runtime on noise; raises `NotConvertibleError`."""
    x = torch.randn(graph.batch or 2, graph.channels, spec.size, spec.size, generator=torch.Generator().manual_seed(0))
    with evaluating(module), torch.no_grad():
        try:
            found: Tensor = module(x)
        except Exception as error:  # an operator used in a way that the table does not foresee
            raise NotConvertibleError(f"it does not run in torch ({error})") from error
        expected = SessionNetwork(session_model, graph)(x)
    apart = float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-12))
    if found.shape != expected.shape or not apart <= _TOLERANCE:
        raise NotConvertibleError(f"its features in torch differ from ONNX Runtime's by {apart:.1e} of the largest")


def _assembled(
    module: nn.Module, spec: PreprocessSpec, card: BackboneCard, structure: bytes, classifier: nn.Linear | None
) -> Backbone:
    smallest = smallest_size(module, spec)
    card = dataclasses.replace(card, min_size=smallest, fixed_size=smallest == spec.size)
    return dataclasses.replace(assemble(module, spec, card, source_head=classifier), structure=structure)


def _spec(graph: Graph) -> PreprocessSpec:
    spec = PreprocessSpec(size=graph.size or _IMAGENET.size, channels=graph.channels)
    if graph.channels == len(spec.mean):
        return spec
    mean, std = sum(spec.mean) / len(spec.mean), sum(spec.std) / len(spec.std)
    return PreprocessSpec(
        size=spec.size, channels=graph.channels, mean=(mean,) * graph.channels, std=(std,) * graph.channels
    )


def _card(path: Path, written: WrittenCard, why: str) -> BackboneCard:
    source = f"file {path.name}, sha256 {file_sha256(path)}" if path.is_file() else f"file {path.name}"
    return BackboneCard(
        name=f"onnx:{name_in_uri(path)}",
        architecture="onnx" if not why else f"onnx, in ONNX Runtime ({why})",
        source=f"{written.source + ', ' if written.source else ''}{source}",
        licence=written.licence,
        trained_on=written.trained_on,
        weights_sha256="",
        parameters=0,
    )
