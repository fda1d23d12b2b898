"""Networks from ONNX files: as torch's layers, and as ONNX Runtime computes them."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import timm
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.catalog import load_backbone, untrained_module
from warmstart.model.modes import evaluating

SIZE = 64


def saved(module: nn.Module, path: Path, size: int = SIZE) -> Path:
    """As torch exports it, for any number of images."""
    batch = torch.export.Dim("batch", min=1)
    program = torch.onnx.export(
        module.eval(), (torch.rand(2, 3, size, size),), dynamic_shapes=({0: batch},), dynamo=True, verbose=False
    )
    assert program is not None
    program.save(str(path))
    return path


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    torch.manual_seed(0)
    module: nn.Module = timm.create_model("resnet18", num_classes=5)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.1)
    return module.eval()


@pytest.fixture(scope="module")
def resnet_file(resnet: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(resnet, tmp_path_factory.mktemp("onnx") / "my resnet.onnx")


def odd_file(folder: Path) -> Path:
    """A small network with an operator that torch's layers do not cover here, for one image at a time."""
    weight = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("ThresholdedRelu", ["a"], ["b"], alpha=0.5),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(weight, "w")],
    )
    path = folder / "odd.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_convertible_file_becomes_a_trainable_backbone(resnet: nn.Module, resnet_file: Path) -> None:
    backbone = load_backbone(f"onnx:{resnet_file}")
    x = torch.rand(3, 3, SIZE, SIZE)
    plain = copy.deepcopy(resnet)
    plain.fc = nn.Identity()
    with evaluating(backbone.module), torch.no_grad():
        features = backbone.chain(x)
        assert torch.allclose(features, plain(x), atol=1e-4)
        assert backbone.source_head is not None
        assert torch.allclose(backbone.source_head(features), resnet(x), atol=1e-4)
        for cut in range(0, len(backbone.chain), 5):
            assert torch.allclose(backbone.chain.suffix(cut)(backbone.chain.prefix(cut)(x)), features, atol=1e-5)
    assert len(backbone.chain) > 20
    assert backbone.preprocess.size == SIZE
    assert backbone.card.name == "onnx:my_resnet.onnx"
    torch.autograd.backward(backbone.chain(x).sum())
    assert all(parameter.grad is not None for parameter in backbone.module.parameters())


def test_numbers_that_the_older_exporter_keeps_once_are_found(tmp_path: Path) -> None:
    toy = load_backbone("toy").module  # its batch norms are equal
    torch.onnx.export(toy, (torch.rand(1, 3, 32, 32),), str(tmp_path / "toy.onnx"), dynamo=False)
    backbone, x = load_backbone(f"onnx:{tmp_path / 'toy.onnx'}"), torch.rand(1, 3, 32, 32)
    with evaluating(backbone.module), evaluating(toy), torch.no_grad():
        assert torch.allclose(backbone.chain(x), toy(x), atol=1e-5)


def test_it_is_built_again_without_the_file(resnet_file: Path) -> None:
    backbone = load_backbone(f"onnx:{resnet_file}")
    again = load_backbone(backbone.card.name, pretrained=False, structure=backbone.structure)
    again.module.load_state_dict(backbone.module.state_dict())
    x = torch.rand(2, 3, SIZE, SIZE)
    with evaluating(backbone.module), evaluating(again.module), torch.no_grad():
        assert torch.equal(backbone.chain(x), again.chain(x))
    fresh = untrained_module(backbone.card.name, seed=1, structure=backbone.structure).state_dict()
    assert fresh.keys() == backbone.module.state_dict().keys()


def test_what_torch_has_no_layers_for_is_computed_frozen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    backbone = load_backbone(f"onnx:{odd_file(tmp_path)}")
    assert "ThresholdedRelu" in caplog.text
    assert "ThresholdedRelu" in backbone.card.architecture
    x = torch.rand(3, 3, SIZE, SIZE)
    features = backbone.chain(x)
    assert features.shape == (3, 4)
    assert torch.allclose(backbone.chain(x[1:2]), features[1:2], atol=1e-6)
    again = load_backbone(backbone.card.name, pretrained=False, structure=backbone.structure)
    assert torch.equal(again.chain(x), features)
    assert torch.equal(backbone.clone().chain(x), features)


def test_a_card_beside_the_file_states_its_preprocessing(tmp_path: Path) -> None:
    path = odd_file(tmp_path)
    (path.parent / "card.yaml").write_text("licence: MIT\nmean: [0.1, 0.2, 0.3]\nstd: [1, 1, 1]\ntrained_on: leaves\n")
    backbone = load_backbone(f"onnx:{path}")
    assert (backbone.card.licence, backbone.card.trained_on) == ("MIT", "leaves")
    assert backbone.preprocess.mean == (0.1, 0.2, 0.3)


@pytest.mark.parametrize("content", [b"", b"\x08\x07garbage", b"\x80\x04."])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(BackboneError, match=r"bad\.onnx was refused"):
        load_backbone(f"onnx:{tmp_path / 'bad.onnx'}")


def test_a_truncated_file_and_a_missing_one_are_refused(resnet_file: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.onnx").write_bytes(resnet_file.read_bytes()[:100_000])
    with pytest.raises(BackboneError, match="was refused"):
        load_backbone(f"onnx:{tmp_path / 'cut.onnx'}")
    with pytest.raises(BackboneError, match="no ONNX file"):
        load_backbone(f"onnx:{tmp_path / 'none.onnx'}")


def test_the_graph_is_plain_data(resnet_file: Path) -> None:
    from warmstart.model.onnx.graph import Graph, read_onnx

    graph = read_onnx(resnet_file).graph
    assert Graph.from_json(graph.to_json()) == graph
    assert dataclasses.replace(graph, steps=()) != graph
