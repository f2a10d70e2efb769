"""The loss networks, by name and without loading one: their layers, options and costs; and the schedules that say which
of them is used at which scales.

A new network needs a ``Kind`` here, a module beside this one that implements ``Backbone``, and loading code in
``loading.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Layer(NamedTuple):
    """``stride`` is how many pixels of the picture an activation stands for, in each direction; ``reach`` is how many
    more pixels its receptive field has on each side of these."""

    channels: int
    stride: int
    reach: int


@dataclass(frozen=True, eq=False)
class Kind:
    """A loss network. ``style_layers`` and ``content_layers`` are those that can be requested, shallow to deep;
    ``shipped`` says that it comes with this program. ``cost`` is the time per pixel relative to VGG-19, and
    ``overhead`` the side of a picture that takes as long as the fixed time of a call: both are for estimates before
    anything was timed."""

    name: str
    layers: Mapping[str, Layer]
    style_layers: tuple[str, ...]
    content_layer: str
    content_layers: tuple[str, ...]
    poolings: tuple[str, ...]
    shipped: bool
    cost: float
    overhead: int

    @property
    def aligned(self) -> int:
        """The deepest stride in use, in pixels: patches begin at multiples of it."""
        return max(self.layers[layer].stride for layer in self.style_layers)

    def margin(self, content_layer: str | None = None) -> int:
        """Return how many pixels around a patch affect the activations inside it, rounded up to a multiple of
        ``aligned``."""
        used = (*self.style_layers, content_layer or self.content_layer)
        reach = max(self.layers[layer].reach for layer in used)
        return -(-reach // self.aligned) * self.aligned

    def can(self, pooling: str, content_layer: str) -> bool:
        """Return whether it supports this pooling and this content layer."""
        return pooling in self.poolings and content_layer in self.content_layers


# Convolutions per block of VGG-19 (Simonyan & Zisserman 2014), and their channels; nothing uses the last two of 16.
VGG_BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (2, 512))
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"


def _vgg_layers() -> dict[str, Layer]:
    """Return the layers ``relu{block}_{index}``: 3 x 3 convolutions, and 2 x 2 pooling between blocks."""
    layers, reach = {}, 0
    for block, (count, channels) in enumerate(VGG_BLOCKS):
        for index in range(count):
            reach += 2**block
            layers[f"relu{block + 1}_{index + 1}"] = Layer(channels, 2**block, reach)
    return layers


# The keys of published weights count convolutions, ReLUs and poolings together, as torchvision does ("features.0",
# "features.2", "features.5").
def _vgg_layout() -> dict[str, tuple[int, tuple[int, int]]]:
    """Map layer names to (index in ``features``, (output channels, input channels))."""
    layout, index, inputs = {}, 0, 3
    for block, (count, channels) in enumerate(VGG_BLOCKS, start=1):
        for number in range(1, count + 1):
            layout[f"relu{block}_{number}"] = (index, (channels, inputs))
            index, inputs = index + 2, channels
        index += 1
    return layout


VGG_LAYOUT = _vgg_layout()
VGG_SHAPES = {
    f"features.{index}.{kind}": (outputs, inputs, 3, 3) if kind == "weight" else (outputs,)
    for index, (outputs, inputs) in VGG_LAYOUT.values()
    for kind in ("weight", "bias")
}
"""Name and shape of every tensor that ``VGG19`` needs: 14 convolutions, 61 MB in float32."""


_VGG = _vgg_layers()
_SEEN = {"relu1_1": 24, "relu2_1": 64, "relu3_1": 128, "relu4_1": 192, "relu4_2": 192, "relu5_1": 512}

VGG19 = Kind(
    name="vgg19",
    layers=_VGG,
    style_layers=STYLE_LAYERS,
    content_layer=CONTENT_LAYER,
    content_layers=("relu2_2", "relu3_2", "relu4_2", "relu5_2"),
    poolings=("max", "average"),
    shipped=False,
    cost=1.0,
    overhead=50,
)
STUDENT = Kind(
    name="student",
    layers={layer: _VGG[layer]._replace(channels=channels) for layer, channels in _SEEN.items()},
    style_layers=STYLE_LAYERS,
    content_layer=CONTENT_LAYER,
    content_layers=(CONTENT_LAYER,),
    poolings=("max",),
    shipped=True,
    cost=0.32,
    overhead=95,
)
KINDS = {kind.name: kind for kind in (VGG19, STUDENT)}

FINISH = 0.27  # default share of VGG-19 in a run's steps, if it finishes what the small network has begun
QUICK = 60  # default number of steps with the small network


@dataclass(frozen=True)
class Schedule:
    """Which loss network is used at the coarse scales, and which at the last one; and the default number of steps.

    ``precise`` says that the coarse scales are computed in float32: their strokes should not depend on how the weights
    file is scaled. ``finest_rate`` is then a factor on the learning rate at full size: in a less precise dtype, longer
    steps would let rounding errors grow into different strokes."""

    coarse: Kind
    fine: Kind
    steps: int
    precise: bool = False
    finest_rate: float = 1.0

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Its networks, each once."""
        return tuple(dict.fromkeys((self.coarse, self.fine)))

    @property
    def finishes(self) -> bool:
        """Whether the last steps, at full size, use another network."""
        return self.coarse is not self.fine

    def can(self, pooling: str, content_layer: str) -> bool:
        """Return whether all its networks support this pooling and this content layer."""
        return all(kind.can(pooling, content_layer) for kind in self.kinds)


SCHEDULES = {
    "vgg19": Schedule(VGG19, VGG19, 120, precise=True, finest_rate=0.5),
    "student": Schedule(STUDENT, STUDENT, QUICK),
    "both": Schedule(STUDENT, VGG19, round(QUICK / (1 - FINISH))),
}
"""By the names that the setting ``network`` has for them."""
FULL = "vgg19"  # the one that supports every setting
