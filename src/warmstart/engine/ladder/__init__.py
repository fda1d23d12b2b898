"""The default way to a model: rungs are tried in order of cost, and one is kept only if validation says so."""
