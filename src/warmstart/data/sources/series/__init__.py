"""Time series in any form, as recordings with what stands beside them. One file for each form."""
