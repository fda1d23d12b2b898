"""Backbones that were trained on satellite images, with the names and the order of their bands."""
