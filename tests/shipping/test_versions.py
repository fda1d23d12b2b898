"""Bundles of other versions, and on machines that lack something."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.exporting.bundles import tag
from tests.shipping.helpers import Write
from warmstart.api.predict import predict
from warmstart.engine.events import Decided, Event
from warmstart.errors import BundleError
from warmstart.shipping import manifest
from warmstart.shipping.bundle import Bundle

FIRST = Path(__file__).parent / "first_version"
"""A bundle of 24 November 2026, which the first version of `fit` wrote (commit c11b0a7): digits, the toy backbone."""


def test_a_bundle_of_the_first_version_answers_as_it_did(digits_folder: Path) -> None:
    bundle = Bundle.load(FIRST)  # compares the golden samples
    assert bundle.reference is None
    told: list[Event] = []
    rows = predict(FIRST, digits_folder, abstain_below=0.9, listener=told.append)
    assert sum(row["label"] == Path(row["input"]).parent.name for row in rows if not row["abstained"]) >= 50
    assert any("no record of validation" in event.text for event in told if isinstance(event, Decided))


def rewritten(folder: Path, **changes: Any) -> None:
    """Change `bundle.json` as a newer version would have written it."""
    document = json.loads((folder / manifest.NAME).read_text())
    document.pop("digest")
    document |= changes
    (folder / manifest.NAME).write_text(json.dumps({**document, "digest": manifest._digest(document)}))


def test_a_bundle_of_a_newer_version_is_refused_in_words(write: Write) -> None:
    rewritten(folder := write("newer"), format=2)
    with pytest.raises(BundleError, match=r"format 2, which a newer version of warmstart writes[^$]*pip install --up"):
        Bundle.load(folder)
    rewritten(folder := write("other"), versions={"warmstart": "9.1"}, moods=["calm"])
    with pytest.raises(BundleError, match=r"'moods', which this version[^$]*written by warmstart 9\.1"):
        Bundle.load(folder)


WITHOUT = """
import importlib.util, sys
found, missing = importlib.util.find_spec, set(sys.argv[2].split(","))
importlib.util.find_spec = lambda name, *rest: None if name.split(".")[0] in missing else found(name, *rest)

class Missing:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from warmstart.errors import WarmstartError
from warmstart.shipping.bundle import Bundle
try:
    bundle = Bundle.load(sys.argv[1])
    print(bundle.predict(bundle.golden()[:1])[0]["error"])
except WarmstartError as error:
    print(error)
"""


def without(bundle: Path, missing: str) -> str:
    """What is said in a process where packages are missing."""
    words = [sys.executable, "-c", WITHOUT, str(bundle), missing]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def test_a_bundle_opens_with_nothing_but_what_it_needs() -> None:
    others = "transformers,tokenizers,sklearn,scipy,pandas,pyarrow,torchvision,timm,openvino,onnxruntime,aeon,peft"
    assert without(FIRST, others) == "None"


@pytest.mark.slow
def test_a_bundle_of_texts_names_the_extra_that_is_missing(tmp_path: Path) -> None:
    bundle, _ = tag(tmp_path / "bundle")
    for missing in ("transformers", "tokenizers"):
        assert "pip install 'warmstart[text]'" in without(bundle.folder, missing)
