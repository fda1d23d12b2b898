"""Files that are not what they should be, and the networks without one."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from warmstart.errors import BackboneError, MissingExtraError
from warmstart.model.catalog import load_backbone
from warmstart.model.keras.architectures import ARCHITECTURES, OLD_RESNET50, architecture
from warmstart.model.keras.names import slots
from warmstart.model.keras.resnet import renamed

h5py: Any = pytest.importorskip("h5py", reason="Keras' files are HDF5")
NAME = "mobilenet_v2_035"


def write(path: Path, name: str = NAME, *, changed: dict[str, tuple[int, ...]] | None = None) -> Path:
    """A file of ones in Keras' legacy layout, with some shapes changed; () leaves a weight out."""
    shapes = {
        slot.name or f"{slot.kind}_{i}": {
            variable: (changed or {}).get(f"{slot.name}/{variable}", shape) for variable, shape in slot.weights.items()
        }
        for i, slot in enumerate(slots(architecture(name).build()))
    }
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.encode() for layer in shapes]
        for layer, weights in shapes.items():
            names = [f"{layer}/{variable}:0" for variable, shape in weights.items() if shape]
            file.create_group(layer).attrs["weight_names"] = [variable.encode() for variable in names]
            for variable, shape in weights.items():
                if shape:
                    file[layer].create_dataset(f"{layer}/{variable}:0", data=np.ones(shape, np.float32))
    return path


def refused(file: Path, name: str = NAME) -> str:
    with pytest.raises(BackboneError) as error:
        load_backbone(f"keras:{name}@{file}")
    return str(error.value)


def test_the_first_parameter_that_does_not_fit_is_named_with_both_shapes(tmp_path: Path) -> None:
    file = write(tmp_path / "a.h5", changed={"block_3_expand/kernel": (1, 1, 8, 40)})
    message = refused(file)
    assert "block_3_expand/kernel has shape (1, 1, 8, 40)" in message
    assert "Expected: shape (1, 1, 8, 48)" in message
    assert "99%" in message or "100%" in message
    message = refused(write(tmp_path / "b.h5", changed={"block_3_expand_BN/gamma": ()}))
    assert "block_3_expand_BN/gamma is missing" in message


@pytest.mark.parametrize(
    ("saved", "wanted", "nearest"),
    [("resnet50", "resnet101", "resnet50"), ("resnet101", "resnet50", "resnet101"), (NAME, "vgg16", NAME)],
)
def test_of_a_file_of_another_architecture_the_nearest_is_named(
    tmp_path: Path, saved: str, wanted: str, nearest: str
) -> None:
    message = refused(write(tmp_path / "a.h5", saved), wanted)
    assert f"does not fit {wanted!r}" in message
    assert f"the nearest is 'keras:{nearest}': 100%" in message
    assert re.search(r"\w+/\w+ (has shape|is missing)", message)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.h5")
    content = file.read_bytes()
    for share in (0.1, 0.5, 0.99):
        file.write_bytes(content[: int(share * len(content))])
        assert "was refused" in refused(file)


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"", "empty"), (b"\x80\x04.", "a pickle"), (b"PK\x03\x04...", "a zip archive"), (b"hello", "no HDF5 file")],
)
def test_a_renamed_file_is_refused_for_what_it_is(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "a.h5").write_bytes(content)
    assert what in refused(tmp_path / "a.h5")


def test_an_hdf5_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["table"] = np.ones(3)
    assert "no layer with weights" in refused(tmp_path / "a.h5")


def test_numbers_that_lie_in_another_file_are_not_read(tmp_path: Path) -> None:
    file, secret = write(tmp_path / "a.h5"), write(tmp_path / "b.h5")
    with h5py.File(file, "r+") as opened:
        del opened["Conv1/Conv1/kernel:0"]
        opened["Conv1/Conv1/kernel:0"] = h5py.ExternalLink(str(secret), "Conv1/Conv1/kernel:0")
    assert "a link to another place" in refused(file)
    with h5py.File(file, "r+") as opened:
        del opened["Conv1/Conv1/kernel:0"]
        opened["Conv1/Conv1"].create_dataset("kernel:0", (3, 3, 3, 16), "f4", external=[(str(secret), 0, 1728)])
    assert "no array in this file" in refused(file)


def test_a_missing_file_and_a_missing_name_are_told_apart(tmp_path: Path) -> None:
    assert "no weights file at" in refused(tmp_path / "none.h5")
    with pytest.raises(BackboneError, match=r"keras:vgg16@FILE"):
        load_backbone("keras:vgg16")
    with pytest.raises(BackboneError, match="'resnet50'"):
        load_backbone("keras:resnet49")


def test_without_h5py_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, real = write(tmp_path / "a.h5"), importlib.import_module

    def absent(name: str, package: str | None = None) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"warmstart\[keras\]"):
        load_backbone(f"keras:{NAME}@{file}")


def test_without_weights_no_file_is_needed() -> None:
    for uri in (f"keras:{NAME}@gone.h5", "radimagenet:resnet50@gone.pt"):
        backbone = load_backbone(uri, pretrained=False, seed=1)
        assert load_backbone(backbone.card.name, seed=1).card == backbone.card
        assert backbone.card.trained_on == "nothing (random weights)"


def test_the_network_of_a_file_is_that_of_a_bundle(tmp_path: Path) -> None:
    loaded = load_backbone(f"keras:{NAME}@{write(tmp_path / 'a.h5')}")
    empty = load_backbone(loaded.card.name, pretrained=False)
    empty.module.load_state_dict(loaded.module.state_dict(), strict=True)
    assert (empty.preprocess, empty.out_features) == (loaded.preprocess, loaded.out_features)


def test_preprocessing_follows_the_architecture() -> None:
    modes = {name: ARCHITECTURES[name].preprocess for name in ("vgg16", "inception_v3", "densenet121")}
    assert modes["vgg16"].std == (1 / 255,) * 3
    assert modes["inception_v3"].mean == (0.5,) * 3
    assert modes["inception_v3"].size == 299
    assert modes["densenet121"].std == (0.229, 0.224, 0.225)
    assert (ARCHITECTURES["efficientnet_b7"].preprocess.size, ARCHITECTURES["efficientnet_b7"].mode) == (600, "inside")


@pytest.mark.parametrize(
    "name", ["resnet50", *(pytest.param(name, marks=pytest.mark.slow) for name in ("densenet121", "inception_v3"))]
)
def test_radimagenet_files_for_torch_hold_children_by_number(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    options = {"aux_logits": False, "init_weights": False} if name == "inception_v3" else {}
    network = getattr(torchvision.models, name)(weights=None, **options).eval()
    wrapped = nn.ModuleDict({"backbone": nn.Sequential(*list(network.children())[:-1])})
    torch.save(wrapped.state_dict(), tmp_path / "a.pt")
    backbone = load_backbone(f"radimagenet:{name}@{tmp_path / 'a.pt'}", accept_licence=True)
    setattr(network, "classifier" if name == "densenet121" else "fc", nn.Identity())
    x = torch.rand(2, 3, 75, 75)
    with torch.no_grad():
        torch.testing.assert_close(backbone.chain(x), network(x.flip(1)), rtol=1e-4, atol=1e-4)
    assert backbone.preprocess.mean == (0.5, 0.5, 0.5)
    assert backbone.chain.why_uncut == ""
    other = "resnet50" if name != "resnet50" else "densenet121"
    with pytest.raises(BackboneError, match=f"fits best: radimagenet:{name}"):
        load_backbone(f"radimagenet:{other}@{tmp_path / 'a.pt'}", accept_licence=True)


def test_resnet50_of_keras_2_is_known_by_its_names(tmp_path: Path) -> None:
    new_to_old = {renamed(old): old for old in _old_names()}
    network = architecture(OLD_RESNET50).build()
    generator = np.random.default_rng(0)
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = [new_to_old[slot.name].encode() for slot in slots(network)]
        for slot in slots(network):
            old = new_to_old[slot.name]
            group = file.create_group(old)
            group.attrs["weight_names"] = [f"{old}/{name}:0".encode() for name in slot.weights]
            for name, shape in slot.weights.items():
                group.create_dataset(f"{old}/{name}:0", data=generator.random(shape, dtype=np.float32))
        shortcut = file["bn3a_branch1/bn3a_branch1/gamma:0"][()]
    with pytest.raises(BackboneError, match="resnet50_keras22@"):
        load_backbone(f"keras:resnet50@{tmp_path / 'old.h5'}")
    norm = load_backbone(f"keras:{OLD_RESNET50}@{tmp_path / 'old.h5'}").module.get_submodule("conv3.block1.0_bn")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.eps == 1e-3
    assert np.array_equal(norm.weight.detach().numpy(), shortcut)


def _old_names() -> list[str]:
    blocks = [f"{stage}{letter}" for stage, count in ((2, 3), (3, 4), (4, 6), (5, 3)) for letter in "abcdef"[:count]]
    layers = [f"{kind}{block}_branch{part}" for kind in ("res", "bn") for block in blocks for part in _PARTS]
    return ["conv1", "bn_conv1", *layers]


_PARTS = ("1", "2a", "2b", "2c")
