"""From a source to the tensor a backbone expects, in two steps: read and resize (uint8, can be kept), normalise.

From the decoded image on, both are those of timm's evaluation transform, bit for bit: Pillow's antialiased resampling,
`floor(size / crop_pct)`, and torchvision's rounding of the centre.

Where a spec says `decode="reduced"`, a large JPEG is decoded at 1/2, 1/4 or 1/8 of its size: the smallest that leaves
at least `REDUCED` times the pixels, in width and in height, of what it is resized to. The resampling does the rest.
That is 2.6 to 3 times as fast for a photo of 2560 x 1708 that ends at 224. Tried on two photos at 640, 1280 and 2560
px, three qualities, resized to sides of 20 to 224: no value differs by more than 12 of 255 from full decoding, the mean
of an image by at most 0.6, and features of EfficientNet-Lite0 keep a cosine of 0.998. (With 1.5 times the pixels it was
17, 1.3 and 0.997; with no more than needed 34, 2.8 and 0.990.)

Channels are last in memory throughout, as Pillow has them and convolutions on a CPU want them: nothing is transposed.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from warmstart.preprocess.bands import Bands
from warmstart.preprocess.geometry import FILTERS, middle, resized_size
from warmstart.preprocess.reader import Decoded, Source
from warmstart.preprocess.resample import fit_bands
from warmstart.preprocess.spec import PreprocessSpec
from warmstart.preprocess.tiles import read_bands, read_picture

REDUCED = 2.0
"""Decoded pixels for each resized one, in width and in height, that a reduced JPEG has at least."""


def read_pixels(source: Source, spec: PreprocessSpec, *, crop: bool = True) -> Tensor:
    """Read a source as `spec` says and resize it: (C, H, W), uint8 of pictures. The same for fit, predict and serve.

    Raises:
        ImageError, MissingExtraError: as `read_image`.

    >>> read_pixels(np.zeros((480, 640), np.uint8), PreprocessSpec(size=224)).shape
    torch.Size([3, 224, 224])
    """
    return fit_size(decode_for(source, spec), spec, crop=crop)


def decode_for(source: Source, spec: PreprocessSpec) -> Decoded | Bands:
    """A source, decoded as far as `spec` needs it: a picture, or the bands that a banded spec takes."""
    if spec.banded:
        return read_bands(source, spec)
    return read_picture(source, spec, functools.partial(_reduction, spec=spec))


def fit_size(image: Image.Image | Decoded | Bands, spec: PreprocessSpec, *, crop: bool = True) -> Tensor:
    """Resize an image as `spec` says; uint8 (C, H, W), or of bands the type they are stored with.

    Args:
        image: 8-bit RGB or grey, as `read_image` or `decode_for` give it, or bands.
        spec: what the backbone expects.
        crop: to the centre `spec.size` x `spec.size`, which is what evaluation sees. Without, `shortest` leaves the
            whole image, for a random crop later; the other modes give the same either way.

    >>> spec = PreprocessSpec(size=224, crop_pct=0.875)
    >>> fit_size(Image.new("RGB", (640, 480)), spec, crop=False).shape
    torch.Size([3, 256, 341])
    """
    if isinstance(image, Bands):
        pixels = fit_bands(image, spec)
        return centre(pixels, spec.size) if crop else pixels
    decoded = image if isinstance(image, Decoded) else Decoded.whole(image)
    resized = _resized(decoded, spec)
    if spec.resize == "pad":
        resized = _padded(resized, spec)
    mode = "L" if spec.channels == 1 else "RGB"
    pixels = to_pixels(resized if resized.mode == mode else resized.convert(mode))
    return centre(pixels, spec.size) if crop else pixels


def to_pixels(image: Image.Image) -> Tensor:
    """uint8 (C, H, W) of an image with one channel or three; `to_image` is the inverse."""
    array = np.array(image)  # a copy of its own: torch wants it writable
    return torch.from_numpy(array[..., None] if array.ndim == 2 else array).permute(2, 0, 1)


def to_image(pixels: Tensor) -> Image.Image:
    """The image of uint8 pixels (1 or 3, H, W)."""
    array = pixels.numpy().transpose(1, 2, 0)
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else np.ascontiguousarray(array))


def centre(pixels: Tensor, size: int) -> Tensor:
    """The middle (C, size, size) of pixels (C, H, W) with H, W >= size; offsets are rounded as torchvision does.

    >>> centre(torch.arange(5).expand(1, 1, 5), 1).item()
    2
    """
    height, width = pixels.shape[-2:]
    if (height, width) == (size, size):
        return pixels
    top, left = centre_at(height, size), centre_at(width, size)
    # Copied by numpy, since torch would start threads for it, in the threads that decode.
    middle = pixels.numpy()[:, top : top + size, left : left + size].transpose(1, 2, 0)
    return torch.from_numpy(np.ascontiguousarray(middle)).permute(2, 0, 1)


def centre_at(length: int, size: int) -> int:
    """Where the middle `size` of `length` pixels begins, rounded as torchvision does."""
    return round((length - size) / 2.0)


def normalise(batch: Tensor | Sequence[Tensor], spec: PreprocessSpec) -> Tensor:
    """float32 (n, C, H, W), channels last, of n images (C, H, W): values over scale, minus mean, over std."""
    channels, height, width = batch[0].shape
    out = np.empty((len(batch), height, width, channels), np.float32)
    for rows, pixels in zip(out, batch, strict=True):
        normalise_into(rows, pixels, spec)
    return torch.from_numpy(out).permute(0, 3, 1, 2)


def normalised(pixels: Tensor, spec: PreprocessSpec) -> Tensor:
    """What `normalise` gives of pixels (n, C, H, W), bit for bit on a CPU, computed where they lie.

    >>> spec, pixels = PreprocessSpec(size=4), torch.randint(256, (2, 3, 4, 4), dtype=torch.uint8)
    >>> torch.equal(normalised(pixels, spec), normalise(pixels, spec))
    True
    """
    divisor, mean, std = _constants(spec.divisor, spec.mean, spec.std, pixels.device)
    return pixels.to(torch.float32).div_(divisor).sub_(mean).div_(std)


@functools.lru_cache(maxsize=8)
def _constants(divisor: float, mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> list[Tensor]:
    """Each (1, C, 1, 1) on a device, kept there: to send them again with every batch would make the host wait.

    The divisor is a tensor too, since CUDA multiplies by the inverse of a plain number, which is not the same.
    """
    return [torch.tensor(each).reshape(1, -1, 1, 1).to(device) for each in ((divisor,), mean, std)]


def normalise_into(out: npt.NDArray[np.float32], pixels: Tensor, spec: PreprocessSpec) -> None:
    """Fill `out` (H, W, C), in one piece, with the normalised pixels (C, H, W) of one image.

    One image at a time stays in the processor's cache. By numpy, for this runs in the threads that decode, where torch
    would start a team of threads for each operation, and wait for it.
    """
    height, width, channels = out.shape
    rows = out.reshape(height, width * channels)  # the innermost dimension long: with three elements it is slow
    mean, std = _rows(spec.mean, channels, width), _rows(spec.std, channels, width)
    np.divide(pixels.numpy().transpose(1, 2, 0).reshape(rows.shape), np.float32(spec.divisor), out=rows)
    np.subtract(rows, mean, out=rows)
    np.divide(rows, std, out=rows)


@functools.lru_cache(maxsize=8)
def _rows(values: tuple[float, ...], channels: int, width: int) -> npt.NDArray[np.float32]:
    """One value per channel, for each pixel of a row."""
    return np.tile(np.broadcast_to(np.array(values, np.float32), channels), width)


def prepare(images: Sequence[Image.Image], spec: PreprocessSpec) -> Tensor:
    """float32 (n, C, size, size) from n images: both steps."""
    return normalise([fit_size(image, spec) for image in images], spec)


def _reduction(size: tuple[int, int], spec: PreprocessSpec) -> int:
    """1, 2, 4 or 8: what of an image of this size is decoded; the same whichever way it is turned."""
    if spec.decode == "full" or spec.interpolation == "nearest" or middle(size) != size:
        return 1
    ratio = min(side / wanted for side, wanted in zip(size, resized_size(size, spec), strict=True))
    return next((factor for factor in (8, 4, 2) if ratio >= REDUCED * factor), 1)


def _resized(decoded: Decoded, spec: PreprocessSpec) -> Image.Image:
    image, box, wanted = decoded.image, decoded.box, resized_size(decoded.size, spec)
    width, height = middle(decoded.size)
    if spec.resize == "shortest" and (width, height) != decoded.size:  # such a strip is not reduced
        left, top = (image.width - width) // 2, (image.height - height) // 2
        image, box = image.crop((left, top, left + width, top + height)), (0, 0, width, height)
    return image if image.size == wanted else image.resize(wanted, FILTERS[spec.interpolation], box)


def _padded(image: Image.Image, spec: PreprocessSpec) -> Image.Image:
    """In the middle of a square filled with the mean colour, which is 0 once normalised."""
    grey = len(spec.mean) == 1
    fill = tuple(round(255 * value) for value in (spec.mean * 3 if grey else spec.mean))
    square = Image.new("RGB", (spec.size, spec.size), fill)
    square.paste(image.convert("RGB"), ((spec.size - image.width) // 2, (spec.size - image.height) // 2))
    return square
