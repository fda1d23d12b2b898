import sys

import pytest
import torch

from warmstart.planning import peak
from warmstart.planning.peak import measure_peak


def test_little_time_is_enough_for_an_answer() -> None:
    found = measure_peak(0.0)
    assert found.flops > 0
    assert found.threads == torch.get_num_threads()


def test_the_fastest_library_counts_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak, "SIZES", (512,))
    monkeypatch.setattr(peak, "_least_seconds", lambda products: dict.fromkeys(products, 2.0) | {"numpy": 1.0})
    found = measure_peak()
    assert (found.library, found.flops) == ("numpy", 2 * 512**3)
    assert found.share(512**3) == 0.5


def test_every_library_computes_the_same_product() -> None:
    pytest.importorskip("openvino")
    products = peak._products(64, threads=1)
    assert set(products) == {"torch.mm", "torch 1 x 1 convolution", "numpy", "openvino"}
    results = {name: product() for name, product in products.items()}
    assert isinstance(results["torch.mm"], torch.Tensor)
    torch.testing.assert_close(torch.as_tensor(results["numpy"]), results["torch.mm"])
    (by_openvino,) = results["openvino"].values()  # type: ignore[attr-defined]
    torch.testing.assert_close(torch.as_tensor(by_openvino), results["torch.mm"])


def test_openvino_is_not_imported_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "openvino"]:
        monkeypatch.delitem(sys.modules, name)
    assert measure_peak(0.0).library != "openvino"
    assert "openvino" not in sys.modules
