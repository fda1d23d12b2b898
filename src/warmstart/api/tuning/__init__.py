"""What `tune` is made of."""
