from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.exporting.bundles import MAKERS
from warmstart.api.export import Exported as Told
from warmstart.api.export import export
from warmstart.exporting import speed
from warmstart.shipping.bundle import Bundle

Made = Callable[[str], tuple[Bundle, list[Any]]]
Exported = Callable[..., Told]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The bundle of a task, and inputs for it; made once."""
    folder, kept = tmp_path_factory.mktemp("bundles"), dict[str, tuple[Bundle, list[Any]]]()

    def of(task: str) -> tuple[Bundle, list[Any]]:
        if task not in kept:
            (folder / task).mkdir()
            kept[task] = MAKERS[task](folder / task / "bundle")
        return kept[task]

    return of


@pytest.fixture(scope="session")
def exported(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """What `export` told of the bundle of a task in a format; done once."""
    folder, kept = tmp_path_factory.mktemp("exported"), dict[tuple[str, str, bool], Told]()

    def of(task: str, format: Any = "onnx", preprocessing: bool = False) -> Told:
        key = (task, format, preprocessing)
        if key not in kept:
            bundle, _ = made(task)
            suffix = {"onnx": ".onnx", "openvino": ".xml", "torch": ".pt2"}[format]
            out = folder / f"{task}-{format}-{preprocessing}" / f"model{suffix}"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(speed, "SECONDS", 0.0)
                kept[key] = export(bundle.folder, format=format, preprocessing=preprocessing, out=out)
        return kept[key]

    return of


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SECONDS", 0.0)


@pytest.fixture
def bundle(made: Made, tmp_path: Path) -> Path:
    """A bundle of one's own."""
    import shutil

    return Path(shutil.copytree(made("multilabel")[0].folder, tmp_path / "bundle"))
