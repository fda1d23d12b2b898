"""What every explanation keeps, whatever the task, the head and the method: a contract over all of them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.explaining.helpers import SIDE, of_images, of_masks, of_task, patched
from warmstart.errors import DataError
from warmstart.explaining.explain import explain_samples, methods_for
from warmstart.explaining.methods import methods
from warmstart.shipping.bundle import Bundle
from warmstart.shipping.reading import as_samples

BUNDLES = ("linear", "knn", "ensemble", "multilabel", "regress", "anomaly", "several", "segment")
LABELS = {"multilabel": "red", "regress": "kg", "anomaly": "anomaly", "several": "kg", "segment": "patch"}


@pytest.fixture(scope="module", params=BUNDLES)
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Bundle]:
    name, folder = request.param, tmp_path_factory.mktemp("bundle") / "bundle"
    if name in ("linear", "knn", "ensemble"):
        return name, of_images(folder, name)
    return name, of_masks(folder) if name == "segment" else of_task(folder, name)


def test_every_method_explains_every_task_and_changes_nothing(bundle: tuple[str, Bundle]) -> None:
    name, made = bundle
    samples = as_samples([patched("red", 80), patched("green", 81)])
    before = [{key: tensor.clone() for key, tensor in network.state_dict().items()} for network in made.networks]
    flags = [[module.training for module in network.modules()] for network in made.networks]
    assert methods_for(made), "at least one method"
    for method in methods_for(made):
        found = explain_samples(made, samples, method=method, label=LABELS.get(name))
        assert [one.input for one in found] == ["row-0", "row-1"]
        for one in found:
            assert one.method == method
            assert one.label == LABELS.get(name, one.label)
            assert (one.probability is None) != (one.value is None)
            assert one.map is not None
            assert one.map.shape == (SIDE, SIDE)
            assert np.isfinite(one.map).all()
            assert one.faithful is not None
            again = json.loads(json.dumps(one.to_dict()))
            assert again["label"] == one.label
            assert np.array(again["map"]).shape == (SIDE, SIDE)
            picture = one.picture()
            assert picture is not None
            with Image.open(io.BytesIO(picture)) as image:
                assert image.width > 2 * image.height
    for network, state, modes in zip(made.networks, before, flags, strict=True):
        assert all(torch.equal(state[key], tensor) for key, tensor in network.state_dict().items())
        assert [module.training for module in network.modules()] == modes
        assert not any(parameter.requires_grad for parameter in network.parameters())
        assert all(parameter.grad is None for parameter in network.parameters())


def test_the_answer_is_the_one_that_predict_gives(bundle: tuple[str, Bundle]) -> None:
    name, made = bundle
    samples = as_samples([patched("red", 82), patched("green", 83)])
    found = explain_samples(made, samples, check=False, label=LABELS.get(name))
    for one, row in zip(found, made.predict(list(samples)), strict=True):
        if "probabilities" in row:
            assert one.probability == pytest.approx(row["probabilities"][one.label], abs=1e-5)
        elif name == "regress":
            assert one.value == pytest.approx(row["value"], abs=1e-5)
        elif name == "anomaly":
            assert one.value == pytest.approx(row["score"], abs=1e-4)
        elif name == "several":
            assert one.value == pytest.approx(row["answers"]["kg"]["value"], abs=1e-5)


def test_of_several_tasks_a_class_of_one_can_be_named(tmp_path: Path) -> None:
    made = of_task(tmp_path / "bundle", "several")
    samples = as_samples([patched("green", 84)])
    assert explain_samples(made, samples, check=False)[0].label == "colour: green"
    assert explain_samples(made, samples, check=False, label="colour: red")[0].label == "colour: red"
    with pytest.raises(DataError, match="shape"):
        explain_samples(made, samples, check=False, label="shape: red")


def test_what_cannot_be_read_says_so_and_the_others_are_explained(tmp_path: Path) -> None:
    made = of_images(tmp_path / "bundle")
    (tmp_path / "no.png").write_bytes(b"no image")
    broken, fine = explain_samples(made, as_samples([tmp_path / "no.png", patched("red", 85)]), check=False)
    assert "no.png" in broken.error
    assert broken.picture() is None
    assert "map" not in broken.to_dict()
    assert fine.label == "red"
    assert not fine.error


def test_explanations_are_the_same_twice(tmp_path: Path) -> None:
    made = of_images(tmp_path / "bundle")
    for method in methods_for(made):
        first, second = (explain_samples(made, as_samples([patched("red", 86)]), method=method)[0] for _ in range(2))
        assert first.to_dict() == second.to_dict()


def test_names_of_all_methods_are_in_the_registry() -> None:
    assert set(methods) == {"gradcam", "integrated_gradients", "occlusion"}
