from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from warmstart.errors import BackboneError
from warmstart.model.weights import file_sha256, read_weights, state_sha256

STATE = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3), "c": torch.ones(2, dtype=torch.bfloat16)}


class Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def assert_equal(found: dict[str, torch.Tensor]) -> None:
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


def test_safetensors_and_plain_checkpoints_are_read(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "w.safetensors")
    torch.save(STATE, tmp_path / "w.pth")
    torch.save(STATE, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    for name in ("w.safetensors", "w.pth", "old.pt"):
        assert_equal(read_weights(tmp_path / name))


@pytest.mark.parametrize("form", ["pickle", "zip", "old"])
def test_a_malicious_pickle_is_refused_and_does_not_run(tmp_path: Path, form: str) -> None:
    file, target = tmp_path / "w.pth", tmp_path / "was_here"
    payload = {"a": torch.ones(1), "b": Malicious(target)}
    if form == "pickle":
        file.write_bytes(pickle.dumps(payload))
    else:
        torch.save(payload, file, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(BackboneError, match="was refused") as refused:
        read_weights(file)
    assert not target.exists()
    assert "which is code" in str(refused.value) or form == "pickle"
    assert "weights_only" not in str(refused.value), "torch advises to execute it all the same"


def test_safetensors_are_known_whatever_the_file_is_called(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "w.pt")
    assert read_weights(tmp_path / "w.pt").keys() == STATE.keys()


def test_a_whole_pickled_module_is_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(1, 1), tmp_path / "w.pt")
    with pytest.raises(BackboneError, match="was refused"):
        read_weights(tmp_path / "w.pt")


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x04."])
@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BackboneError):
        read_weights(tmp_path / name)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "w.safetensors")
    torch.save(STATE, tmp_path / "w.pt")
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-20])
        with pytest.raises(BackboneError, match="was refused"):
            read_weights(file)


def test_what_is_no_state_dict_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state": STATE}, tmp_path / "w.pt")
    with pytest.raises(BackboneError, match="other than named tensors"):
        read_weights(tmp_path / "w.pt")


def test_a_missing_file_and_a_wrong_hash_are_named(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="no weights file"):
        read_weights(tmp_path / "w.pt")
    torch.save(STATE, tmp_path / "w.pt")
    assert_equal(read_weights(tmp_path / "w.pt", sha256=file_sha256(tmp_path / "w.pt")))
    with pytest.raises(BackboneError, match="has sha256"):
        read_weights(tmp_path / "w.pt", sha256="0" * 64)


def test_the_hash_ignores_order_and_layout_but_sees_every_bit() -> None:
    image = {"w": torch.rand(2, 3, 4, 4)}
    before = state_sha256(image)
    assert state_sha256({"w": image["w"].to(memory_format=torch.channels_last)}) == before
    assert state_sha256({"w": image["w"].reshape(2, 3, 16)}) != before
    assert state_sha256({"v": image["w"]}) != before
    assert state_sha256({"w": image["w"].double()}) != before
    image["w"].view(-1)[7].nextafter_(torch.tensor(9.0))
    assert state_sha256(image) != before


@given(st.dictionaries(st.text(max_size=4), st.lists(st.floats(width=32), max_size=3), max_size=4))
def test_equal_contents_have_equal_hashes(contents: dict[str, list[float]]) -> None:
    state = {name: torch.tensor(values) for name, values in contents.items()}
    copied = {name: state[name].clone() for name in sorted(state, reverse=True)}
    assert state_sha256(state) == state_sha256(copied)
