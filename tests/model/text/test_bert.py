"""The encoder that answers for bundles of `minilm`: that of transformers, bit for bit, and without it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.explaining.helpers import of_texts
from warmstart.model.adapters.texts import Build
from warmstart.model.text.bert import Bert, is_plain

TINY = {
    "model_type": "bert",
    "vocab_size": 50,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 32,
}


def tokens() -> torch.Tensor:
    """Two texts, of which one is shorter, and the second half of the first is the other of a pair."""
    found = torch.randint(1, 50, (2, 9, 2), generator=torch.Generator().manual_seed(0))
    found[..., 1] = torch.arange(9) > 4
    found[1, 6:] = -1
    return found


@pytest.mark.parametrize("training", [False, True])
def test_it_is_the_encoder_of_transformers_bit_for_bit(training: bool) -> None:
    build = Build(TINY, "mean", True, 16, 32)
    theirs, ours = build.module(), build.light()
    assert isinstance(ours.model, Bert)
    assert {name: each.shape for name, each in ours.state_dict().items()} == {
        name: each.shape for name, each in theirs.state_dict().items()
    }
    ours.load_state_dict(theirs.state_dict())
    assert (ours.before, ours.behind, ours.last) == (theirs.before, theirs.behind, theirs.last)
    found = []
    for module in (theirs, ours):
        module.train(training)
        for x in (tokens(), tokens()[:1]):  # with a mask and without one
            torch.manual_seed(0)
            whole = module(x)
            if not training:
                assert torch.allclose(module.run(module.run(x, 0, 2), 2, module.last), whole, atol=1e-6)
            whole.square().sum().backward()
            found.append(whole.detach())
    assert torch.equal(found[0], found[2])
    assert torch.equal(found[1], found[3])
    slopes = [
        dict(module.named_parameters())["model.encoder.layer.0.output.dense.weight"].grad for module in (theirs, ours)
    ]
    assert slopes[0] is not None
    assert slopes[1] is not None
    assert torch.equal(slopes[0], slopes[1])


def test_it_is_drawn_as_theirs_and_knows_its_configuration() -> None:
    build = Build(TINY, "mean", True, 16, 32)
    theirs, ours = build.module().state_dict(), build.light().state_dict()
    for name, tensor in theirs.items():
        assert float(tensor.std()) == pytest.approx(float(ours[name].std()), abs=0.004)
    assert not is_plain({**TINY, "hidden_act": "relu"})
    assert Bert(TINY).config.num_hidden_layers == 2


_ANSWER = """
import json, sys
from warmstart.shipping.bundle import Bundle
row, = Bundle.load(sys.argv[1]).predict(["The film was awful."])
print(json.dumps([row["label"], "transformers" in sys.modules]))
"""


def test_a_bundle_of_minilm_answers_without_transformers(tmp_path: Path) -> None:
    of_texts(tmp_path / "bundle")
    done = subprocess.run(
        [sys.executable, "-c", _ANSWER, str(tmp_path / "bundle")], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == ["bad", False]
