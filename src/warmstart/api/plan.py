"""`plan`: what a recipe would do to a backbone on some data. Nothing is trained, and no image is decoded."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Unpack

from warmstart.api.inputs.bands import refuse_other_bands
from warmstart.api.inputs.images import framed
from warmstart.api.inputs.kinds import BACKBONES
from warmstart.api.inputs.options import how_read, kept, kind_in
from warmstart.api.inputs.prepare import backbone_at, divide, read_whole
from warmstart.api.inputs.reading import fitted
from warmstart.api.inputs.scenes import WORDS as SCENES
from warmstart.api.inputs.scenes import posed
from warmstart.api.running.budget import cache_limits
from warmstart.api.running.held import within_memory
from warmstart.data.schema import Dataset
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources import OnMissing, load
from warmstart.data.together import Sets
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.data import facts_of
from warmstart.engine.events import silent
from warmstart.model.activation import ActivationDtype
from warmstart.model.backbone import Backbone
from warmstart.planning.compile import compile_plan
from warmstart.planning.edited import outlined
from warmstart.planning.plan import Plan
from warmstart.planning.speed import measure_speed
from warmstart.planning.storage import cut_costs
from warmstart.preprocess.kinds import Spec
from warmstart.recipe.methods import load_recipe
from warmstart.recipe.recipe import Recipe
from warmstart.task.network import network_for

SOME = 32
"""Images that the time to decode is measured on."""


@within_memory
def plan(
    data: Any,
    *,
    recipe: str | Path | Recipe,
    backbone: str | None = None,
    accept_licence: bool = False,
    size: int | None = None,
    seed: int = 0,
    val: float = 0.2,
    test: float = 0.2,
    group: str | None = None,
    time: str | None = None,
    task: str | None = None,
    horizon: int | None = None,
    context: int | None = None,
    season: int | None = None,
    head: str | None = None,
    loss: str | None = None,
    tile: int | None = None,
    normal: str | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    on_missing: OnMissing = "error",
    cache_budget: str | int = "8GB",
    cache_dtype: ActivationDtype = "fp32",
    max_memory: str | int | None = None,
    **series: Unpack[SeriesOptions],
) -> Plan:
    """Compile a recipe for the data `fit` would train on: groups, rates, cut, cache, steps, expected time and memory.

    Texts are read and divided as `fit` does. Images are not decoded, and so copies among them, which `fit` keeps in one
    part, are not known here.

    Args:
        data: as for `fit`.
        recipe: name (`"finetune?epochs=3"` with options), YAML file or `Recipe`.
        backbone: URI of the backbone, as for `fit`.
        accept_licence: as for `fit`.
        size: input side in pixels, or tokens at most, as for `fit`.
        seed: of the division into parts.
        val: share for validation, as for `fit`.
        test: share for the test, as for `fit`.
        group: column (or "folder") of what must not be divided.
        time: column (or "exif") of when each was taken, as for `fit`.
        task: what the labels pose, as for `fit`; by default what they look like (see `warmstart.data.sources.load`).
        horizon: steps to be forecast, as for `fit`.
        context: steps that a forecast sees, as for `fit`.
        season: steps after which a pattern repeats, as for `fit`.
        head: as for `fit`: what finds boxes or masks.
        loss: as for `fit`: what masks are learned by.
        tile: as for `fit`: the side of tiles that images are cut into.
        normal: as for `fit`: the label of normal samples.
        path_column: column of a table that holds the path.
        text_column: column of a table that holds the texts, for pairs two with a comma between them.
        label_column: column of a table that holds the label; several (of 0 and 1, or numbers) with commas between them.
        on_missing: "skip" leaves out rows whose file or label is missing, and boxes and masks that cannot be used; else
            they are an error.
        cache_budget: what stored activations may take, as for `fit`.
        cache_dtype: format of stored activations, as for `fit`.
        max_memory: as for `fit`.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        RecipeError: the recipe is not valid, or does not fit the backbone.
        LicenceError: the licence of the weights restricts their use, and was not accepted.
    """
    given = kept(locals())
    keep_buffers()
    wanted = load_recipe(recipe)
    pretrained = backbone_at(backbone or BACKBONES[kind_in(data, given)], size, seed, accept_licence=accept_licence)
    pretrained, dataset, spec, alike = as_read(data, pretrained, how_read(given))
    parts = divide(dataset, val=val, test=test, seed=seed, alike=alike)
    network = network_for(pretrained, dataset.target, seed=seed)
    pretrained = network.facts
    facts = facts_of(dataset, parts, spec)
    limits = cache_limits(cache_budget, cache_dtype)
    some = [dataset.samples[int(i)].source for i in parts.train[:: max(1, len(parts.train) // SOME)]]
    speed = measure_speed(network, spec, sources=some)
    compiled = compile_plan(wanted, outlined(network, wanted.edits), facts, speed=speed, limits=limits)
    return dataclasses.replace(compiled, storage=cut_costs(pretrained, len(dataset), spec.size))


def as_read(data: Any, backbone: Backbone, reading: dict[str, Any]) -> tuple[Backbone, Dataset, Spec, Sets]:
    """The backbone as the data ask for it, the data as `fit` would read them, how, and what belongs in one part, as far
    as it is known without decoding.
    """
    if backbone.spec.kind != "image":
        whole = read_whole(data, backbone, max_unreadable=1.0, listener=silent, **reading)
        return whole.backbone, whole.dataset, whole.store.spec, whole.alike
    own = ("size", *SCENES)
    dataset = load(data, kind="image", **{name: value for name, value in reading.items() if name not in own})
    head, loss, tile = (reading[name] for name in SCENES)
    dataset = posed(dataset, head, loss, tile, backbone=backbone)
    backbone = fitted(backbone, dataset, reading["size"])
    spec = framed(backbone.preprocess, dataset, reading["size"], backbone.card.min_size)
    refuse_other_bands(dataset, spec)
    return backbone, dataset, spec, ()
