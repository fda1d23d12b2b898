from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from warmstart.cache.key import prefix_sha256, sample_key, space_key
from warmstart.data.schema import Sample
from warmstart.model.catalog import load_backbone
from warmstart.model.chain import Chain
from warmstart.preprocess.spec import PreprocessSpec


@pytest.fixture
def chain() -> Chain:
    return load_backbone("toy").chain


def key_of(source: object) -> str:
    return sample_key(Sample("x", source))


def test_a_sample_is_known_by_its_content_not_by_its_name(tmp_path: Path) -> None:
    for name in ("a.bin", "b.bin"):
        (tmp_path / name).write_bytes(b"the same")
    (tmp_path / "c.bin").write_bytes(b"another")
    a, b, c = (key_of(tmp_path / name) for name in ("a.bin", "b.bin", "c.bin"))
    assert a == b != c
    assert a == key_of(str(tmp_path / "a.bin"))
    assert sample_key(Sample("x", b"1", label="cat")) == sample_key(Sample("y", b"1", label="dog"))


def test_a_file_that_was_changed_gets_another_key(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")
    before = key_of(path)
    path.write_bytes(b"after!")
    os.utime(path, ns=(1, 1))
    assert key_of(path) != before


def test_a_file_is_not_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"once")
    before = key_of(path)

    def refuse(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(Path, "open", refuse)
    assert key_of(path) == before


def test_arrays_differ_by_values_shape_and_type() -> None:
    array = np.arange(12, dtype=np.uint8)
    others = [array.reshape(3, 4), array.reshape(4, 3), array[::-1], array.astype(np.uint16), array.tobytes()]
    assert len({key_of(other) for other in [array, *others]}) == 6
    assert key_of(array.reshape(3, 4).T) == key_of(array.reshape(3, 4).T.copy())


def test_images_differ_by_mode_size_palette_and_orientation() -> None:
    plain = Image.new("RGB", (4, 6), "red")
    turned = plain.copy()
    turned.getexif()[0x0112] = 6
    one, two = Image.new("P", (4, 6)), Image.new("P", (4, 6))
    two.putpalette([9] * 768)
    images = [plain, turned, Image.new("RGB", (6, 4), "red"), Image.new("L", (4, 6)), one, two]
    assert len({key_of(image) for image in images}) == 6
    assert key_of(plain) == key_of(plain.copy())


def test_a_space_depends_on_everything_that_the_activation_does() -> None:
    spec = PreprocessSpec()
    keys = {
        space_key("w", spec, 1, "fp32"),
        space_key("v", spec, 1, "fp32"),
        space_key("w", spec.with_size(96), 1, "fp32"),
        space_key("w", PreprocessSpec(interpolation="bilinear"), 1, "fp32"),
        space_key("w", spec, 2, "fp32"),
        space_key("w", spec, 1, "bf16"),
    }
    assert len(keys) == 6


def test_a_space_depends_on_the_versions_of_what_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = space_key("w", PreprocessSpec(), 1, "fp32")
    monkeypatch.setattr("warmstart.cache.key._versions", lambda: {"torch": "0"})
    assert space_key("w", PreprocessSpec(), 1, "fp32") != before


def test_only_what_lies_below_the_cut_changes_the_hash(chain: Chain) -> None:
    middle = chain.blocks[1].cut
    below, whole = prefix_sha256(chain, middle), prefix_sha256(chain, -1)
    upper = chain.blocks[-1].parameters[0]
    with torch.no_grad():
        chain.module.get_parameter(upper).add_(1.0)
    assert prefix_sha256(chain, middle) == below
    assert prefix_sha256(chain, -1) != whole


@pytest.mark.parametrize("kind", ["parameters", "buffers"])
def test_what_lies_below_the_cut_changes_it_even_behind_the_back_of_autograd(chain: Chain, kind: str) -> None:
    middle = chain.blocks[1].cut
    before = prefix_sha256(chain, middle)
    tensors = dict(getattr(chain.module, f"named_{kind}")())
    name = next(n for n in getattr(chain.blocks[0], kind) if tensors[n].is_floating_point())
    tensors[name].data.view(-1)[0] += 1e-3
    assert prefix_sha256(chain, middle) != before


def test_equal_weights_in_another_layer_are_another_prefix(chain: Chain) -> None:
    before = prefix_sha256(chain, -1)
    norm = next(m for m in chain.module.modules() if isinstance(m, torch.nn.BatchNorm2d))
    norm.eps = 0.1
    assert prefix_sha256(chain, -1) != before


def test_the_hash_is_that_of_a_clone_and_not_of_a_mode(chain: Chain) -> None:
    before = prefix_sha256(chain, -1)
    chain.module.train()
    assert prefix_sha256(chain.clone(), -1) == before
