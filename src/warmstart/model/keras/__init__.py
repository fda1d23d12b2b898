"""The networks of `keras.applications` in torch, and the weights that Keras saved for them.

A module is named so that the Keras layer it stands for is told by its path (see `warmstart.model.keras.names`): the
files describe layers by name or by order, and both are found from the module alone. Nothing here needs Keras.
"""
