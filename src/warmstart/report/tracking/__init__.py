"""Trackers of experiments: one file each, and the listener that feeds those which a run was asked for."""
