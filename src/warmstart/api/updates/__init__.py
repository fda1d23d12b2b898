"""What `update` is made of."""
