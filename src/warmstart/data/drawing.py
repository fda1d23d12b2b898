"""placeholder until branch sources is merged"""

from typing import Any

from PIL import Image


def colours(n: int) -> list[tuple[int, int, int]]:
    return []


def draw_boxes(image: Image.Image, boxes: Any, classes: Any) -> Image.Image:
    return image


def draw_mask(image: Image.Image, mask: Any, classes: Any) -> Image.Image:
    return image
