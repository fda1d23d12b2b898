"""Decoders: what makes a class for every pixel of the feature maps of any backbone."""
