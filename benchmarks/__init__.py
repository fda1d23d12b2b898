"""warmstart side by side with other tools on the same weights, data and machine. `python benchmarks/run.py` runs it."""
