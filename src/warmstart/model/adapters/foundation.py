"""`mantis`, `moment:NAME`, `chronos:NAME`: networks that others pretrained on many time series.

Each is a repository of the Hugging Face hub, in its cache or fetched, or a folder like one (`chronos:./FOLDER`), with
`config.json` and `model.safetensors`; an organisation that is left out is that of the authors. The networks are written
here, with the names of their parameters, so that nothing but torch is needed and a chain finds their cuts. Every
parameter has to be in the file, and what the file has more has to be of a part that is known not to make features.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.base import assemble, drawn, name_in_uri, seeded
from warmstart.model.adapters.configuration import kept
from warmstart.model.adapters.repository import Repository
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.series.chronos import ChronosBolt, ChronosT5
from warmstart.model.series.mantis import Mantis, MantisShape
from warmstart.model.series.moment import Moment
from warmstart.model.weights import read_weights
from warmstart.preprocess.series import SeriesSpec

_WEIGHTS = "model.safetensors"


@dataclasses.dataclass(frozen=True)
class Built:
    """A network without its weights, and what it takes."""

    module: nn.Module
    architecture: str
    size: int  # steps that it was trained on
    limit: int  # steps that it takes, at most
    fixed: bool  # whether it takes no other size
    shortest: int


@dataclasses.dataclass(frozen=True)
class Foundation:
    """See `warmstart.model.adapters.base.Supplier`, and `Rebuilder`."""

    scheme: str
    organisation: str
    default: str  # the repository that is meant where none is named
    terms: str  # licence of the weights that the organisation published
    trained_on: str  # and what it trained them on
    build: Callable[[dict[str, Any]], Built]
    unused: str  # pattern of names of tensors that make no features
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)  # beginnings of names in files, to ours

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The network without its head."""
        there = self._repository(name)
        there.file("config.json")
        config = kept(there.json("config.json"))
        called = name or self.default
        card = BackboneCard(
            name=f"{self.scheme}:{called if there.folder is None else './' + name_in_uri(there.folder)}",
            architecture="",
            source=there.origin(there.file("config.json")),
            licence=self.licence(name),
            trained_on=self._data(there),
            weights_sha256="",
            parameters=0,
        )
        if not pretrained:
            return self.rebuild(card.name.partition(":")[2], _text(config), seed=seed)
        built = self._built(config, there.repo)
        self._fill(built.module, read_weights(there.file(_WEIGHTS)), there.repo)
        return _finished(built, card, config)

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The module with random weights."""
        there = self._repository(name)
        there.file("config.json")
        with seeded(seed):
            return self._built(kept(there.json("config.json")), there.repo).module

    def rebuild(self, name: str, structure: bytes, *, seed: int) -> Backbone:
        """The network that a configuration describes. It may have been written by anybody."""
        config = kept(json.loads(structure))
        with seeded(seed):
            built = self._built(config, name)
        return _finished(built, drawn(BackboneCard(f"{self.scheme}:{name}", "", "", "", "", "", 0), seed), config)

    def licence(self, name: str) -> str:
        """As the model card states it; without one, that of the authors' weights if these are theirs."""
        there = self._repository(name)
        said = str(there.facts().get("license") or "")
        return said or (self.terms if self._theirs(there) else "unknown")

    def _repository(self, name: str) -> Repository:
        named = name or self.default
        is_folder = named.startswith((".", "/", "~"))
        return Repository.of(named if is_folder or "/" in named else f"{self.organisation}/{named}")

    def _theirs(self, there: Repository) -> bool:
        return there.folder is None and there.repo.partition("/")[0] == self.organisation

    def _data(self, there: Repository) -> str:
        said = there.facts().get("datasets")
        if said:
            return ", ".join(map(str, said)) if isinstance(said, list) else str(said)
        return self.trained_on if self._theirs(there) else "unknown"

    def _built(self, config: dict[str, Any], origin: str) -> Built:
        try:
            return self.build(config)
        except BackboneError as error:
            raise BackboneError(f"{self.scheme}:{origin} cannot be built: {error}") from error

    def _fill(self, module: nn.Module, tensors: dict[str, Tensor], origin: str) -> None:
        """Load weights, all of them.

        Raises:
            BackboneError: a parameter has none, or one of another shape, or there is a tensor that nobody knows.
        """
        found = {self._ours(name): tensor.float() for name, tensor in tensors.items()}
        wanted = module.state_dict()
        missing = [name for name in wanted if name not in found]
        other = [name for name in wanted if name in found and found[name].shape != wanted[name].shape]
        unknown = [name for name in found if name not in wanted and not re.match(self.unused, name)]
        if missing or other or unknown:
            raise _refused(f"{self.scheme}:{origin}", missing, other, unknown)
        module.load_state_dict({name: found[name] for name in wanted})

    def _ours(self, name: str) -> str:
        for theirs, ours in self.renamed.items():
            if name.startswith(theirs):
                return ours + name.removeprefix(theirs)
        return name


def _refused(origin: str, missing: list[str], other: list[str], unknown: list[str]) -> BackboneError:
    what = [
        f"{len(names)} {how}, the first {names[0]!r}"
        for names, how in (
            (missing, "parameters have none"),
            (other, "have another shape"),
            (unknown, "tensors are of no part that is known"),
        )
        if names
    ]
    return BackboneError(
        f"the weights of '{origin}' do not fit: {'; '.join(what)}",
        expected="those of the network that config.json describes",
        do="fetch or save the model again",
    )


def _finished(built: Built, card: BackboneCard, config: dict[str, Any]) -> Backbone:
    spec = SeriesSpec(size=built.size, scale="none", limit=built.limit)
    card = dataclasses.replace(card, architecture=built.architecture, min_size=built.shortest, fixed_size=built.fixed)
    return dataclasses.replace(assemble(built.module, spec, card), structure=_text(config))


def _text(config: dict[str, Any]) -> bytes:
    return json.dumps(config, sort_keys=True).encode()


def _mantis(config: dict[str, Any]) -> Built:
    shape = MantisShape.of(config)
    return Built(Mantis(shape), "mantis", shape.seq_len, shape.seq_len, True, shape.seq_len)


def _moment(config: dict[str, Any]) -> Built:
    module, size = Moment(config), int(config["seq_len"])
    return Built(module, "moment", size, size, True, size)


def _chronos(config: dict[str, Any]) -> Built:
    said = config.get("chronos_config")
    limit = said.get("context_length") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(limit, int) or limit < 1:
        raise BackboneError(
            f"config.json says chronos_config = {said!r}", expected="that of a chronos-t5 or chronos-bolt"
        )
    if "input_patch_size" not in said:
        return Built(ChronosT5(config), "chronos-t5", min(limit, 512), limit, False, 4)
    if "output_patch_size" in said or "time_encoding_scale" in said:
        raise BackboneError("config.json is of Chronos-2", expected="chronos-t5 or chronos-bolt")
    return Built(ChronosBolt(config), "chronos-bolt", min(limit, 512), limit, False, int(said["input_patch_size"]))


MANTIS = Foundation(
    scheme="mantis",
    organisation="paris-noah",
    default="Mantis-8M",
    terms="MIT",
    trained_on="time series of many domains",
    build=_mantis,
    unused=r"prj\.",
    renamed={"transf_unit.": "vit_unit."},
)
MOMENT = Foundation(
    scheme="moment",
    organisation="AutonLab",
    default="MOMENT-1-small",
    terms="MIT",
    trained_on="Time-series Pile",
    build=_moment,
    unused=r"head\.|encoder\.embed_tokens\.|patch_embedding\.(mask_embedding|position_embedding\.pe)$",
)
CHRONOS = Foundation(
    scheme="chronos",
    organisation="amazon",
    default="chronos-bolt-small",
    terms="Apache-2.0",
    trained_on="public time series for forecasting, and synthetic ones",
    build=_chronos,
    unused=r"decoder\.|lm_head\.|encoder\.embed_tokens\.|output_patch_embedding\.",
)
