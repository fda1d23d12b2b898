from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp

from tests.exporting.bundles import MAKERS
from warmstart.serving.app import create_app
from warmstart.serving.limits import Limits
from warmstart.shipping.bundle import Bundle

Made = Callable[[str], tuple[Bundle, list[Any]]]
Serve = Callable[..., ASGIApp]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The bundle of a task, and inputs for it; made once."""
    folder, kept = tmp_path_factory.mktemp("served"), dict[str, tuple[Bundle, list[Any]]]()

    def of(task: str) -> tuple[Bundle, list[Any]]:
        if task not in kept:
            (folder / task).mkdir()
            kept[task] = MAKERS[task](folder / task / "bundle")
        return kept[task]

    return of


@pytest.fixture
def serve(made: Made) -> Serve:
    """The service of a task, called as 127.0.0.1, with limits of one's own."""

    def of(task: str = "classify", *, token: str | None = None, **limits: Any) -> ASGIApp:
        return create_app(made(task)[0], limits=Limits(**limits), token=token, hosts=("127.0.0.1",))

    return of


@pytest.fixture
def picture(digits_folder: Path) -> bytes:
    """A real image."""
    return next(iter(sorted((digits_folder / "1").iterdir()))).read_bytes()
