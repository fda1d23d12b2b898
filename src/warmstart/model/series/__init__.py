"""Networks for time series: (n, channels, steps) to features (n, d)."""
