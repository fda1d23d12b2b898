"""What is measured and told when the last rung of a run is fitted."""
