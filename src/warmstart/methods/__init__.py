"""Steps that are more than a phase: domain adaptation, several tasks at once, meta-learning, distillation."""
