"""Charts as inline SVG, drawn by hand: no script, no font, no network, and colours from the page's CSS variables.

Every function returns `Markup`; every text and attribute that comes from data passes through `svg.tag`, which escapes.
"""
