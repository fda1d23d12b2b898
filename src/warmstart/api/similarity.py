"""`similarity`: how far apart two data sets are, as a backbone sees them."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from torch import nn

from warmstart.api.inputs.kinds import BACKBONES
from warmstart.api.inputs.options import COLUMNS, kept, kind_in
from warmstart.api.inputs.pairing import Prepared, prepare, read_set
from warmstart.api.inputs.prepare import backbone_at
from warmstart.api.running.budget import cache_limits
from warmstart.api.running.command import called, command
from warmstart.api.running.environment import environment
from warmstart.api.running.held import within_memory
from warmstart.api.running.runfolder import check_folder, open_folder
from warmstart.cache.features import activations
from warmstart.data.seriesreading import SeriesOptions
from warmstart.data.sources import OnMissing
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.ambient import ambient
from warmstart.engine.events import Advanced, Finished, Listener, Started, broadcast, remembering
from warmstart.engine.extraction import choose
from warmstart.errors import WarmstartError
from warmstart.evaluation.similarity import Similarity, SimilarityOutcome
from warmstart.model.backbone import Backbone, FeatureGroup
from warmstart.model.device import chosen
from warmstart.model.network import Network
from warmstart.model.taps import FEATURES, most_taps, tapped
from warmstart.model.uri import Uri
from warmstart.planning.plan import CacheLimits
from warmstart.planning.profile import profile
from warmstart.planning.speed import measure_speed
from warmstart.report.notebook import of_similarity
from warmstart.report.similarity import write_similarity
from warmstart.select.similarity import along_depth, compare_features

MOST_FEATURES = 16_384
"""Columns of all blocks together: 4000 samples of them are 260 MB."""
WORTH_MEASURING = 300
"""Images below which finding the fastest runtime takes longer than computing their features in torch."""


@dataclasses.dataclass(frozen=True)
class SimilarityResult:
    """Where everything lies, and the facts."""

    outcome: SimilarityOutcome
    folder: Path
    report: Path

    def _repr_html_(self) -> str:
        return of_similarity(self.outcome, report=self.report)


@within_memory
def similarity(
    a: Any,
    b: Any,
    *,
    backbone: str | None = None,
    accept_licence: bool = False,
    limit: int = 2000,
    size: int | None = None,
    seed: int = 0,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    on_missing: OnMissing = "error",
    out: str | Path | None = None,
    max_unreadable: float = 0.05,
    cache: str | Path | None = None,
    cache_budget: str | int = "8GB",
    max_memory: str | int | None = None,
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> SimilarityResult:
    """Measure how far apart two sets of images or of texts are in the features of a backbone, with intervals, in words.

    Every measure is held against two random halves of `a`, which show what no shift looks like. Block by block it is
    told whether the two differ in what early blocks see or in what late ones make of it. What the samples do not
    support is refused, with what would be needed.

    Args:
        a: a folder with one folder per class, a table, `(images, labels)`, a `Dataset`; or, without labels, a folder of
            images or texts, or a list or array of them. Where both have labels, the optimal-transport dataset distance
            is given.
        b: likewise.
        backbone: URI of the backbone that makes the features; by default `lite0` for images and `minilm` for texts.
        accept_licence: as for `fit`.
        limit: of each set at most so many samples, drawn at random.
        size: input side in pixels, or tokens at most; by default the backbone's own.
        seed: of every random draw.
        path_column: column of a table that holds the path.
        text_column: column of a table that holds the texts, for pairs two with a comma between them.
        label_column: column of a table that holds the label; several (of 0 and 1, or numbers) with commas between them.
        on_missing: "skip" leaves out rows of a table whose file or label is missing; else they are an error.
        out: run folder; must not exist. Default: the next free `runs/A-vs-B-NNN`.
        max_unreadable: stop if more than this share of the samples of a set cannot be read.
        cache: folder for activations and resized pixels; by default the user's cache folder.
        cache_budget: what stored activations may take, such as `"2GB"`; `"0"` stores none.
        max_memory: as for `fit`.
        listener: hears of progress and decisions.
        series: how series are read: `id_column`, `time_column`, `value_columns`, `rate`, `window`, `stride`, as
            `warmstart.load` has them.

    Raises:
        DataError, BackboneError, LicenceError, RunError: what was found, what was expected, what to do.
    """
    given = kept(locals())
    options = {
        "backbone": backbone or BACKBONES[kind_in(a, given)],
        "accept_licence": accept_licence,
        "limit": limit,
        **given,
        "max_unreadable": max_unreadable,
    }
    if limit < 2:
        raise WarmstartError(f"limit {limit}", expected="at least 2 samples of each set; thousands say more")
    check_folder({}, out=out, resume=None)
    limits = cache_limits(cache_budget, "fp32")
    return _similarity((a, b), options, out=out, cache=cache, limits=limits, listener=listener)


def _similarity(
    given: tuple[Any, Any],
    options: dict[str, Any],
    *,
    out: str | Path | None,
    cache: str | Path | None,
    limits: CacheLimits,
    listener: Listener,
) -> SimilarityResult:
    started = time.monotonic()
    keep_buffers()
    size, seed = options["size"], options["seed"]
    own = backbone_at(_untapped(options["backbone"]), size, seed, accept_licence=options["accept_licence"])
    network = with_all_blocks(own)
    decisions: list[str] = []
    tell = broadcast(listener, remembering(decisions))
    columns, kind = {key: options[key] for key in (*COLUMNS, "on_missing")}, own.spec.kind
    sets = [read_set(data, name, kind, listener=tell, **columns) for data, name in zip(given, "AB", strict=True)]
    asked = {key: options[key] for key in ("size", "limit", "seed", "max_unreadable")}
    ready = prepare(sets, network, cache=cache, limits=limits, listener=tell, **asked)
    found = _measure(ready, network, seed, tell)
    names = [called(data) for data in given]
    outcome = SimilarityOutcome(
        ready.a,
        ready.b,
        found,
        seed,
        own.card.to_dict(),
        ready.data.spec.to_dict(),
        tuple(decisions),
        time.monotonic() - started,
        environment(),
        command("similarity", names, options),
    )
    config = {"a": names[0], "b": names[1], **options, "weights": own.card.weights_sha256}
    folder = open_folder(f"{ready.a.name}-vs-{ready.b.name}", config, out=out, resume=None)
    return SimilarityResult(outcome, folder, write_similarity(outcome, folder))


def _untapped(uri: str) -> str:
    """The backbone's own features: other blocks are looked at one by one."""
    return str(dataclasses.replace(Uri.of(uri), taps=None))


def with_all_blocks(backbone: Backbone) -> Backbone:
    """The backbone with the features of its lower blocks; of the last of them where all are too many columns."""
    for taps in range(most_taps(backbone), 0, -1):
        wide = tapped(backbone, taps)
        if wide.out_features <= MOST_FEATURES:
            return wide
    return backbone


def _measure(ready: Prepared, backbone: Backbone, seed: int, listener: Listener) -> Similarity:
    rows = _features(ready, backbone, listener)
    first, second = rows[: ready.a.used], rows[ready.a.used :]
    groups = backbone.groups or (FeatureGroup(FEATURES, 0, backbone.out_features),)
    listener(Started("measures"))
    blocks = along_depth(first, second, groups, seed=seed) if len(groups) > 1 else ()
    own = slice(groups[-1].start, groups[-1].stop)
    found = compare_features(first[:, own], second[:, own], *ready.labels, blocks=blocks, seed=seed)
    listener(Finished("measures"))
    return found


def _features(ready: Prepared, backbone: Backbone, listener: Listener) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Features of all blocks (n, d), from the store or computed and stored, by the runtime that is fastest here."""
    data, samples = ready.data, len(ready.data.dataset)
    backbone.module.to(chosen())
    if samples >= WORTH_MEASURING:
        speed = measure_speed(Network(backbone, nn.Identity()), data.spec, seconds=0.3, decoded=True)
        rate = speed.flops / profile(backbone, 0, len(backbone.chain.cuts) - 1, data.spec.size).flops
        choice = choose(backbone, data, samples, rate)
        data = choice.applied(data)
    listener(Started("features", samples))
    found = activations(
        data.wanted(backbone.chain), -1, range(samples), progress=lambda n: listener(Advanced("features", n))
    )
    listener(Finished("features"))
    return found.numpy()
