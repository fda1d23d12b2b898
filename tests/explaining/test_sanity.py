"""The sanity check finds methods that ignore the network, and passes those that do not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.explaining.helpers import of_images, patched
from warmstart.explaining.asked import Asked, Pick, pick
from warmstart.explaining.explain import explain_samples
from warmstart.explaining.methods import Attributed, Method, methods
from warmstart.explaining.pace import coarsest
from warmstart.explaining.sanity import Sanity, sanity
from warmstart.preprocess.kinds import Kind
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reading import as_samples, read, stacked


class Edges:
    """An "explanation" that shows edges of the image, and never asks the network (Adebayo et al. 2018, section 5)."""

    kinds: tuple[Kind, ...] = ("image",)
    gradients = False

    @property
    def coarser(self) -> Method | None:
        return None

    def passes(self, asked: Asked, x: Tensor) -> int:
        return 0

    def attribute(self, asked: Asked, chosen: Pick, x: Tensor) -> Attributed:
        kernel = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]])[None, None]
        return Attributed(functional.conv2d(x.mean(1, keepdim=True), kernel, padding=1)[0, 0].numpy())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return of_images(tmp_path_factory.mktemp("sanity") / "bundle")


def measured(bundle: Bundle, method: Method) -> Sanity:
    asked, inputs = Asked.of(bundle), list[tuple[Asked, Pick, Tensor]]()
    for i, name in enumerate(("red", "green", "red")):
        x = stacked([read(as_samples([patched(name, 60 + i)])[0], bundle.spec)], bundle.spec)
        with torch.no_grad():
            inputs.append((asked, pick(asked.task, bundle.manifest.target, asked.outputs(x), None), x))
    found = sanity(coarsest(method), inputs)
    assert found is not None
    return found


def test_a_detector_of_edges_fails(bundle: Bundle) -> None:
    found = measured(bundle, Edges())
    assert found.whole == pytest.approx(1)
    assert found.head == pytest.approx(1)
    assert not found.faithful
    assert "1.00" in found.doubt
    assert "shuffled" in found.doubt


@pytest.mark.parametrize("name", ["gradcam", "integrated_gradients"])
def test_methods_that_read_the_network_pass(bundle: Bundle, name: str) -> None:
    found = measured(bundle, methods[name])
    assert found.faithful, found
    assert found.doubt == ""


def test_an_explanation_says_when_its_method_ignores_the_network(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(methods._entries, "edges", Edges())
    (told,) = explain_samples(bundle, as_samples([patched("red", 70)]), method="edges")
    assert told.faithful is False
    assert told.doubt.startswith("the map hardly depends on what was learned")
    (untold,) = explain_samples(bundle, as_samples([patched("red", 70)]), method="edges", check=False)
    assert untold.faithful is None


def test_a_map_that_misses_what_matters_is_doubted(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere(Edges):
        def attribute(self, asked: Asked, chosen: Pick, x: Tensor) -> Attributed:
            found = torch.zeros(x.shape[2:])
            found[20:, 20:] = 1
            return Attributed(found.numpy())

    monkeypatch.setitem(methods._entries, "elsewhere", Elsewhere())
    (told,) = explain_samples(bundle, as_samples([patched("red", 71)]), method="elsewhere", check=False)
    assert "no more than to cover as much elsewhere" in told.doubt


def test_an_input_unlike_all_that_was_trained_on_is_doubted(tmp_path: Path) -> None:
    import dataclasses

    made = of_images(tmp_path / "bundle")
    assert made.reference is not None
    assert made.reference.bank is not None
    strict = dataclasses.replace(made.reference, bank=dataclasses.replace(made.reference.bank, threshold=-1.0))
    (told,) = explain_samples(
        dataclasses.replace(made, reference=strict), as_samples([patched("red", 72)]), check=False
    )
    assert "like nothing that was trained on" in told.doubt
