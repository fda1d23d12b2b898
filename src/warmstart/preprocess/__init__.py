"""What a backbone expects of its input: reading, resizing, normalising, augmenting."""
