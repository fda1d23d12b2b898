"""`distill`: a smaller network learns from what a bundle, or several, say of labelled and unlabelled data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from warmstart.api.distillation.distilling import DistillRun, chosen_recipe
from warmstart.api.distillation.taught import gathered, prepared
from warmstart.api.distillation.teacher import Teacher, folders_of
from warmstart.api.fit import FitResult
from warmstart.api.inputs.options import kept
from warmstart.api.inputs.prepare import Loaded, activation_store, backbone_at, run_data
from warmstart.api.running.budget import cache_limits, seconds
from warmstart.api.running.command import called, command
from warmstart.api.running.execute import Begun, execute
from warmstart.api.running.held import within_memory
from warmstart.api.running.runfolder import check_folder
from warmstart.data.schema import PLURAL
from warmstart.data.seriesreading import SeriesOptions
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.ambient import ambient
from warmstart.engine.data import RunData
from warmstart.engine.events import Decided, Listener
from warmstart.errors import BackboneError, DataError
from warmstart.model.activation import ActivationDtype
from warmstart.model.backbone import Backbone
from warmstart.recipe.recipe import Recipe


@within_memory
def distill(
    teacher: str | Path | Sequence[str | Path],
    data: Any = None,
    *,
    backbone: str,
    unlabelled: Any = None,
    accept_licence: bool = False,
    recipe: str | Path | Recipe | None = None,
    budget: str | float = "5m",
    size: int | None = None,
    seed: int = 0,
    val: float = 0.2,
    test: float = 0.2,
    group: str | None = None,
    time: str | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    max_unreadable: float = 0.05,
    cache: str | Path | None = None,
    cache_budget: str | int = "8GB",
    cache_dtype: ActivationDtype = "fp32",
    max_memory: str | int | None = None,
    track: str = "tensorboard",
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> FitResult:
    """Train `backbone` on the answers of a teacher, and say what was kept, what it saves, and if a teacher was needed.

    The teacher answers each sample once, with its own preprocessing; its answers are kept in the cache, also for other
    students. Classes are mapped by name, and the student knows all that the teacher knows. Beside the student its
    backbone is trained by the same recipe without a teacher, on the labels alone.

    Args:
        teacher: folder of a bundle; or several, in a sequence or with commas between them, whose answers are averaged.
        data: labelled samples, as `fit` takes them.
        backbone: URI of the student, as for `fit`.
        unlabelled: samples without a label, as `predict` takes them, beside `data` or instead of it. Without `data`
            the teacher's answers are all there is, and agreement with it is all that can be measured.
        accept_licence: as for `fit`.
        recipe: one with a step that distils (`"distill?share=0.5&temperature=4"`, a YAML file, a `Recipe`); by default
            `distill`, with as many epochs as there is time for.
        budget: time for everything.
        size: input side of the student, pixels or tokens.
        seed: of everything random.
        val: share of the labelled samples that decides which weights are kept.
        test: share that is measured on at the end.
        group: as for `fit`.
        time: as for `fit`.
        path_column: as for `fit`.
        text_column: as for `fit`, of both tables.
        label_column: as for `fit`.
        out: run folder; must not exist.
        resume: run folder of an interrupted run; all other options as they were.
        max_unreadable: stop if more than this share of the samples cannot be read.
        cache: as for `fit`.
        cache_budget: as for `fit`.
        cache_dtype: as for `fit`.
        max_memory: as for `fit`.
        track: as for `fit`: what keeps parameters, learning curves and figures.
        listener: hears of progress, measurements and decisions.
        series: how series are read, as for `fit`.

    Returns:
        What `fit` returns; `outcome.distilled` has what was kept and saved.

    Raises:
        DataError, RecipeError, BackboneError, BundleError, RunError: what was found, what was expected, what to do.
        Interrupted: stopped by the user; what is done is saved and `resume` goes on.
    """
    options: dict[str, Any] = {
        "backbone": backbone,
        "unlabelled": None if unlabelled is None else called(unlabelled),
        "accept_licence": accept_licence or None,
        "recipe": recipe.name if isinstance(recipe, Recipe) else recipe and str(recipe),
        "budget": str(budget),
        **kept(locals()),
        "task": None,  # the teacher's
        "max_unreadable": max_unreadable,
        "cache_budget": str(cache_budget),
        "cache_dtype": cache_dtype,
    }
    keep_buffers()
    known, student = _both(Teacher.load(teacher), data, options)
    chosen = chosen_recipe(recipe, student, labelled=data is not None)
    names = [] if data is None else [called(data)]
    same = {
        **options,
        "data": names,
        "teacher": [one.digest for one in known.origins],
        "recipe": chosen.model_dump(mode="json"),
        "weights": student.card.weights_sha256,
    }
    check_folder(same, out=out, resume=resume)
    line = command("distill", [",".join(map(str, folders_of(teacher))), *names], options)
    begun = Begun(listener, seconds(budget), same, line, out, resume, track)
    begun.tell(Decided(_told(known)))
    own = {"teacher": known, "by_time": recipe is None, "made_from": known.origins}
    loaded, given = _read(known, data, unlabelled, student, options, begun, cache)
    return execute(begun, DistillRun, chosen, loaded, given, seed=seed, **own)


def _both(teacher: Teacher, data: Any, options: dict[str, Any]) -> tuple[Teacher, Backbone]:
    """The teacher, and the student. Raises `DataError` without any data, `BackboneError` where they do not read the
    same.
    """
    if data is None and options["unlabelled"] is None:
        raise DataError("there is nothing to learn from", expected="labelled data, unlabelled data, or both")
    accepted = bool(options["accept_licence"])
    student = backbone_at(options["backbone"], options["size"], options["seed"], accept_licence=accepted)
    if student.spec.kind != teacher.kind:
        raise BackboneError(
            f"the backbone {options['backbone']} reads {PLURAL[student.spec.kind]}, the teacher {PLURAL[teacher.kind]}",
            expected=f"a student that reads {PLURAL[teacher.kind]}",
            do=f"see: warmstart backbones --modality {teacher.kind}",
        )
    return teacher, student


def _read(
    teacher: Teacher,
    data: Any,
    unlabelled: Any,
    student: Backbone,
    options: dict[str, Any],
    begun: Begun,
    cache: str | Path | None,
) -> tuple[Loaded, RunData]:
    """The samples as the student reads them, with what the teacher says of each."""
    limits = cache_limits(options["cache_budget"], options["cache_dtype"])
    lesson = gathered(teacher, data, unlabelled, options, activation_store(cache, limits), begun.tell)
    how = {"listener": begun.tell, "cache": cache, "limits": limits, "seconds": begun.limit}
    loaded, taught = prepared(lesson, student, options, **how)
    return loaded, dataclasses.replace(run_data(loaded, cache, limits), taught=taught)


def _told(teacher: Teacher) -> str:
    facts = teacher.bundles[0].manifest
    several = f" and {len(teacher.bundles) - 1} more" if len(teacher.bundles) > 1 else ""
    networks = f", {teacher.members} networks whose answers are averaged" if teacher.members > 1 else ""
    return f"teacher: the bundle of {facts.data} from {facts.created[:10]}{several}{networks}"
