"""The public names are a promise: adding or removing one is a decision, made here."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import warmstart

NAMES = [
    "Backbone",
    "Bundle",
    "Dataset",
    "Embedder",
    "Phase",
    "PreprocessSpec",
    "Recipe",
    "TransferClassifier",
    "TransferRegressor",
    "WarmstartError",
    "adapt",
    "backbones",
    "check",
    "compare",
    "demo",
    "distill",
    "evaluate",
    "explain",
    "export",
    "fit",
    "load",
    "load_backbone",
    "load_recipe",
    "meta_train",
    "plan",
    "predict",
    "pretrain",
    "recipes",
    "recommend",
    "serve",
    "similarity",
    "update",
]


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_public_names_are_these_and_few() -> None:
    assert sorted(warmstart.__all__) == NAMES
    assert len(NAMES) <= 38


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    thing = getattr(warmstart, name)
    assert not isinstance(thing, ModuleType)
    assert thing.__doc__
    assert name in dir(warmstart)


def test_importing_warmstart_imports_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "pandas", "PIL", "timm", "pydantic")
    assert python(f"import sys, warmstart; print(*(m for m in {heavy} if m in sys.modules))") == ""


def test_a_name_is_never_hidden_by_the_subpackage_of_the_same_name() -> None:
    rooms = "import warmstart.recipe.methods, warmstart.planning.plan, warmstart.evaluation.outcome"
    names = "warmstart.recipes, warmstart.plan, warmstart.evaluate"
    assert python(f"{rooms}; import warmstart; print(*(type(x).__name__ for x in ({names})))") == " ".join(
        ["function"] * 3
    )


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="warmstart"):
        warmstart.nothing_of_this_name  # noqa: B018
