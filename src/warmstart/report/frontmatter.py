"""The YAML that stands before a model card, in the words that model hubs read (huggingface.co/docs/hub/model-cards).

A hub accepts its own words alone: what has no such word, a licence or a task, is said in the text and left out here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from warmstart.evaluation.interval import Interval
from warmstart.evaluation.measures import metric_name
from warmstart.model.uri import Uri
from warmstart.report import numbers

_LICENCES = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5
cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl
lgpl-2.1 lgpl-3.0 isc ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl openrail++ osl-3.0 postgresql ofl-1.1 ncsa
unlicense zlib pddl lgpl-lr gemma unknown
"""
"""Those that the hub has a word for (huggingface.co/docs/hub/repositories-licenses); it has more, of single models."""
_PIPELINES = {
    ("image", "classify"): "image-classification",
    ("image", "multilabel"): "image-classification",
    ("image", "detect"): "object-detection",
    ("image", "segment"): "image-segmentation",
    ("text", "classify"): "text-classification",
    ("text", "multilabel"): "text-classification",
    ("text", "tag"): "token-classification",
    ("text", "generate"): "text-generation",
    ("series", "forecast"): "time-series-forecasting",
}
_TASKS = {
    "classify": "classification",
    "multilabel": "multi-label-classification",
    "regress": "regression",
    "anomaly": "anomaly-detection",
    "several": "multi-task",
}
_INPUTS = {"image": "image", "text": "text", "series": "time-series"}
_METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "f1",
    "micro_f1": "f1",
    "entity_f1": "f1",
    "auroc": "roc_auc",
    "mae": "mae",
    "r2": "r_squared",
    "spearman": "spearmanr",
    "mase": "mase",
    "smape": "smape",
    "miou": "mean_iou",
    "perplexity": "perplexity",
    "rougeL": "rouge",
    "bleu": "bleu",
    "chrf": "chrf",
}
"""The hub's names of metrics, as far as it has one; the results carry all of them under our own."""
_MODEL_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_OF_THE_HUB = ("hf", "mantis", "moment", "chronos")
_EMBEDDED = {"minilm": "sentence-transformers/all-MiniLM-L6-v2"}


def front_matter(
    name: str,
    backbone: Mapping[str, Any],
    preprocess: Mapping[str, Any],
    *,
    task: str,
    measured: Mapping[str, Interval],
    split: str,
    tags: tuple[str, ...] = (),
) -> str:
    """The block between its two lines of dashes.

    Args:
        name: of the data.
        backbone: the card of the backbone, as data.
        preprocess: the spec of the inputs, as data.
        task: what is answered.
        measured: metrics with their intervals; none where nothing was measured.
        split: what they were measured on.
        tags: further ones.
    """
    name = _one_line(name)
    kind = str(preprocess.get("kind", "image"))
    pipeline = pipeline_of(kind, task)
    own = f"{_INPUTS.get(kind, kind)}-{_TASKS[task]}" if task in _TASKS else task
    facts: dict[str, Any] = {
        **licence_facts(str(backbone.get("licence", "unknown"))),
        "library_name": "warmstart",
        **({"pipeline_tag": pipeline} if pipeline else {}),
        "tags": list(dict.fromkeys(("warmstart", "transfer-learning", *tags, pipeline or own))),
        **({"base_model": found} if (found := base_model(str(backbone.get("name", "")))) else {}),
    }
    if measured:
        facts["metrics"] = list(dict.fromkeys(_METRICS[metric] for metric in measured if metric in _METRICS))
        facts["model-index"] = [{"name": name, "results": [_result(name, pipeline or own, measured, split)]}]
    facts = {key: value for key, value in facts.items() if value != []}
    return "---\n" + yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=10_000).strip() + "\n---"


def _one_line(name: str) -> str:
    """A name from data, on one line and without angle brackets.

    A line "---" in it would end the block; and who does not know of such blocks takes it for text, and tags for tags.
    """
    return " ".join(re.sub("[<>]", " ", name).split())


def _result(name: str, task: str, measured: Mapping[str, Interval], split: str) -> dict[str, Any]:
    """The interval is part of the name: the format has no place for it, and a value without one says too much."""
    return {
        "task": {"type": task},
        "dataset": {"name": name, "type": "private", "split": split},
        "metrics": [
            {
                "type": _one_line(metric),
                "value": round(interval.value, 4),
                "name": f"{_one_line(metric_name(metric))} (95 % interval {numbers.span(metric, interval)})",
            }
            for metric, interval in measured.items()
        ],
    }


def licence_facts(licence: str) -> dict[str, str]:
    """What the hub is told of a licence; nothing where there are no weights that could have one.

    >>> licence_facts("CC BY-NC 4.0")
    {'license': 'cc-by-nc-4.0'}
    >>> licence_facts("dinov3-license")
    {'license': 'other', 'license_name': 'dinov3-license'}
    """
    plain = "-".join(licence.lower().split())
    if plain in ("none-needed", ""):
        return {}
    if plain in _LICENCES.split():
        return {"license": plain}
    return {"license": "other", "license_name": re.sub("[^a-z0-9.]+", "-", plain).strip("-")[:60]}


def pipeline_of(kind: str, task: str) -> str:
    """The hub's word for what is done to inputs of a kind; empty where it has none.

    >>> pipeline_of("text", "tag"), pipeline_of("series", "classify")
    ('token-classification', '')
    """
    return _PIPELINES.get((kind, task), "")


def base_model(uri: str) -> str:
    """The model on the hub that a backbone's weights are; empty where they are on none, or not known to be.

    >>> base_model("timm:resnet50.a1_in1k?taps=3"), base_model("hf:ORG/NAME?pretrained=false"), base_model("lite0")
    ('timm/resnet50.a1_in1k', '', '')
    """
    found = Uri.of(uri)
    if not found.pretrained:
        return ""
    if found.scheme == "timm" and "." in found.name and "/" not in found.name:
        return f"timm/{found.name}"
    if found.path in _EMBEDDED:
        return _EMBEDDED[found.path]
    return found.name if found.scheme in _OF_THE_HUB and _MODEL_ID.fullmatch(found.name) else ""
