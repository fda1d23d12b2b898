"""Readers meet broken and made-up input: they read it, or refuse it in words of their own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzzing.targets import TARGETS, survives

PIECES = [b"", b"\x00", b"\xff" * 8, b"\xef\xbb\xbf", b'"', b"\n\n", b"nan", b"-1", b"1e999", b"99999999999999999999"]
PIECES += [b"{", b"[" * 2000, b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"!!python/object/apply:os.system [ls]", b"../../x"]
SETTINGS = settings(max_examples=25, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(autouse=True)
def _scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)


@st.composite
def broken(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A seed with a few pieces cut out, flipped, or put in."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(content))), draw(st.integers(0, 12))
        way = draw(st.sampled_from(["cut", "flip", "put", "end"]))
        if way == "cut":
            del content[at : at + length]
        elif way == "end":
            del content[at:]
        elif way == "flip" and at < len(content):
            content[at] ^= 1 << draw(st.integers(0, 7))
        else:
            content[at:at] = draw(st.sampled_from(PIECES))
    return bytes(content)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_whole_is_read_or_refused(name: str) -> None:
    target, seeds = TARGETS[name]
    read = [survives(target, seed) for seed in seeds]
    assert any(read) or name == "manifest", "a reader is tried beyond its first lines"


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_broken_is_read_or_refused_in_words(name: str) -> None:
    target, seeds = TARGETS[name]

    @SETTINGS
    @given(content=broken(seeds))
    def check(content: bytes) -> None:
        assert isinstance(survives(target, content), bool)

    check()


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_or_refused_in_words(name: str) -> None:
    target, _ = TARGETS[name]

    @settings(SETTINGS, max_examples=10)
    @given(content=st.binary(max_size=200))
    def check(content: bytes) -> None:
        assert isinstance(survives(target, content), bool)

    check()
