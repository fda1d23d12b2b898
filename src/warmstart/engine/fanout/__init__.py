"""Pieces of work in other processes, here or on the machines of a ray cluster. A worker that dies costs its piece."""
