"""Why a bundle answers as it does: attributions, the nearest training samples, and whether to believe them."""
