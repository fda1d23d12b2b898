"""How good a model is on a target without labels, as far as its answers there tell: what a method is chosen by."""
