"""What the user brings: sources, samples, parts, audit, batches."""
