"""Detectors: what finds boxes on the feature maps of a backbone."""
