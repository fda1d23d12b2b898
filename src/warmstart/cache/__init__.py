"""The content-addressed store of activations: what is frozen is computed once and shared by everything."""
