import numpy as np
import pytest
import torch
from torch import Tensor, nn

from warmstart.data.batches import PixelStore
from warmstart.data.schema import ClassTarget, Dataset, Sample
from warmstart.evaluation.predict import predict_outputs
from warmstart.preprocess.spec import PreprocessSpec

SPEC = PreprocessSpec(size=8)


class Network(nn.Module):
    """Batch norm and dropout, so that any trace of training mode shows."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop, self.head = nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Linear(3, 4)
        self.drop.eval()
        self.seen: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.is_contiguous(memory_format=torch.channels_last))
        out: Tensor = self.head(self.drop(self.norm(x)).mean((2, 3)))
        return out


@pytest.fixture
def store() -> PixelStore:
    rng = np.random.default_rng(0)
    samples = tuple(Sample(f"row-{i}", rng.integers(0, 256, (9, 9, 3), dtype=np.uint8), "a") for i in range(11))
    return PixelStore(Dataset(samples, ClassTarget(("a",))), SPEC)


def test_outputs_come_in_the_order_asked_for_whatever_the_batch_size(store: PixelStore) -> None:
    network = Network()
    order = [7, 0, 3, 10, 3]
    together = predict_outputs(network, store, order, batch_size=64)
    apart = predict_outputs(network, store, np.array(order), batch_size=2, workers=1)
    assert together.shape == (5, 4)
    assert together.dtype == torch.float32
    torch.testing.assert_close(together, apart)
    torch.testing.assert_close(together[2], together[4])
    assert not torch.allclose(together[0], together[1])


def test_predicting_leaves_no_trace_in_the_network(store: PixelStore) -> None:
    network = Network().train()
    network.drop.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    outputs = predict_outputs(network, store, range(11))
    assert (network.training, network.norm.training, network.drop.training) == (True, True, False)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not outputs.requires_grad
    assert not outputs.is_inference()
    assert all(network.seen)


def test_progress_counts_every_sample_once(store: PixelStore) -> None:
    done: list[int] = []
    predict_outputs(Network(), store, range(11), batch_size=4, progress=done.append)
    assert sum(done) == 11
    assert len(done) > 1


def test_a_failure_gives_the_flags_back(store: PixelStore) -> None:
    class Broken(Network):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("no")

    network = Broken().train()
    with pytest.raises(RuntimeError, match="no"):
        predict_outputs(network, store, [0])
    assert network.training
    assert network.norm.training


def test_nothing_to_predict_gives_nothing(store: PixelStore) -> None:
    assert predict_outputs(Network(), store, []).shape[0] == 0
