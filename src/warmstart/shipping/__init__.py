"""What a user ships: the bundle."""
