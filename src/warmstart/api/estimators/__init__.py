"""Estimators of scikit-learn, for pipelines, cross-validation and searches over a grid."""
