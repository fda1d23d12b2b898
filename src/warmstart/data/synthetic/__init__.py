"""Series made by known processes, as many as one asks for: a corpus that no one's test data can be part of.

>>> made = generate(24, steps=64, seed=0)
>>> made.kind, len(made), made.samples[0].source.values.shape
('series', 24, (1, 64))
>>> made.samples[0].label == made.samples[3].label  # four series of each process
True
"""

from warmstart.data.synthetic.corpus import EACH, generate, stream

__all__ = ["EACH", "generate", "stream"]
