"""Transfer learning that tells the truth.

    >>> import warmstart
    >>> "gradual" in [r.name for r in warmstart.recipes()]
    True

Everything public is here and is imported on first use, so `import warmstart` is quick and does not load torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warmstart.registry import imported

if TYPE_CHECKING:
    from warmstart.api.adapt import adapt
    from warmstart.api.backbones import backbones
    from warmstart.api.check import check
    from warmstart.api.compare import compare
    from warmstart.api.demo import demo
    from warmstart.api.distill import distill
    from warmstart.api.estimators.embedder import Embedder
    from warmstart.api.estimators.transfer import TransferClassifier, TransferRegressor
    from warmstart.api.evaluate import evaluate
    from warmstart.api.explain import explain
    from warmstart.api.export import export
    from warmstart.api.fit import fit
    from warmstart.api.meta_train import meta_train
    from warmstart.api.plan import plan
    from warmstart.api.predict import predict
    from warmstart.api.pretrain import pretrain
    from warmstart.api.pull import pull
    from warmstart.api.push import push
    from warmstart.api.recipes import recipes
    from warmstart.api.recommend import recommend
    from warmstart.api.serve import serve
    from warmstart.api.similarity import similarity
    from warmstart.api.tune import tune
    from warmstart.api.update import update
    from warmstart.data.schema import Dataset
    from warmstart.data.sources import load
    from warmstart.errors import WarmstartError
    from warmstart.model.backbone import Backbone
    from warmstart.model.catalog import load_backbone
    from warmstart.preprocess.spec import PreprocessSpec
    from warmstart.recipe.methods import load_recipe
    from warmstart.recipe.phase import Phase
    from warmstart.recipe.recipe import Recipe
    from warmstart.shipping.bundle import Bundle

_PLACES = {
    "Backbone": "model.backbone",
    "Bundle": "shipping.bundle",
    "Dataset": "data.schema",
    "Phase": "recipe.phase",
    "Embedder": "api.estimators.embedder",
    "PreprocessSpec": "preprocess.spec",
    "Recipe": "recipe.recipe",
    "TransferClassifier": "api.estimators.transfer",
    "TransferRegressor": "api.estimators.transfer",
    "WarmstartError": "errors",
    "adapt": "api.adapt",
    "backbones": "api.backbones",
    "check": "api.check",
    "compare": "api.compare",
    "demo": "api.demo",
    "distill": "api.distill",
    "evaluate": "api.evaluate",
    "explain": "api.explain",
    "export": "api.export",
    "fit": "api.fit",
    "load": "data.sources",
    "load_backbone": "model.catalog",
    "meta_train": "api.meta_train",
    "plan": "api.plan",
    "predict": "api.predict",
    "pretrain": "api.pretrain",
    "pull": "api.pull",
    "push": "api.push",
    "load_recipe": "recipe.methods",
    "recipes": "api.recipes",
    "recommend": "api.recommend",
    "serve": "api.serve",
    "similarity": "api.similarity",
    "tune": "api.tune",
    "update": "api.update",
}

__version__ = "0.1.0"
__all__ = [
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
    "pull",
    "push",
    "recipes",
    "recommend",
    "serve",
    "similarity",
    "tune",
    "update",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use. A subpackage of the same name (`recipe`, `plan`, ...) gives way to it."""
    if name not in _PLACES:
        raise AttributeError(f"module 'warmstart' has no attribute {name!r}")
    return getattr(imported(f"warmstart.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
