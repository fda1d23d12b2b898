"""Recipe x network x data, compiled to a plan: every decision before any tensor is touched."""
