"""Which heads can be fitted on features that are read in blocks."""

from __future__ import annotations

from typing import Protocol

from warmstart.engine.heads.base import FittedHead
from warmstart.engine.heads.blocks.standard import BlockProblem
from warmstart.registry import Registry


class BlockFit(Protocol):
    """`HeadFit` of a `BlockProblem`: the head that it gives of the whole, but for rounding."""

    def __call__(self, problem: BlockProblem, *, folds: int = 5, seed: int = 0) -> FittedHead:
        """Fit a head; see `HeadFit` for the arguments."""
        ...


in_blocks: Registry[BlockFit] = Registry("head that is fitted in blocks")
in_blocks.add("blend", "warmstart.engine.heads.blocks.blend:fit")
in_blocks.add("class_means", "warmstart.engine.heads.blocks.class_means:fit")
in_blocks.add("knn", "warmstart.engine.heads.blocks.knn:fit")
in_blocks.add("lda", "warmstart.engine.heads.blocks.lda:fit")
in_blocks.add("logistic", "warmstart.engine.heads.blocks.logistic:fit")
in_blocks.add("ridge", "warmstart.engine.heads.blocks.ridge:fit")
