"""Continual use: a network goes on from what it knew, and what it forgot is told."""
