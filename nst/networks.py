"""Convolutional networks cut at named layers: VGG-19 (Simonyan & Zisserman 2014).

The network judges pictures and is never trained here. Layers are named as in the papers,
``relu{block}_{index}``, and only what lies before the deepest layer asked for is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"
POOLINGS = ("max", "average")

# Convolutions per block and their channels; the keys of published weights count convolutions,
# rectifiers and poolings together, as torchvision does ("features.0", "features.2", "features.5").
BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
MEAN = (0.485, 0.456, 0.406)  # of ImageNet's RGB in 0..1, which these weights expect removed
STD = (0.229, 0.224, 0.225)


def _layout() -> dict[str, tuple[int, tuple[int, int]]]:
    """Layer name -> (index in ``features``, (output channels, input channels))."""
    layout, index, inputs = {}, 0, 3
    for block, (count, channels) in enumerate(BLOCKS, start=1):
        for number in range(1, count + 1):
            layout[f"relu{block}_{number}"] = (index, (channels, inputs))
            index, inputs = index + 2, channels
        index += 1
    return layout


LAYOUT = _layout()
SHAPES = {
    f"features.{index}.{kind}": (outputs, inputs, 3, 3) if kind == "weight" else (outputs,)
    for index, (outputs, inputs) in LAYOUT.values()
    for kind in ("weight", "bias")
}
"""Name and shape of every tensor that ``VGG19`` needs: 16 convolutions, 80 MB in float32."""


class VGG19(nn.Module):
    """The convolutions of VGG-19, in evaluation, with max or average pooling.

    ``weights`` maps the names of ``SHAPES`` to tensors of any float type. Gatys et al. (2016)
    rescale the network so that no layer's activations dwarf another's; rectifiers and poolings
    let a factor pass, so here each layer is brought to weights of norm one per output channel
    on average, however the published file happened to be scaled; what remains of that is rounding.
    """

    def __init__(self, weights: Mapping[str, Tensor], pooling: str = "max") -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is one of {POOLINGS}, not {pooling!r}")
        self.pooling = pooling
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.convolutions = nn.ModuleDict()
        scale = 1.0  # what the layer's input was divided by
        for layer, (index, (outputs, inputs)) in LAYOUT.items():
            weight = weights[f"features.{index}.weight"].double() * scale
            scale = float(weight.norm()) / outputs**0.5
            convolution = nn.utils.skip_init(nn.Conv2d, inputs, outputs, 3, padding=1)
            convolution.weight.data.copy_(weight / scale)
            convolution.bias.data.copy_(weights[f"features.{index}.bias"].double() / scale)
            self.convolutions[layer] = convolution
        self.eval().requires_grad_(False)

    def forward(
        self, picture: Tensor, layers: Iterable[str], watch: Callable[[], None] | None = None
    ) -> dict[str, Tensor]:
        """``picture`` is ``[N, 3, H, W]`` in 0..1, H and W at least 16; returns the activations of
        ``layers``, each ``[N, C, H / 2**(block-1), W / 2**(block-1)]``, none negative.

        ``watch`` is called after every convolution, on the way back as well, so that a caller
        can leave in the middle of a pass by raising. Raises ValueError for an unknown layer.
        """
        wanted = set(layers)
        if unknown := wanted - LAYOUT.keys():
            raise ValueError(f"VGG-19 has no layer {sorted(unknown)}; it has {list(LAYOUT)}")
        weight = self.convolutions["relu1_1"].weight
        x = ((picture - self.mean) / self.std).to(weight.dtype)
        if weight.is_contiguous(memory_format=torch.channels_last):
            x = x.contiguous(memory_format=torch.channels_last)
        pool = F.max_pool2d if self.pooling == "max" else F.avg_pool2d
        found: dict[str, Tensor] = {}
        block = "1"
        for layer, convolution in self.convolutions.items():
            if layer[4] != block:
                x, block = pool(x, 2), layer[4]
            x = F.relu(convolution(x))
            if watch is not None:
                watch()
                if x.requires_grad:
                    x.register_hook(lambda gradient: watch())
            if layer in wanted:
                found[layer] = x
                if len(found) == len(wanted):
                    break
        return found
