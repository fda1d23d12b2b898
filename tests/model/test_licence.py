"""Weights whose licence restricts their use: refused before anything is fetched, unless it is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from tests.model.published import hub_snapshot
from warmstart.errors import BackboneError, LicenceError
from warmstart.model import hub
from warmstart.model.catalog import backbones, load_backbone
from warmstart.model.licence import restricted
from warmstart.model.table import rows

RESTRICTED = "timm:convnextv2_atto.fcmae_ft_in1k"


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("uri", [RESTRICTED, "dinov3_small", "torchvision:vit_b_16.IMAGENET1K_SWAG_LINEAR_V1"])
def test_restricted_weights_are_refused_before_anything_is_fetched(
    uri: str, empty_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "fetch", lambda *_: pytest.fail("the hub was asked"))
    monkeypatch.setattr(hub, "fetch_checkpoint", lambda *_: pytest.fail("the network was asked"))
    with pytest.raises(LicenceError, match="--accept-licence"):
        load_backbone(uri)


def test_an_accepted_licence_is_recorded_in_the_card(empty_hub: Path) -> None:
    torch.manual_seed(0)
    name = RESTRICTED.removeprefix("timm:")
    save_file(timm.create_model(name).state_dict(), hub_snapshot(empty_hub, f"timm/{name}") / "model.safetensors")
    card = load_backbone(RESTRICTED, accept_licence=True).card
    assert (card.licence, card.licence_accepted) == ("cc-by-nc-4.0", True)


@pytest.mark.slow
def test_random_weights_need_no_licence_and_free_ones_no_acceptance() -> None:
    assert not load_backbone(RESTRICTED, pretrained=False, accept_licence=True).card.licence_accepted
    assert not load_backbone(f"{RESTRICTED}?pretrained=false").card.licence_accepted
    assert not load_backbone("toy", accept_licence=True).card.licence_accepted


def test_accepting_a_licence_does_not_make_weights_appear(empty_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("WARMSTART_OFFLINE", "1")
    with pytest.raises(BackboneError, match="WARMSTART_OFFLINE is set"):
        load_backbone("dinov3_small", accept_licence=True)


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("CC-BY-NC-SA-4.0", True),
        ("fair-noncommercial-research-license", True),
        ("Non-commercial use only", True),
        ("apple-amlr", True),
        ("RadImageNet: research only", True),
        ("bsd-3-clause", False),
        ("cc-by-4.0", False),
        ("NCSA", False),
    ],
)
def test_which_licences_restrict_the_use(licence: str, expected: bool) -> None:
    assert restricted(licence) == expected


def test_the_licence_in_the_table_is_that_of_the_supplier() -> None:
    for row in rows():
        scheme, _, name = row.uri.partition(":")
        if row.parameters is not None:
            assert backbones[scheme].licence(name) == row.licence, row.name
