"""What is explained of a text that is written: how probable its tokens are where words of the input are left out.

Left out means gone, not hidden: models that write have no token that stands for none. What is compared is the mean log
probability of the tokens of the same text, the end among them, each after the true ones before it (teacher forcing).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from warmstart.errors import DataError
from warmstart.explaining.asked import Asked, Pick
from warmstart.explaining.blank import readable
from warmstart.model.text.writing import write
from warmstart.preprocess.kinds import of_texts
from warmstart.preprocess.writing import encode_written
from warmstart.task.generate import GENERATE


@dataclasses.dataclass(frozen=True)
class AskedOfText(Asked):
    """A network that writes, asked for one text: outputs (n, tokens), the logarithm of each token's probability."""

    written: tuple[int, ...] = ()
    """The tokens of the text."""
    behind: int = 0
    """How many tokens at the end of an input are of what is written, and not of what it is written for."""

    def outputs(self, x: Tensor) -> Tensor:
        """Log probabilities of inputs (n, length, 2), padded by -1."""
        (network,) = self.networks
        targets = torch.tensor([self.written])
        parts = torch.split(x, network.at_once(targets))
        return torch.cat([self._of(part, targets.expand(len(part), -1)) for part in parts])

    def _of(self, x: Tensor, targets: Tensor) -> Tensor:
        return GENERATE.answered(self.networks[0](x, targets), targets)[..., 0]

    def readable(self, x: Tensor) -> Tensor:
        """The tokens of the words of the input (tokens,)."""
        there = readable(x, self.spec)
        if self.behind:
            there[-self.behind :] = False
        return there

    def covered(self, x: Tensor, where: Tensor) -> Tensor:
        """Inputs (n, length, 2) without some tokens: what is behind them moves up."""
        rows = [row[~hidden] for row, hidden in zip(x, where, strict=True)]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)


def text_asked(asked: Asked, parts: Sequence[str], longest: int, label: str | None) -> tuple[AskedOfText, Pick, Tensor]:
    """What is asked of a text or pair, what is explained, and the input (1, length, 2).

    Args:
        asked: of the network.
        parts: the text or pair.
        longest: tokens that are written at most.
        label: the text that is explained; by default the one that is written.

    Raises `DataError` where nothing is written.
    """
    spec, network = of_texts(asked.spec), asked.networks[0]
    text = write(network, spec, [tuple(parts)], max_new_tokens=longest)[0] if label is None else label
    if not text:
        raise DataError("nothing was written, and there is nothing to explain", expected="a text", do="name one")
    (found,) = encode_written(spec, [tuple(parts)], [text])
    behind = len(found.written) - 1 if spec.writes == "causal" else 0
    about = AskedOfText((network,), spec, asked.task, 1.0, written=found.written, behind=behind)

    def score(logs: Tensor) -> Tensor:
        return logs.double().mean(1)

    return about, Pick(text, score, lambda logs: score(logs).exp(), True), torch.from_numpy(found.tokens)[None]
