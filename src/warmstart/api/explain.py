"""`explain`: why a bundle answers as it does, and whether to believe that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from PIL import Image

from warmstart.api.running.command import command
from warmstart.data.futures import ForecastTarget
from warmstart.data.schema import Dataset, Sample, Series, Text
from warmstart.data.seriesreading import SeriesOptions, columns_of, reading_of
from warmstart.data.shown import picture_of
from warmstart.data.sources import load, load_inputs
from warmstart.data.sources.ahead import forecast_inputs
from warmstart.display import Rows
from warmstart.engine.allocator import keep_buffers
from warmstart.engine.ambient import ambient
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started
from warmstart.engine.seeds import some_of
from warmstart.errors import ImageError
from warmstart.explaining.explain import explain_samples, methods_for
from warmstart.explaining.explanation import Explanation
from warmstart.explaining.likeness import Pool
from warmstart.preprocess.series import SeriesSpec
from warmstart.report.explained import write_explained
from warmstart.report.images import data_uri
from warmstart.report.sparkline import sparkline
from warmstart.report.texts import excerpt
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.files import new_folder, refuse_existing
from warmstart.shipping.reading import uncut

SAMPLES = 500
"""Of the data at hand whose features are computed, at most."""
_SIDE = 144


class Explanations(Rows[Explanation]):
    """What `explain` found, an `Explanation` for each input."""

    def cells(self, one: Explanation) -> Mapping[str, Any]:
        """What a row shows, by column."""
        sure = f"{one.value:.4g}" if one.probability is None and one.value is not None else one.probability
        doubt = one.error or one.doubt
        return {"input": one.input, "answer": one.label, "": sure, "rests on": one.rests_on, "doubt": doubt}


def explain(
    bundle: str | Path,
    inputs: Any,
    *,
    method: str | None = None,
    label: str | None = None,
    nearest: int = 5,
    check: bool = True,
    data: Any = None,
    out: str | Path | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    listener: Listener = ambient,
    **series: Unpack[SeriesOptions],
) -> Explanations:
    """Why the bundle answers as it does, for each input: what the answer rests on, and what it looks like.

    Args:
        bundle: folder that `fit` wrote.
        inputs: as `predict` takes them.
        method: `gradcam` (images), `integrated_gradients` or `occlusion`; by default the first that the network allows.
        label: what is explained, by default the answer itself: a class, a label, the name of a number; of several tasks
            `species` or `species: cat`. Of boxes a class, for its surest box, or the number of a box in the row of
            `predict`, from 1; of tags `WORD` or its number, or `WORD: TAG`; of a forecast a step, `+3`, or a quantile,
            `+3 q0.9` (by default the mean of all medians); of a text that is written, another text.
        nearest: how many training samples are named that the network sees as the most similar.
        check: whether the map is compared with that of a network whose weights are shuffled (Adebayo et al. 2018); an
            explanation says so where it fails. It takes 16 maps, once for all inputs.
        data: the training data, as `fit` takes them, to show the most similar samples instead of only naming them. Of
            bundles that hold no names (`fit(anonymous=True)`, and those of older versions), what is similar is looked
            for in 500 of them.
        out: a folder, which must not exist, for a picture of each input, `explanations.json` and `explanations.html`.
        text_column: column of a table that holds the texts, where its name does not tell.
        label_column: column of `data` that holds the labels, likewise.
        listener: hears of progress.
        series: how series are read, as `warmstart.load` has them.

    Raises:
        BundleError: the bundle is damaged or answers otherwise than when it was written.
        DataError: there is nothing to explain, there is no such method or label, or the method is not for such answers.
            Where a label is of a part that one input lacks, its explanation says so in `error`.
        MissingExtraError: integrated gradients need the extra `explain`.
    """
    keep_buffers()
    if out is not None:
        refuse_existing(Path(out))
    loaded = Bundle.load(bundle)
    samples = _samples(loaded, inputs, text_column, series)
    for sample in samples:
        if (why := uncut(sample, loaded.manifest.window)) is not None:
            raise why
    known = None
    if data is not None:
        known = load(data, kind=loaded.spec.kind, text_column=text_column, label_column=label_column, **series)
    possible = methods_for(loaded)
    listener(Started("explain", len(samples)))
    found = explain_samples(
        loaded,
        samples,
        method=method,
        label=label,
        nearest=nearest,
        check=check,
        pool=None if known is None or not nearest else _pool(loaded, known, listener),
        progress=lambda n: listener(Advanced("explain", n)),
    )
    listener(Finished("explain"))
    if method is None and len(possible) > 1:
        listener(Decided(f"method {possible[0]}; this bundle allows {', '.join(possible[1:])} too"))
    if out is not None:
        asked = {"method": method, "label": label, "nearest": nearest, "data": data, "out": out}
        _write(Path(out), loaded, found, known, _again(bundle, inputs, asked))
    return Explanations(found)


def _samples(bundle: Bundle, inputs: Any, text_column: str | None, series: SeriesOptions) -> tuple[Sample, ...]:
    """The inputs as `predict` takes them; of forecasts the end of each series."""
    if isinstance(target := bundle.manifest.target, ForecastTarget):
        return forecast_inputs(target, inputs, **columns_of(series))
    channels = bundle.spec.channels if isinstance(bundle.spec, SeriesSpec) else None
    return load_inputs(
        inputs, kind=bundle.spec.kind, text_column=text_column, reading=reading_of(series), channels=channels
    )


def _pool(bundle: Bundle, known: Dataset, listener: Listener) -> Pool | None:
    """What is alike is looked for in the data , unless the bundle names its training samples and all are there."""
    named = Pool.of_bundle(bundle)
    if named is not None and {one.name for one in named.known} <= {sample.id for sample in known.samples}:
        return named
    some = some_of(np.random.default_rng(0), np.arange(len(known)), SAMPLES)
    listener(
        Decided(f"what is similar is looked for in {len(some)} samples of {known.name}: the bundle has not named them")
    )
    return Pool.of_samples(bundle, [known.samples[int(i)] for i in some])


def _again(bundle: str | Path, inputs: Any, asked: Mapping[str, Any]) -> str:
    several = inputs if isinstance(inputs, list | tuple) else [inputs]
    names = [str(one) for one in several if isinstance(one, str | Path)]
    words = {key: value for key, value in asked.items() if key != "data"}
    given = asked["data"]
    line = command("explain", [str(bundle), *names], words)
    return line + (f" --data {given}" if isinstance(given, str | Path) else "")


def _write(folder: Path, bundle: Bundle, found: Sequence[Explanation], known: Dataset | None, line: str) -> None:
    """Pictures, `explanations.json` and the page."""
    samples = {} if known is None else {sample.id: sample for sample in known.samples}
    told, shown = [], []
    with new_folder(folder) as temporary:
        for number, one in enumerate(found):
            png, row = one.picture(), one.to_dict()
            name = f"{number + 1:04d}.png" if png is not None else None
            if png is not None and name is not None:
                (temporary / name).write_bytes(png)
            told.append({**row, "picture": name})
            alike = [{**near, **_pictured(samples.get(near["name"]))} for near in row["nearest"]]
            shown.append({**row, "png": png, "nearest": alike})
        text = json.dumps(told, ensure_ascii=False, indent=1)
        (temporary / "explanations.json").write_text(text, "utf-8", "surrogatepass")
        method = next((one.method for one in found if not one.error), "")
        facts = {"data": bundle.manifest.data, "task": bundle.task.name, "method": method, "command": line}
        write_explained(facts, shown, temporary / "explanations.html")


def _pictured(sample: Sample | None) -> dict[str, str]:
    """What is shown of a similar sample: a picture, the lines of a series, or how a text begins."""
    if sample is None:
        return {"picture": "", "text": ""}
    if isinstance(sample.source, Text):
        return {"picture": "", "text": " ".join(excerpt(sample.source))}
    if isinstance(sample.source, Series):
        return {"picture": sparkline(sample.source.values), "text": ""}
    try:
        image = picture_of(sample.source)
    except ImageError:
        return {"picture": "", "text": ""}
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return {"picture": data_uri(image), "text": ""}
