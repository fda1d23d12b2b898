"""Names of the bands of Sentinel-2, and which of them networks take; no torch here, so that listing is quick."""

SENTINEL2 = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
"""The 13 bands of its MSI, in the order of level-1C products."""
RGB = ("B04", "B03", "B02")
"""Red, green and blue."""
SATMAE_BANDS = tuple(band for band in SENTINEL2 if band not in ("B01", "B09", "B10"))
"""What SatMAE takes of them (Cong et al. 2022): those at 60 m are left out."""
