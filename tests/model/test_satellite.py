"""Checkpoints of SatMAE, in the layout of its authors' files: exact features, and clear refusals."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from warmstart.errors import BackboneError
from warmstart.model.adapters.satellite.satmae import BANDS, GROUPS, SENTINEL_SPEC, VARIANTS, SatMAESupplier, Variant
from warmstart.model.backbone import Backbone
from warmstart.model.catalog import list_backbones, load_backbone
from warmstart.model.sentinel2 import SENTINEL2
from warmstart.model.uri import Uri

WIDTH, DEPTH, HEADS = 320, 3, 5
SMALL = SatMAESupplier({"rgb": Variant(WIDTH, DEPTH, HEADS, False), "sentinel": Variant(WIDTH, DEPTH, HEADS, True)})
State = dict[str, Tensor]


def mae_state(grouped: bool, *, finetuned: bool = False, depth: int = DEPTH) -> State:
    """Random tensors under the names of an MAE checkpoint of SatMAE, decoder included."""
    generator = torch.Generator().manual_seed(1)

    def drawn(*shape: int) -> Tensor:
        return 0.05 * torch.randn(*shape, generator=generator)

    places = 144 if grouped else 196
    state = {"cls_token": drawn(1, 1, WIDTH), "pos_embed": drawn(1, places + 1, WIDTH - 256 * grouped)}
    if grouped:
        state["channel_embed"] = drawn(1, 3, 256)
        for i, group in enumerate(GROUPS):
            state[f"patch_embed.{i}.proj.weight"] = drawn(WIDTH, len(group), 8, 8)
            state[f"patch_embed.{i}.proj.bias"] = drawn(WIDTH)
    else:
        state |= {"patch_embed.proj.weight": drawn(WIDTH, 3, 16, 16), "patch_embed.proj.bias": drawn(WIDTH)}
    layers = {"norm1": (WIDTH,), "attn.qkv": (3 * WIDTH, WIDTH), "attn.proj": (WIDTH, WIDTH), "norm2": (WIDTH,)}
    layers |= {"mlp.fc1": (4 * WIDTH, WIDTH), "mlp.fc2": (WIDTH, 4 * WIDTH)}
    for i in range(depth):
        for name, shape in layers.items():
            state[f"blocks.{i}.{name}.weight"] = drawn(*shape)
            state[f"blocks.{i}.{name}.bias"] = drawn(shape[0])
    last = "fc_norm" if finetuned else "norm"
    state |= {f"{last}.weight": drawn(WIDTH), f"{last}.bias": drawn(WIDTH)}
    if finetuned:
        state |= {"head.weight": drawn(62, WIDTH), "head.bias": drawn(62)}
        state |= {"channel_cls_embed": drawn(1, 1, 256)} if grouped else {}
    else:
        state |= {"mask_token": drawn(1, 1, 512), "decoder_blocks.0.norm1.weight": drawn(512)}
    return state


def saved(path: Path, state: State) -> Path:
    torch.save({"model": state, "optimizer": {"state": {}}, "epoch": 199, "args": argparse.Namespace(lr=1e-3)}, path)
    return path


def reference(state: State, x: Tensor, grouped: bool) -> Tensor:
    """`forward_features` of SatMAE with `global_pool=True`, written out."""
    if grouped:
        embedded = [
            functional.conv2d(
                x[:, list(group)], state[f"patch_embed.{i}.proj.weight"], state[f"patch_embed.{i}.proj.bias"], 8
            )
            for i, group in enumerate(GROUPS)
        ]
        tokens = torch.stack([e.flatten(2).transpose(1, 2) for e in embedded], 1)
        for g in range(3):
            for place in range(144):
                known = torch.cat([state["pos_embed"][0, place + 1], state["channel_embed"][0, g]])
                tokens[:, g, place] += known
        tokens = tokens.reshape(len(x), -1, WIDTH)
        none = torch.zeros(1, 1, 256)
        first = torch.cat([state["pos_embed"][:, :1], state.get("channel_cls_embed", none)], 2) + state["cls_token"]
    else:
        tokens = functional.conv2d(x, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], 16)
        tokens = tokens.flatten(2).transpose(1, 2) + state["pos_embed"][:, 1:]
        first = state["cls_token"] + state["pos_embed"][:, :1]
    y = torch.cat([first.expand(len(x), -1, -1), tokens], 1)
    for i in range(DEPTH):
        y = block(y, {n.removeprefix(f"blocks.{i}."): t for n, t in state.items() if n.startswith(f"blocks.{i}.")})
    ones, zeros = torch.ones(WIDTH), torch.zeros(WIDTH)
    pooled = y[:, 1:].mean(1)
    return functional.layer_norm(
        pooled, (WIDTH,), state.get("fc_norm.weight", ones), state.get("fc_norm.bias", zeros), eps=1e-6
    )


def block(y: Tensor, part: Mapping[str, Tensor]) -> Tensor:
    """A transformer block of pre-normalised attention and perceptron."""

    def norm(x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(x, (WIDTH,), part[f"{name}.weight"], part[f"{name}.bias"], eps=1e-6)

    def linear(x: Tensor, name: str) -> Tensor:
        return functional.linear(x, part[f"{name}.weight"], part[f"{name}.bias"])

    q, k, v = linear(norm(y, "norm1"), "attn.qkv").reshape(*y.shape[:2], 3, HEADS, -1).permute(2, 0, 3, 1, 4)
    attention = (q @ k.transpose(-2, -1) / (WIDTH / HEADS) ** 0.5).softmax(-1) @ v
    y = y + linear(attention.transpose(1, 2).reshape(y.shape), "attn.proj")
    return y + linear(functional.gelu(linear(norm(y, "norm2"), "mlp.fc1")), "mlp.fc2")


@pytest.mark.parametrize("finetuned", [False, True], ids=["pretrained", "finetuned"])
@pytest.mark.parametrize("grouped", [False, True], ids=["rgb", "sentinel"])
@torch.no_grad()
def test_a_satmae_checkpoint_gives_the_features_of_the_original_code(
    tmp_path: Path, grouped: bool, finetuned: bool
) -> None:
    state = mae_state(grouped, finetuned=finetuned)
    path = saved(tmp_path / "checkpoint.pth", state)
    name = "sentinel" if grouped else "rgb"
    backbone = SMALL.load(f"{name}@{path}", pretrained=True, seed=0)
    size = backbone.preprocess.size
    x = torch.rand(2, backbone.preprocess.channels, size, size, generator=torch.Generator().manual_seed(0))
    found = backbone.chain(x)
    assert torch.allclose(found, reference(state, x, grouped), atol=1e-4)
    assert backbone.chain.why_uncut == ""
    for cut in range(0, len(backbone.chain), 4):
        assert torch.allclose(backbone.chain.suffix(cut)(backbone.chain.prefix(cut)(x)), found, atol=1e-5)
    assert (size, backbone.out_features, backbone.card.fixed_size) == (96 if grouped else 224, WIDTH, True)
    assert "checkpoint.pth" in backbone.card.source
    assert backbone.chain.blocks[-1].name == "blocks.2"


@torch.no_grad()
def test_satmae_is_normalised_and_clipped_as_its_authors_do() -> None:
    """`SentinelNormalize`: mean - 2 std to 0, mean + 2 std to 1, clipped."""
    mean, std = 1184.3824625, 650.2842772  # B02
    spec = SENTINEL_SPEC
    stored = torch.tensor([mean - 2 * std, mean, mean + 2 * std])
    assert spec.scale is not None
    found = (stored / spec.scale - spec.mean[0]) / spec.std[0]
    assert torch.allclose(found, torch.tensor([0.0, 0.5, 1.0]), atol=1e-5)
    module = SMALL.untrained("sentinel", seed=0).eval()
    x = torch.rand(1, 10, 96, 96) * 3 - 1
    assert torch.equal(module(x), module(x.clamp(0, 1)))
    assert spec.bands == BANDS == tuple(b for b in SENTINEL2 if b not in ("B01", "B09", "B10"))


@torch.no_grad()
def test_satmae_takes_another_size() -> None:
    module = SMALL.untrained("sentinel", seed=0).eval()
    before = module.get_parameter("pos_embed").clone()
    module.set_input_size((64, 64))  # type: ignore[operator]
    assert module(torch.rand(2, 10, 64, 64)).shape == (2, WIDTH)
    after = module.get_parameter("pos_embed")
    assert (after.shape[1], torch.equal(after[:, 0], before[:, 0])) == (65, True)


def test_the_published_architectures_have_the_shapes_of_their_files() -> None:
    with torch.device("meta"):
        state = VARIANTS["sentinel-large"].build().state_dict()
    assert state["pos_embed"].shape == (1, 145, 768)
    assert state["patch_embed.2.proj.weight"].shape == (1024, 2, 8, 8)
    assert state["blocks.23.attn.qkv.weight"].shape == (3072, 1024)


@pytest.mark.slow
@pytest.mark.parametrize("uri", ["satmae:rgb-base", "satmae:sentinel-base"])
@torch.no_grad()
def test_the_published_architectures_keep_to_the_contract_of_cuts(uri: str) -> None:
    backbone = load_backbone(f"{uri}?pretrained=false")
    x = torch.rand(1, backbone.preprocess.channels, backbone.preprocess.size, backbone.preprocess.size)
    expected = backbone.chain(x)
    for cut in range(0, len(backbone.chain), 12):
        assert torch.allclose(backbone.chain.suffix(cut)(backbone.chain.prefix(cut)(x)), expected, atol=1e-5)
    assert [b.name for b in backbone.chain.blocks][:3] == ["patch_embed", "blocks.0", "blocks.1"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"blocks.2.norm1.weight": None}, "blocks.2.norm1.weight"),
        ({"pos_embed": torch.zeros(1, 145, 60)}, "pos_embed"),
    ],
)
def test_a_file_that_does_not_fit_names_what_does_not(
    tmp_path: Path, change: dict[str, Tensor | None], said: str
) -> None:
    state = {name: tensor for name, tensor in (mae_state(True) | change).items() if tensor is not None}
    with pytest.raises(BackboneError, match=said):
        SMALL.load(f"sentinel@{saved(tmp_path / 'a.pth', state)}", pretrained=True, seed=0)


def test_a_checkpoint_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="does not fit this architecture"):
        SMALL.load(f"rgb@{saved(tmp_path / 'a.pth', mae_state(True))}", pretrained=True, seed=0)


class _Executes:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("executed",)


def test_options_of_the_training_program_are_read_and_code_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"model": mae_state(False), "args": _Executes()}, tmp_path / "a.pth")
    with pytest.raises(BackboneError, match="was refused"):
        SMALL.load(f"rgb@{tmp_path / 'a.pth'}", pretrained=True, seed=0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("satmae:rgb-larg@a.pth", "'rgb-large'"),
        ("satmae:rgb-base", "satmae:rgb-base@FILE"),
        ("ssl4eo:resnet50-moco@missing.pth", "no weights file at missing.pth"),
        ("ssl4eo:resnet50@a.pth", "resnet50-moco"),
    ],
)
def test_what_is_not_there_is_said(uri: str, said: str) -> None:
    with pytest.raises(BackboneError) as error:
        load_backbone(uri)
    assert said in str(error.value)


@pytest.mark.parametrize("uri", ["ssl4eo:resnet18-moco@nowhere.pth", "ssl4eo:resnet18-moco@nowhere.pth?bands=B2,B3"])
def test_the_file_is_not_needed_to_rebuild_it(uri: str) -> None:
    backbone: Backbone = load_backbone(uri, pretrained=False)
    assert Uri.of(backbone.card.name) == Uri.of(uri).without_weights()


def test_the_listing_has_a_satellite_family_with_its_bands() -> None:
    rows = [row for row in list_backbones() if row.get("family") == "satellite"]
    assert {str(row["name"]).partition(":")[0] for row in rows} == {"satmae", "ssl4eo", "torchgeo"}
    by_name = {row["name"]: row["bands"] for row in rows}
    assert by_name["satmae:sentinel-large@FILE"] == BANDS
    assert by_name["ssl4eo:resnet50-moco@FILE"] == SENTINEL2
