"""What `adapt` is made of."""
