from __future__ import annotations

import functools

import pytest
from torch import nn

from warmstart.model.backbone import Backbone
from warmstart.model.catalog import load_backbone
from warmstart.model.network import Network
from warmstart.planning.plan import DataFacts


@functools.cache
def toy() -> Backbone:
    return load_backbone("toy")


@pytest.fixture
def network() -> Network:
    """The toy backbone with a head of three classes and dropout; a copy of one's own."""
    backbone = toy().clone()
    return Network(backbone, nn.Sequential(nn.Dropout(0.1), nn.Linear(backbone.out_features, 3)))


@pytest.fixture
def facts() -> DataFacts:
    return DataFacts(train=100, val=20, outputs=3, size=32)
