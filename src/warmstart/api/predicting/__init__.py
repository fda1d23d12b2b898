"""Answers for any number of inputs: read one by one, written as they come, gone on with after an interruption."""
