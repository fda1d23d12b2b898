from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.engine.heads.support import wide
from warmstart.engine.heads.adamw import train
from warmstart.engine.heads.base import standardised

RATES = torch.tensor([1e-3, 1e-2, 3e-2])
DECAYS = torch.tensor([0.0, 0.1, 1.0])


def samples() -> tuple[Tensor, Tensor]:
    """Four classes, unequally many of each: a bias has something to learn."""
    features, labels = wide(40, 20, 7)
    return standardised(features)[0].float(), torch.from_numpy(labels).clamp_max(3)


def test_a_head_is_the_one_that_torch_trains() -> None:
    x, y = samples()
    heads = train(x, y, 4, RATES, DECAYS, seeds=(0,), steps=30, batch=40)
    for i, (rate, decay) in enumerate(zip(RATES.tolist(), DECAYS.tolist(), strict=True)):
        model = nn.Linear(20, 4)
        nn.init.zeros_(model.weight)
        nn.init.zeros_(model.bias)
        groups = [{"params": [model.weight], "weight_decay": decay}, {"params": [model.bias], "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 30)
        for _ in range(30):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        torch.testing.assert_close(heads.weights[0, i], model.weight.detach(), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(heads.biases[0, i], model.bias.detach(), rtol=1e-3, atol=1e-4)


def test_heads_trained_together_are_those_trained_alone() -> None:
    x, y = samples()
    together = train(x, y, 4, RATES, DECAYS, seeds=(3, 4), batch=16).logits(x)
    for s, seed in enumerate((3, 4)):
        for h in range(3):
            alone = train(x, y, 4, RATES[h : h + 1], DECAYS[h : h + 1], seeds=(seed,), batch=16).logits(x)
            torch.testing.assert_close(together[s, h], alone[0, 0], rtol=1e-3, atol=1e-3)
    assert not torch.allclose(together[0], together[1])


def test_a_head_learns_nothing_from_samples_it_does_not_use() -> None:
    x, y = samples()
    used = torch.ones(40, 3, dtype=torch.bool)
    used[:10, 1] = False
    other = torch.where(torch.arange(40) < 10, (y + 1) % 4, y)
    before, after = (train(x, labels, 4, RATES, DECAYS, seeds=(0,), used=used).weights[0] for labels in (y, other))
    changed = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert changed == [True, False, True]
