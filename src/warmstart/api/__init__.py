"""What users call: one file for each command, which is its Python function; behind it the folders that it is made of.

`inputs` reads what is brought, `running` is what all runs have in common, `finishing` measures and tells the end of
one. `comparing`, `recommending`, `adaptation`, `distillation` and `updates` are what one command alone needs;
`estimators` are scikit-learn's.
"""
