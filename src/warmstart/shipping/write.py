"""Writes the folder that a user ships (`warmstart.shipping.bundle` says what is in it)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from warmstart.data.futures import ForecastTarget
from warmstart.data.scenes import SceneTarget
from warmstart.data.schema import Sample
from warmstart.data.several import SeveralTarget
from warmstart.data.targets import NumberTarget, Target
from warmstart.model.network import Network
from warmstart.model.text.writing import LONGEST
from warmstart.preprocess.kinds import Spec
from warmstart.shipping import golden as golden_files
from warmstart.shipping import known as known_file
from warmstart.shipping import manifest as layout
from warmstart.shipping import rebuild
from warmstart.shipping import reference as reference_file
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.files import new_folder, sha256
from warmstart.shipping.inference import run
from warmstart.shipping.manifest import STRUCTURE, Manifest, Member, Origin
from warmstart.shipping.reading import as_samples, spec_files
from warmstart.shipping.reference import Reference
from warmstart.task.base import task_of

PACKAGES = ("warmstart", "torch", "timm", "pillow", "numpy")
"""Those whose version can change an answer; recorded, so that a difference can be traced."""


@dataclasses.dataclass(frozen=True)
class Use:
    """How a bundle is to be asked, as `Manifest` has it: as in training."""

    longest: int = LONGEST
    """Tokens that a text is written of at most, where texts are written."""
    window: int | None = None
    """Steps of the windows that recordings were cut into, if they were."""
    least_score: float = 0.0
    """Of boxes that are told where nothing is said."""
    tile: int | None = None
    """Side of the tiles that images were cut into, if they were."""


def write_bundle(
    folder: str | Path,
    networks: Network | Sequence[Network],
    *,
    target: Target,
    preprocess: Spec,
    golden: Sequence[Any],
    recipes: Sequence[str],
    recipe: str,
    temperature: float = 1.0,
    metrics: Mapping[str, Any] | None = None,
    card: str = "",
    results: Path | None = None,
    data: str = "data",
    reference: Reference | None = None,
    use: Use = Use(),
    made_from: Sequence[Origin] = (),
) -> Path:
    """Write a bundle, load it again and compare its answers, and only then give it its name. The networks end on the
    CPU.

    Args:
        folder: where it is to lie; must not exist.
        networks: one network, or the members of an ensemble over the same backbone.
        target: what is answered.
        preprocess: the spec that was trained with (at the run's size).
        golden: real inputs, of any kind that `Bundle.predict` takes, of which the two least certain are shipped.
        recipes: name of the recipe of each member.
        recipe: YAML text of the recipe or recipes.
        temperature: the logits' divisor, from calibration.
        metrics: JSON-able facts of how good it is.
        card: text of the model card, Markdown.
        results: a `results.json` to copy.
        data: name of the data.
        reference: what to judge answers by, from validation and training samples.
        use: how it is to be asked.
        made_from: other bundles that led to it.

    Raises:
        RunError: `folder` exists.
        BundleError: what was written does not answer as `networks` do; nothing is left behind.
    """
    folder, members = Path(folder), _members(networks)
    if not (members and golden and len(recipes) == len(members)):
        raise ValueError("a bundle needs a network, a golden input, and a recipe name for each network")
    task = task_of(target)

    def answers(samples: Sequence[Sample]) -> Tensor:
        outputs = run(members, samples, preprocess, task=task, temperature=temperature, batch_size=32)
        return task.checked(outputs.outputs)

    files = {f"weights-{i}.safetensors": rebuild.to_bytes(network) for i, network in enumerate(members)}
    heads = [cast(dict[str, Any], network.head.config) for network in members]
    entries = tuple(Member(weights=n, head=h, recipe=r) for n, h, r in zip(files, heads, recipes, strict=True))
    files |= golden_files.make(as_samples(golden, preprocess), golden_files.checked_names(target), answers, preprocess)
    files |= {"recipe.yaml": recipe.encode(), "README.md": card.encode()}
    files |= spec_files(preprocess) | ({STRUCTURE: found} if (found := members[0].facts.structure) else {})
    files |= _also(reference, results)
    facts = Manifest(
        format=1,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={name: version(name) for name in PACKAGES},
        task=target.kind,
        data=data,
        backbone=members[0].facts.card,
        preprocess=preprocess.to_dict(),
        classes=target.classes,
        centre=target.centre if isinstance(target, NumberTarget) else (),
        scale=target.scale if isinstance(target, NumberTarget) else (),
        forecast=target.to_dict() if isinstance(target, ForecastTarget) else None,
        scene=target.to_dict() if isinstance(target, SceneTarget) else None,
        several=target.to_dict() if isinstance(target, SeveralTarget) else None,
        **vars(use),
        members=entries,
        temperature=temperature,
        metrics=dict(metrics or {}),
        made_from=tuple(made_from),
        files={name: sha256(content) for name, content in files.items()},
    )
    with new_folder(folder) as temporary:
        for name, content in {**files, layout.NAME: layout.to_json(facts).encode()}.items():
            (temporary / name).write_bytes(content)
        Bundle.load(temporary)
    return folder


def _members(networks: Network | Sequence[Network]) -> list[Network]:
    """On the CPU, where a bundle answers in float32: what it is checked against has to be computed so too."""
    return [network.cpu() for network in ([networks] if isinstance(networks, Network) else networks)]


def _also(reference: Reference | None, results: Path | None) -> dict[str, bytes]:
    """Files that not every bundle has."""
    found = {} if reference is None else {reference_file.NAME: reference_file.to_bytes(reference)}
    if reference is not None and reference.known:
        found[known_file.NAME] = known_file.to_bytes(reference.known)
    return found if results is None else {**found, "results.json": results.read_bytes()}
