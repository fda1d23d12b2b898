"""Decoders of segmentation-models-pytorch on maps that come from elsewhere.

Their models make their own encoder. Here a stand-in takes its place, which says how many channels each map has; of the
model that is built around it the decoder and the last layers are kept. So all options, initial weights and forward
passes are the supplier's own, and weights of its models fit under the same names.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import threading
from typing import Any

from torch import nn

from warmstart.errors import BackboneError, MissingExtraError, RecipeError
from warmstart.model.maps import Maps
from warmstart.model.options import one_of
from warmstart.model.segment.design import Options

_STAND_IN = "maps of warmstart"
_LOCK = threading.Lock()  # the supplier looks encoders up in a table that all threads share
_OURS = {"self", "in_channels", "classes", "activation", "upsampling", "aux_params", "kwargs"}
_PREFIX = "decoder_"


@dataclasses.dataclass(frozen=True)
class Supplied:
    """A model of the supplier.

    Args:
        name: ours.
        model: the supplier's class.
        reads: strides of the maps that it takes anything of, without the last of a dilated backbone; then what it can
            do with.
        dilates: output strides that its backbone may be dilated to, the supplier's default first.
        depth: places behind the input in the list of maps that it takes, each of half the side of the one before;
            `None` as many as the maps have.
        fixed: options that are not the user's.
    """

    name: str
    model: str
    reads: tuple[tuple[int, ...], ...]
    dilates: tuple[int, ...] = ()
    depth: int | None = 5
    fixed: tuple[tuple[str, Any], ...] = ()

    def defaults(self) -> Options:
        """The supplier's options under its own names, without the word decoder before; an empty text is none."""
        found: Options = {"output_stride": self.dilates[0]} if self.dilates else {}
        return found | {key.removeprefix(_PREFIX): value for key, value in self._parameters().items()}

    def _parameters(self) -> Options:
        signature = inspect.signature(getattr(_supplier(), self.model).__init__).parameters
        named = {key: signature[key].default for key in signature if key not in _OURS and key[:8] != "encoder_"}
        return {key: "" if value is None else value for key, value in named.items()}

    def strides(self, options: Options) -> tuple[tuple[int, ...], ...]:
        """Those that it reads, ascending; the output stride last."""
        last = self.output_stride(options)
        return self.reads if last is None else tuple((*strides, last) for strides in self.reads)

    def output_stride(self, options: Options) -> int | None:
        """That of the dilated backbone, where it wants one."""
        if not self.dilates:
            return None
        one_of(self.name, "output_stride", options["output_stride"], self.dilates)
        return int(options["output_stride"])

    def ladder(self, maps: Maps) -> tuple[int | None, ...]:
        """Each map at the place of its stride, the coarsest last."""
        *finer, coarsest = maps.strides
        depth = self._depth(maps)
        places = {int(math.log2(stride)): stride for stride in finer} | {depth: coarsest}
        return tuple(places.get(place) for place in range(depth + 1))

    def _depth(self, maps: Maps) -> int:
        return self.depth or int(math.log2(maps.strides[-1]))

    def parts(self, maps: Maps, classes: int, options: Options) -> tuple[nn.Module, nn.Module]:
        """The decoder and the last layers of the supplier's model, drawn from torch's generator.

        Raises `BackboneError` where the sides of the maps are such that the decoder cannot put them together, and
        `RecipeError` where it is told the channels of fewer levels than there are; of more, the last ones are taken.
        """
        smp, step = _supplier(), maps.strides[-1]
        kind = getattr(smp, self.model)
        if kind.requires_divisible_input_shape and maps.size % step:
            raise BackboneError(
                f"images of {maps.size} pixels a side under the head {self.name!r}",
                expected=f"a multiple of {step}",
                do=f"?size={math.ceil(maps.size / step) * step} behind the name of the backbone, or --head unet",
            )
        channels = dict(zip(maps.strides, maps.channels, strict=True))
        wide = [0 if stride is None else channels[stride] for stride in self.ladder(maps)]
        depth = self._depth(maps)
        given = {key: options[key.removeprefix(_PREFIX)] for key in self._parameters()}
        if self.depth is None and "channels" in options:
            given["decoder_channels"] = options["channels"][-depth:]
            if len(options["channels"]) < depth:
                raise RecipeError(
                    f"head {self.name!r} has channels for {len(options['channels'])} levels",
                    expected=f"{depth} numbers, the coarsest level first",
                )
        given |= {"encoder_output_stride": options["output_stride"]} if self.dilates else {}
        given |= {"encoder_depth": depth, "encoder_weights": None, "classes": classes, **dict(self.fixed)}
        with _LOCK:
            smp.encoders.encoders[_STAND_IN] = {"encoder": _StandIn, "params": {"channels": wide}}
            try:
                model = kind(_STAND_IN, **{key: None if value == "" else value for key, value in given.items()})
            finally:
                del smp.encoders.encoders[_STAND_IN]
        return model.decoder, model.segmentation_head


class _StandIn(nn.Module):
    """Says of an encoder what a decoder is built by; it computes nothing."""

    def __init__(self, channels: list[int], depth: int, output_stride: int) -> None:
        super().__init__()
        self.out_channels, self.depth, self.output_stride = channels, depth, output_stride

    def set_in_channels(self, channels: int, pretrained: bool = True) -> None:
        """Images are another module's."""

    def make_dilated(self, output_stride: int) -> None:
        """So is dilation."""


def _supplier() -> Any:
    try:
        return importlib.import_module("segmentation_models_pytorch")
    except ImportError as error:
        raise MissingExtraError("a U-Net, or another decoder of segmentation-models-pytorch,", "segment") from error


_ALL = ((2, 4, 8, 16, 32), (4, 8, 16, 32), (2, 4, 8, 16), (2, 4, 8), (2, 4))
"""ConvNeXt and Swin have no map of stride 2, and small networks none of the coarsest strides."""
_FOUR = ((4, 8, 16, 32),)
UNET = Supplied("unet", "Unet", _ALL, depth=None)
UNETPLUSPLUS = Supplied("unetplusplus", "UnetPlusPlus", _ALL, depth=None)
MANET = Supplied("manet", "MAnet", _ALL, depth=None)
LINKNET = Supplied("linknet", "Linknet", _ALL, depth=None)
FPN = Supplied("fpn", "FPN", _FOUR)
PSPNET = Supplied("pspnet", "PSPNet", ((8,),), depth=3)
PAN = Supplied("pan", "PAN", _FOUR, fixed=(("encoder_output_stride", 32),))
UPERNET = Supplied("upernet", "UPerNet", _FOUR)
SEGFORMER = Supplied("segformer", "Segformer", _FOUR)
DEEPLABV3 = Supplied("deeplabv3", "DeepLabV3", ((),), dilates=(8, 16))
DEEPLABV3PLUS = Supplied("deeplabv3plus", "DeepLabV3Plus", ((4,),), dilates=(16, 8))
