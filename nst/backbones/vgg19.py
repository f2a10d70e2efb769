"""VGG-19 (Simonyan & Zisserman 2014) as a loss network, cut at named layers.

It is never trained here. Layers are named as in the papers, ``relu{block}_{index}``, and layers after the deepest one
requested are not computed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from nst.backbones.kinds import VGG19 as KIND
from nst.backbones.kinds import VGG_LAYOUT as LAYOUT
from nst.backbones.kinds import Kind

MEAN = (0.485, 0.456, 0.406)  # of ImageNet's RGB in 0..1, with which these weights expect pictures normalized
STD = (0.229, 0.224, 0.225)
SOFTNESS = 0.4  # width, in mean activations, over which the gradient rises instead of jumping


def _reference() -> Tensor:
    """Return a picture ``[1, 3, 96, 96]`` in 0..1 with contrast at every scale, like photographs."""
    generator = torch.Generator().manual_seed(0)
    octaves = [torch.randn(1, 3, side, side, generator=generator) for side in (3, 6, 12, 24, 48, 96)]
    return (0.5 + 0.12 * sum(F.interpolate(o, (96, 96), mode="bilinear") for o in octaves)).clamp(0, 1)


class _Rectifier(torch.autograd.Function):
    """ReLU, ``max(0, x)``, in place; its slope rises from 0 to 1 over ``SOFTNESS`` above 0 instead of jumping."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x.relu_())
        ctx.save_for_backward(x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return (y * (1 / SOFTNESS)).clamp_(max=1).mul_(gradient)


class _MaxPool(torch.autograd.Function):
    """2 x 2 max pooling; all inputs within ``SOFTNESS`` of the largest share its gradient, more the nearer they are."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        largest = F.max_pool2d(x, 2)
        ctx.save_for_backward(x, largest)
        return largest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        x, largest = ctx.saved_tensors
        height, width = (2 * side for side in largest.shape[-2:])  # an odd last row or column is not pooled
        corners = [(slice(row, height, 2), slice(column, width, 2)) for row in (0, 1) for column in (0, 1)]
        # In this order the largest itself always keeps a share, however low the dtype's precision.
        shares = [(x[..., rows, columns] - largest).add_(SOFTNESS).clamp_(min=0) for rows, columns in corners]
        whole = gradient / sum(shares)
        back = torch.empty_like(x) if x.shape[-2:] == (height, width) else torch.zeros_like(x)
        for (rows, columns), share in zip(corners, shares, strict=True):
            back[..., rows, columns] = share.mul_(whole)
        return back


class VGG19(nn.Module):
    """The convolutions of VGG-19, in evaluation mode, with max or average pooling.

    ``weights`` maps the names of ``SHAPES`` to tensors of any float type; the last layers may be missing. As in Gatys
    et al. (2016) the network is rescaled so that every layer's mean activation is 1, here on a synthetic picture and
    with max pooling. ReLU and pooling commute with a positive factor, so the scaling of the published file does not
    matter, except for rounding.

    Activations are those of plain ReLU and pooling. Their gradient is replaced by a continuous one: a ReLU's slope and
    the choice of a maximum jump, and a single unit that switches because of the last bit of rounding changes a small
    picture's gradient by a hundredth. Over a hundred steps this leads to a different picture; without the jumps it does
    not."""

    kind: Kind = KIND
    trust: Mapping[str, float] = {}  # factors on the layers' style losses, if not 1

    def __init__(self, weights: Mapping[str, Tensor], pooling: str = "max") -> None:
        super().__init__()
        if pooling not in KIND.poolings:
            raise ValueError(f"pooling is one of {KIND.poolings}, not {pooling!r}")
        self.pooling = pooling
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.convolutions = nn.ModuleDict()
        scale = 1.0  # what the layer's input was divided by
        x, block = (_reference() - self.mean) / self.std, "1"
        for layer, (index, (outputs, inputs)) in LAYOUT.items():
            if self.convolutions and f"features.{index}.weight" not in weights:
                break
            if layer[4] != block:
                x, block = F.max_pool2d(x, 2), layer[4]
            weight = weights[f"features.{index}.weight"].double() * scale
            bias = weights[f"features.{index}.bias"].double()
            found = F.relu(F.conv2d(x, weight.float(), bias.float(), padding=1))
            scale = float(found.double().mean()) or 1.0
            convolution = nn.utils.skip_init(nn.Conv2d, inputs, outputs, 3, padding=1)
            convolution.weight.data.copy_(weight / scale)
            convolution.bias.data.copy_(bias / scale)
            self.convolutions[layer] = convolution
            x = found / scale
        self.eval().requires_grad_(False)

    @property
    def number(self) -> torch.dtype:
        """The dtype that it computes in."""
        return self.convolutions["relu1_1"].weight.dtype

    def computing_in(self, number: torch.dtype) -> VGG19:
        """Convert the network to this dtype, in place, and return it."""
        self.convolutions.to(number)
        return self

    def content_layers_at(self, layer: str) -> dict[str, float]:
        """Return the layers where structure is compared if ``layer`` is requested, and their shares."""
        return {layer: 1.0}

    def forward(
        self, picture: Tensor, layers: Iterable[str], watch: Callable[[], None] | None = None
    ) -> dict[str, Tensor]:
        """Compute the activations of ``layers``, each ``[N, C, H / 2**(block-1), W / 2**(block-1)]``, none negative;
        ``picture`` is ``[N, 3, H, W]`` in 0..1, H and W at least 16.

        ``watch`` is called after every convolution, in the backward pass as well, so that a caller can abort a pass by
        raising. Raises ValueError for an unknown layer."""
        wanted = set(layers)
        if unknown := wanted - self.convolutions.keys():
            raise ValueError(f"VGG-19 has no layer {sorted(unknown)} here; it has {list(self.convolutions)}")
        weight = self.convolutions["relu1_1"].weight
        x = ((picture - self.mean) / self.std).to(self.number)
        if weight.is_contiguous(memory_format=torch.channels_last):
            x = x.contiguous(memory_format=torch.channels_last)
        pool = _MaxPool.apply if self.pooling == "max" else functools.partial(F.avg_pool2d, kernel_size=2)
        found: dict[str, Tensor] = {}
        block = "1"
        for layer, convolution in self.convolutions.items():
            if layer[4] != block:
                x, block = pool(x), layer[4]
            x = _Rectifier.apply(convolution(x))
            if watch is not None:
                watch()
                if x.requires_grad:
                    x.register_hook(lambda gradient: watch())
            if layer in wanted:
                found[layer] = x
                if len(found) == len(wanted):
                    break
        return found
