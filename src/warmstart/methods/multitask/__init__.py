"""Training one trunk on several tasks: what each task's loss, or its gradient, counts in a step."""
