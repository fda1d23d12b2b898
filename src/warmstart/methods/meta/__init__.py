"""Meta-learning: a backbone is trained on episodes, so that a few samples of new classes suffice for it."""
