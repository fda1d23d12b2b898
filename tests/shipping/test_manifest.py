from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmstart.errors import BundleError
from warmstart.shipping.manifest import Manifest, from_json, to_json

SUM = "0" * 64
FACTS: dict[str, Any] = {
    "format": 1,
    "created": "2025-01-01T00:00:00+00:00",
    "versions": {"warmstart": "0.1.0"},
    "task": "classify",
    "data": "photos",
    "backbone": {
        "name": "timm:resnet50.a1_in1k",
        "architecture": "resnet50",
        "source": "timm",
        "licence": "Apache-2.0",
        "trained_on": "ImageNet-1k",
        "weights_sha256": SUM,
        "parameters": 1,
        "min_size": 32,
    },
    "preprocess": {"size": 32},
    "classes": ["2", "10", "Ä b"],
    "members": [{"weights": "weights-0.safetensors", "head": {"kind": "linear"}, "recipe": "probe"}],
    "temperature": 1.5,
    "metrics": {},
    "files": {"weights-0.safetensors": SUM},
}


def test_a_manifest_reads_back_as_it_was_written() -> None:
    facts = Manifest.model_validate(FACTS)
    assert from_json(to_json(facts), "b") == facts


def test_any_edit_by_hand_is_noticed() -> None:
    text = to_json(Manifest.model_validate(FACTS))
    with pytest.raises(BundleError, match="changed after it was written"):
        from_json(text.replace('"10"', '"11"'), "b")


@given(st.binary(max_size=200))
def test_bytes_that_are_no_manifest_give_a_bundle_error(content: bytes) -> None:
    with pytest.raises(BundleError, match=r"bundle\.json"):
        from_json(content, "b")


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_format_is_refused_by_name(version: object) -> None:
    with pytest.raises(BundleError, match="format"):
        from_json(json.dumps({**FACTS, "format": version}), "b")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("files", {"weights-0.safetensors": SUM, "../outside": SUM}),
        ("files", {"weights-0.safetensors": SUM, "a/b": SUM}),
        ("files", {}),
        ("members", [{"weights": "/etc/passwd", "head": {}, "recipe": "r"}]),
        ("backbone", {**FACTS["backbone"], "name": "timm:hf-hub:someone/something"}),
        ("backbone", {**FACTS["backbone"], "name": "file:../weights"}),
        ("classes", ["a", "a"]),
        ("temperature", 0.0),
        ("unknown", 1),
    ],
)
def test_what_points_outside_the_bundle_or_does_not_fit_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field if field != "files" or value else "weights without a sum"):
        Manifest.model_validate({**FACTS, field: value})
