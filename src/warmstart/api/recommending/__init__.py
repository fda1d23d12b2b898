"""What `recommend` is made of."""
