"""Recipes: transfer methods as plain data. Nothing here imports torch."""
