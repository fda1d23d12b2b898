"""Closed-form heads of features that are read a block at a time: the same heads, from sums that need no other memory.

Each adds up what `warmstart.engine.heads` computes from the whole matrix at once, so that it gives the same answer but
for rounding. It takes longer, for a block is read and standardised anew in every pass.
"""
