"""State dicts as people save them, into the module that they belong to."""

from __future__ import annotations

import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from torch import Tensor, nn

from warmstart.errors import BackboneError
from warmstart.model.adapters.toy import ToyNet
from warmstart.model.reconcile import load_state, nearest_architecture


def toy_state(seed: int = 1) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return ToyNet().state_dict()


def assert_loaded(module: nn.Module, state: dict[str, Tensor]) -> None:
    assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize("prefix", ["", "module.", "model.encoder.", "a.b.c."])
def test_a_prefix_and_a_classifier_are_seen_through(prefix: str) -> None:
    state = toy_state()
    file = {f"{prefix}{name}": tensor for name, tensor in state.items()} | {f"{prefix}fc.weight": torch.zeros(3, 20)}
    module = ToyNet()
    found = load_state(module, file, origin="a file")
    assert_loaded(module, state)
    assert (found.prefix, found.missing, found.unexpected) == (prefix, (), (f"{prefix}fc.weight",))
    assert found.share == 1


def test_a_prefix_of_the_module_is_seen_through() -> None:
    wrapper, state = nn.Module(), toy_state()
    wrapper.net = ToyNet()
    assert load_state(wrapper, state, origin="a file").prefix == "-net."
    assert_loaded(wrapper.net, state)


def test_of_two_networks_in_a_file_the_one_that_fits_is_taken() -> None:
    state = toy_state()
    other = {f"student.{name}": torch.zeros(2) for name in state}
    module = ToyNet()
    assert load_state(module, {f"teacher.{k}": v for k, v in state.items()} | other, origin="x").prefix == "teacher."
    assert_loaded(module, state)


def test_a_linear_layer_serves_as_a_convolution_and_it_is_told() -> None:
    conv, linear = nn.Conv2d(4, 3, 1), nn.Linear(4, 3)
    found = load_state(conv, linear.state_dict(), origin="a file")
    assert found.reshaped == ("weight (3, 4) to (3, 4, 1, 1)",)
    assert torch.equal(conv.weight.flatten(1), linear.weight)


def test_position_embeddings_are_resampled_as_timm_does() -> None:
    def vit(size: int) -> VisionTransformer:
        torch.manual_seed(0)
        return VisionTransformer(img_size=size, patch_size=16, embed_dim=24, depth=1, num_heads=2, num_classes=0)

    state, target, expected = vit(224).state_dict(), vit(96), vit(96)
    found = load_state(target, state, origin="a file")
    expected.load_state_dict(checkpoint_filter_fn(dict(state), expected))
    assert found.reshaped == ("pos_embed (1, 197, 24) to (1, 37, 24)",)
    assert torch.equal(target.state_dict()["pos_embed"], expected.state_dict()["pos_embed"])


def test_too_little_is_refused_and_nothing_changed() -> None:
    module, state = ToyNet(), toy_state()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    half = dict(list(state.items())[:10])
    with pytest.raises(BackboneError, match="there is no 'stages") as error:
        load_state(module, half, origin="half.pt")
    assert "half.pt" in error.value.found
    assert "90 %" in error.value.expected
    assert_loaded(module, before)


def test_a_wrong_shape_is_named_with_the_nearest_architecture() -> None:
    state = timm.create_model("resnet18").state_dict()
    wider = {name: (t.repeat(2, *[1] * (t.ndim - 1)) if name == "conv1.weight" else t) for name, t in state.items()}
    with pytest.raises(BackboneError) as error:
        load_state(timm.create_model("resnet18", num_classes=0), wider, origin="wide.pt", nearest=nearest_architecture)
    assert "'conv1.weight' has shape (128, 3, 7, 7)" in error.value.found
    assert "(64, 3, 7, 7)" in error.value.expected
    assert "timm:resnet18" in error.value.do


def test_batch_counters_that_older_files_lack_do_not_count() -> None:
    state = {name: tensor for name, tensor in toy_state().items() if not name.endswith("num_batches_tracked")}
    found = load_state(ToyNet(), state, origin="x")
    assert (found.missing, found.share) == ((), 1.0)
