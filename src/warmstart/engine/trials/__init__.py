"""Many contenders on the same folds: what is trained, how it is measured, and how it fits a budget."""
