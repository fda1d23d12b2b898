"""Domain adaptation: steps that learn from unlabelled samples of a target, one method a file."""
