"""What `distill` is made of."""
