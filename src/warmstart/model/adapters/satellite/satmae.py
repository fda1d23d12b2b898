"""`satmae:ARCHITECTURE@FILE`: vision transformers that SatMAE pretrained on fMoW, of RGB or of ten bands of Sentinel-2.

The files are those of the authors' training program, pretrained or fine-tuned; decoder and classifier in them are not
used. Features are pooled as in SatMAE's fine-tuning: the mean over all patches, and then a normalisation, which starts
at ones and zeros where a pretrained file has none. Normalisation is that of the authors' `util/datasets.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from warmstart.model.adapters.at_file import called
from warmstart.model.adapters.base import assemble, drawn, seeded
from warmstart.model.adapters.satellite.files import fill, parted, tensors_of
from warmstart.model.adapters.satellite.grouped_vit import GroupedViT, Norm, sines_of_grid
from warmstart.model.backbone import Backbone, BackboneCard
from warmstart.model.sentinel2 import SATMAE_BANDS
from warmstart.preprocess.spec import PreprocessSpec

GROUPS = ((0, 1, 2, 6), (3, 4, 5, 7), (8, 9))
"""Places in `BANDS`: colours and near infrared, red edge, short-wave infrared."""
NEW = ("fc_norm.weight", "fc_norm.bias", "channel_cls_embed")
"""What fine-tuning adds to a pretrained network."""

_STATISTICS = {  # mean and standard deviation of fMoW-Sentinel, as stored
    "B02": (1184.3824625, 650.2842772),
    "B03": (1120.77120066, 712.12507725),
    "B04": (1136.26026392, 965.23119807),
    "B05": (1263.73947144, 948.9819932),
    "B06": (1645.40315151, 1108.06650639),
    "B07": (1846.87040806, 1258.36394548),
    "B08": (1762.59530783, 1233.1492281),
    "B8A": (1972.62420416, 1364.38688993),
    "B11": (1732.16362238, 1310.36996126),
    "B12": (1247.91870117, 1087.6020813),
}
BANDS = SATMAE_BANDS  # `--dropped_bands 0 9 10`
_REFLECTANCE = 10_000.0
RGB_SPEC = PreprocessSpec(
    size=224,
    mean=(0.4182007312774658, 0.4214799106121063, 0.3991275727748871),
    std=(0.28774282336235046, 0.27541765570640564, 0.2764017581939697),
)
SENTINEL_SPEC = PreprocessSpec(  # two standard deviations to either side of the mean are 0 and 1; the network clips
    size=96,
    mean=tuple((m - 2 * s) / _REFLECTANCE for m, s in map(_STATISTICS.__getitem__, BANDS)),
    std=tuple(4 * s / _REFLECTANCE for _, s in _STATISTICS.values()),
    channels=len(BANDS),
    bands=BANDS,
    scale=_REFLECTANCE,
)


@dataclasses.dataclass(frozen=True)
class Variant:
    """Size of a transformer, and whether it sees groups of bands."""

    width: int
    depth: int
    heads: int
    grouped: bool

    @property
    def spec(self) -> PreprocessSpec:
        """Its preprocessing."""
        return SENTINEL_SPEC if self.grouped else RGB_SPEC

    def build(self) -> nn.Module:
        """With random weights."""
        if self.grouped:
            return GroupedViT(size=96, patch=8, groups=GROUPS, width=self.width, depth=self.depth, heads=self.heads)
        module = VisionTransformer(
            embed_dim=self.width,
            depth=self.depth,
            num_heads=self.heads,
            norm_layer=Norm,
            global_pool="avg",
            num_classes=0,
        )
        places = torch.cat([torch.zeros(1, self.width), sines_of_grid(self.width, 14)])
        module.pos_embed = nn.Parameter(places[None])
        return module


VARIANTS = {
    "rgb-base": Variant(768, 12, 12, grouped=False),
    "rgb-large": Variant(1024, 24, 16, grouped=False),
    "sentinel-base": Variant(768, 12, 12, grouped=True),
    "sentinel-large": Variant(1024, 24, 16, grouped=True),
}


_LICENCE = "unknown"


class SatMAESupplier:
    """See `warmstart.model.adapters.base.Supplier`."""

    def __init__(self, variants: Mapping[str, Variant]) -> None:
        self._variants = dict(variants)

    def load(self, name: str, *, pretrained: bool, seed: int) -> Backbone:
        """The encoder of a checkpoint.

        Raises:
            BackboneError: there is no such architecture or file, or they do not fit each other.
        """
        architecture, file = parted("satmae", name, self._variants)
        card, spec = self._card(architecture, file), self._variants[architecture].spec
        if not pretrained:
            return assemble(self.untrained(name, seed=seed), spec, drawn(card, seed))
        tensors = tensors_of(f"satmae:{architecture}", file, ("model.",))
        module = self.untrained(name, seed=seed)
        done = fill(module, tensors, file, new=NEW)
        return assemble(module, spec, dataclasses.replace(card, source=f"{card.source}; {done}"))

    def untrained(self, name: str, *, seed: int) -> nn.Module:
        """The encoder with timm's default initialisation."""
        with seeded(seed):
            return self._variants[parted("satmae", name, self._variants)[0]].build()

    def licence(self, name: str) -> str:
        """Unknown: neither the authors' page nor the code states one for the weights."""
        return _LICENCE

    def _card(self, architecture: str, file: str) -> BackboneCard:
        variant = self._variants[architecture]
        return BackboneCard(
            name=called("satmae", architecture, file),
            architecture=f"satmae-{architecture}",
            source="a checkpoint of SatMAE, https://github.com/sustainlab-group/SatMAE",
            licence=_LICENCE,
            trained_on="fMoW-Sentinel" if variant.grouped else "fMoW (RGB)",
            weights_sha256="",
            parameters=0,
            min_size=variant.spec.size,
            fixed_size=True,
        )


SUPPLIER = SatMAESupplier(VARIANTS)
