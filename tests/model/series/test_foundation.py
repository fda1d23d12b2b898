"""Mantis, MOMENT and Chronos: files as their authors publish them, and what the authors' own code makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.model.series.foundation import CONFIGS, GOLDEN, folder, series, uri
from warmstart.errors import BackboneError
from warmstart.model.adapters.foundation import MANTIS
from warmstart.model.catalog import load_backbone
from warmstart.model.modes import evaluating
from warmstart.model.series.mantis import Mantis, MantisShape
from warmstart.model.series.t5 import T5Encoder, T5Shape
from warmstart.preprocess.kinds import of_series


@pytest.fixture(params=CONFIGS)
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a folder in the working directory."""
    monkeypatch.chdir(tmp_path)
    folder(tmp_path, request.param)
    return str(request.param)


def test_features_are_those_of_the_authors_code(name: str) -> None:
    backbone = load_backbone(uri(name))
    with evaluating(backbone.module), torch.no_grad():
        found = backbone.chain(series())
    assert found.shape == (2, 16)
    torch.testing.assert_close(found[:, :4], torch.tensor(GOLDEN[name]), rtol=0, atol=1e-5)


def test_the_card_says_where_the_weights_are_from(name: str, tmp_path: Path) -> None:
    card = load_backbone(uri(name)).card
    assert (card.name, card.source, card.licence, card.trained_on) == (
        uri(name),
        f"folder {name}",
        "unknown",
        "unknown",
    )
    (tmp_path / name / "README.md").write_text("---\nlicense: mit\ndatasets:\n- one\n- two\n---\nText.\n")
    card = load_backbone(uri(name)).card
    assert (card.licence, card.trained_on) == ("mit", "one, two")


def test_series_are_read_as_they_are_for_the_networks_scale_them_themselves(name: str) -> None:
    spec = of_series(load_backbone(uri(name)).spec)
    assert (spec.scale, spec.channels) == ("none", 1)
    assert spec.size == (64 if name in ("mantis", "moment") else 512)


def test_it_is_built_again_from_its_structure_without_the_folder(name: str, tmp_path: Path) -> None:
    found = load_backbone(uri(name))
    (tmp_path / name / "config.json").unlink()
    again = load_backbone(found.card.name, structure=found.structure, seed=3)
    assert again.card.trained_on == "nothing (random weights)"
    assert again.spec == found.spec
    again.module.load_state_dict(found.module.state_dict())
    with evaluating(found.module), evaluating(again.module), torch.no_grad():
        assert torch.equal(again.chain(series()), found.chain(series()))


def test_a_tensor_that_is_missing_misshapen_or_unknown_is_named(name: str, tmp_path: Path) -> None:
    file = tmp_path / name / "model.safetensors"
    whole = load_file(file)
    key = next(key for key in load_backbone(uri(name)).module.state_dict() if key.endswith("weight"))
    for changed, message in (
        ({k: v for k, v in whole.items() if k != key}, f"1 parameters have none, the first '{key}'"),
        (whole | {key: torch.zeros(1)}, f"1 have another shape, the first '{key}'"),
        (whole | {"gate.weight": torch.zeros(1)}, "1 tensors are of no part that is known, the first 'gate.weight'"),
    ):
        save_file(changed, file)
        with pytest.raises(BackboneError, match="do not fit") as error:
            load_backbone(uri(name))
        assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("mantis", {"kernel_size": 41}, "MantisV2"),
        ("mantis", {"output": "combined"}, "output = 'combined'"),
        ("mantis", {"num_patches": 7}, "num_patches = 7"),
        ("mantis", {"hidden_dim": "wide"}, "hidden_dim = 'wide'"),
        ("moment", {"revin_affine": True}, "revin_affine = True"),
        ("moment", {"patch_len": "8"}, "patch"),
        ("moment", {"t5_config": {"d_model": 16}}, "d_kv = None"),
        ("chronos-t5", {"feed_forward_proj": "silu"}, "feed_forward_proj = 'silu'"),
        ("chronos-t5", {"chronos_config": None}, "chronos_config = None"),
        ("chronos-t5", {"chronos_config": {"context_length": 512}}, "tokenizer_class"),
        ("chronos-bolt", {"chronos_config": {"context_length": 512, "input_patch_size": 16}}, "input_patch_stride"),
        (
            "chronos-bolt",
            {"chronos_config": {"context_length": 512, "input_patch_size": 16, "output_patch_size": 16}},
            "Chronos-2",
        ),
    ],
    indirect=["name"],
)
def test_a_configuration_that_is_not_known_says_what_it_says(
    name: str, changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    (tmp_path / name / "config.json").write_text(json.dumps(CONFIGS[name] | changes))
    with pytest.raises(BackboneError, match="cannot be built") as error:
        load_backbone(uri(name))
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["mantis"], indirect=True)
def test_later_checkpoints_of_mantis_call_the_transformer_otherwise(name: str, tmp_path: Path) -> None:
    before = load_backbone(uri(name))
    file = tmp_path / name / "model.safetensors"
    save_file({key.replace("vit_unit.", "transf_unit."): value for key, value in load_file(file).items()}, file)
    assert load_backbone(uri(name)).card.weights_sha256 == before.card.weights_sha256


@pytest.mark.parametrize("name", ["chronos-bolt"], indirect=True)
def test_bolt_fills_up_its_first_patch(name: str) -> None:
    backbone = load_backbone(uri(name))
    with evaluating(backbone.module), torch.no_grad():
        whole = backbone.chain(series())
        assert not torch.equal(backbone.chain(series()[..., 5:]), whole)
        for cut in (3, 8):
            activation = backbone.chain.prefix(cut)(series()[..., 5:])
            torch.testing.assert_close(backbone.chain.suffix(cut)(activation), backbone.chain(series()[..., 5:]))


@pytest.mark.parametrize("name", ["mantis", "moment"], indirect=True)
def test_a_network_of_one_size_says_so(name: str) -> None:
    with pytest.raises(BackboneError, match=r"size 32.*\n.*64 steps"):
        load_backbone(f"{uri(name)}?size=32")


def test_a_name_without_an_organisation_is_of_the_authors() -> None:
    with pytest.raises(BackboneError, match="'paris-noah/Mantis-8M' is not on this machine"):
        load_backbone("mantis")
    with pytest.raises(BackboneError, match="'amazon/chronos-bolt-tiny' is not on this machine"):
        load_backbone("chronos:chronos-bolt-tiny")
    assert MANTIS.licence("") == "MIT"
    assert MANTIS.licence("somebody/Mantis") == "unknown"


def test_mantis_has_as_many_parameters_as_published() -> None:
    """8,103,936 with the projector (LayerNorm and Linear of width 256) that makes no features."""
    projector = 2 * 256 + 256 * 256 + 256
    assert sum(p.numel() for p in Mantis(MantisShape()).parameters()) + projector == 8_103_936


@pytest.mark.parametrize("form", ["relu", "gated-gelu"])
def test_the_encoder_of_t5_is_that_of_transformers(form: str) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.T5Config(
        d_model=32, d_kv=8, d_ff=48, num_layers=3, num_heads=4, feed_forward_proj=form, vocab_size=10
    )
    torch.manual_seed(0)
    theirs = transformers.T5EncoderModel(config).eval().get_encoder()
    state = {name: torch.randn_like(w) * 0.3 for name, w in theirs.state_dict().items() if "embed_tokens" not in name}
    theirs.load_state_dict(state, strict=False)
    ours = T5Encoder(T5Shape.of(config.to_dict())).eval()
    ours.load_state_dict(state)
    x = torch.randn(2, 300, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(inputs_embeds=x).last_hidden_state, rtol=1e-5, atol=1e-5)
