"""What `backbones` lists, and how quickly: nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from warmstart.api.backbones import backbones
from warmstart.api.running.command import command
from warmstart.cli.main import app
from warmstart.errors import BackboneError
from warmstart.model.catalog import untrained_module
from warmstart.model.table import rows


def names(**options: object) -> set[str]:
    return {str(row["name"]) for row in backbones(**options)}  # type: ignore[arg-type]


def test_filters_narrow_the_list() -> None:
    assert {"resnet50", "torchvision:resnet50.IMAGENET1K_V2", "dinov3_small", "timm:NAME"} <= names()
    assert "vgg16" in names(max_params="140M")
    assert "vgg16" not in names(max_params=100_000_000)
    assert names(licence="DINOv3*") == {row.name for row in rows() if row.restricted and "dinov3" in row.name}
    assert {"lite0", "toy"} <= names(offline=True)
    assert "timm:NAME" not in names(offline=True)
    assert names(task="classify", modality="image") | names(modality="text") | names(modality="series") == names()


@pytest.mark.parametrize("wrong", [{"task": "fly"}, {"modality": "smell"}, {"max_params": "many"}])
def test_a_filter_that_means_nothing_is_an_error(wrong: dict[str, str]) -> None:
    with pytest.raises(BackboneError, match=next(iter(wrong.values()))):
        backbones(**wrong)  # type: ignore[arg-type]


def test_listing_imports_nothing_heavy() -> None:
    code = "import sys; from warmstart.api.backbones import backbones; backbones(offline=True)\n"
    code += "print(*(m for m in ('torch', 'timm', 'torchvision', 'transformers') if m in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_a_run_can_be_repeated_by_its_command_with_the_licence_accepted() -> None:
    options = {"data": "photos", "backbone": "dinov3_small", "accept_licence": True, "seed": 0}
    assert (
        command("fit", ["photos"], options) == "warmstart fit photos --backbone dinov3_small --accept-licence --seed 0"
    )


def test_accuracy_is_listed_only_where_the_publisher_states_it() -> None:
    stated = {row.name: row.top1 for row in rows() if row.top1 is not None}
    assert stated["torchvision:resnet50.IMAGENET1K_V2"] == 80.858
    assert all(name.startswith("torchvision:") for name in stated)


@pytest.mark.parametrize("name", ["toy", "lite0", "resnet18", "torchvision:shufflenet_v2_x0_5.IMAGENET1K_V1"])
def test_parameters_are_those_of_the_network(name: str) -> None:
    row = next(row for row in rows() if row.name == name)
    module = untrained_module(row.uri, seed=0)
    assert sum(parameter.numel() for parameter in module.parameters()) == row.parameters


def test_the_command_marks_what_has_to_be_accepted() -> None:
    result = CliRunner().invoke(app, ["backbones", "--licence", "dinov3*"])
    assert result.exit_code == 0
    assert "dinov3-license *" in result.stdout
    assert "timm:vit_small_patch16_dinov3.lvd1689m" in result.stdout
