"""Targets with outlines: each lies where its object lies in what the network sees."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from tests.data.scenes.test_scenestore import PLACES, SIZE, boxed, picture, red_in, red_of, spec
from warmstart.data.annotations import Boxes, Outline
from warmstart.data.batches import ImageBatches
from warmstart.data.outlined import check_outlined
from warmstart.data.scenes import BoxTarget
from warmstart.data.scenestore import SceneStore
from warmstart.data.schema import Dataset
from warmstart.errors import DataError
from warmstart.preprocess.augment import AUGMENTATIONS
from warmstart.preprocess.runs import covered, runs

TARGET = BoxTarget(("other", "thing"), "maskrcnn")


def outlined(*, coded: bool) -> Dataset:
    """The objects of `boxed` with their outline, as a polygon or as a run-length code."""
    samples = []
    for sample, (left, top, right, bottom) in zip(boxed().samples, PLACES, strict=True):
        ring = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)
        lengths = runs(red_of(picture((left, top, right, bottom)))).tolist()
        outline = Outline(rle={"size": [120, 160], "counts": lengths}) if coded else Outline((ring,))
        assert isinstance(sample.label, Boxes)
        samples.append(dataclasses.replace(sample, label=dataclasses.replace(sample.label, outlines=(outline,))))
    return Dataset(tuple(samples), TARGET)


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("augment", AUGMENTATIONS)
@pytest.mark.parametrize("resize", ["pad", "squash", "shortest"])
def test_outlines_lie_where_the_object_lies_in_what_the_network_sees(resize: str, augment: str, coded: bool) -> None:
    store, seen = SceneStore(outlined(coded=coded), spec(resize)), 0
    for epoch in range(4):
        (batch,) = ImageBatches(store, range(4), batch_size=4, augment=augment, seed=3, epoch=epoch)
        for red, rows in zip(red_in(batch.inputs), batch.targets, strict=True):
            if rows[0, 0] == 1:
                pixels = covered(rows[:1, 6:], SIZE)[0].numpy().astype(bool)
                assert (pixels ^ red).sum() <= 0.03 * SIZE**2
                assert (pixels & red).sum() >= 0.7 * red.sum()
                seen += 1
    assert seen > 8


def test_targets_without_outlines_are_what_they_were() -> None:
    data = outlined(coded=False)
    plain = dataclasses.replace(data, target=BoxTarget(TARGET.classes, "fasterrcnn"))
    wide, narrow = (SceneStore(one, spec()).targets(np.arange(4)) for one in (data, plain))
    assert narrow.shape[2] == 6
    assert torch.equal(wide[..., :6], narrow)
    assert (wide[:, 0, 6:].sum(1) == SIZE**2).all()


def test_an_object_with_a_box_alone_is_told_before_anything_is_trained() -> None:
    bare = dataclasses.replace(boxed(), target=TARGET)
    with pytest.raises(DataError, match="a box and no outline: 4 of 4"):
        check_outlined(bare)
    with pytest.raises(DataError, match="no outline"):
        SceneStore(bare, spec()).targets(np.arange(1))
    check_outlined(boxed())
    check_outlined(outlined(coded=True))
