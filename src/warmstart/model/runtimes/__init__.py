"""What computes the frozen prefix of a network: torch itself, or an inference engine where one is installed."""
