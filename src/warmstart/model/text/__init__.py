"""Networks for texts: the models of transformers, cut at their layer lists."""
