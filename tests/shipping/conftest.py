from __future__ import annotations

from pathlib import Path

import pytest

from tests.shipping.helpers import CLASSES, Write, a_network
from warmstart.data.targets import ClassTarget
from warmstart.model.network import Network
from warmstart.shipping.write import write_bundle


@pytest.fixture
def write(tmp_path: Path, digits_folder: Path) -> Write:
    def to(name: str = "bundle", networks: Network | list[Network] | None = None, **options: object) -> Path:
        networks = networks or a_network()
        count = len(networks) if isinstance(networks, list) else 1
        facts = {
            "target": ClassTarget(CLASSES),
            "preprocess": (networks[0] if isinstance(networks, list) else networks).facts.preprocess,
            "golden": [next(iter(sorted((digits_folder / c).iterdir()))) for c in ("0", "1")],
            "recipes": ["probe"] * count,
            "recipe": "name: probe\n",
            "temperature": 1.7,
            "card": "# A model\n",
        }
        return write_bundle(tmp_path / name, networks, **{**facts, **options})  # type: ignore[arg-type]

    return to


@pytest.fixture
def digits(digits_folder: Path) -> list[Path]:
    return sorted(digits_folder.rglob("*.png"))[:9]
