"""How good a network is, and how sure that is: outputs, metrics, calibration, intervals, comparisons."""
