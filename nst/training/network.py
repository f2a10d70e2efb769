"""The fast network: one pass from photograph to painting, several styles in one set of weights.

An encoder to a quarter of the resolution, residual blocks there, and a decoder that enlarges by
nearest neighbor before it convolves, which leaves no checkerboard (Odena et al. 2016). Every
normalization is conditional (Dumoulin et al. 2016): scale and shift are a weighted sum over the
styles, so styles mix, and the weight that no style takes goes to an identity style.

The dose works inside the network: the photo itself joins the output with the identity's share,
``y = (1 - s) x + s D(x, s)``, and D is trained at every s, so that a half dose is a lighter hand
and not a painting faded over a photo.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nst.networks import MEAN, STD


class ConditionalNorm(nn.Module):
    """Instance normalization with one scale and one shift per style; row 0 is the identity."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles + 1, channels))
        self.shift = nn.Parameter(torch.zeros(styles + 1, channels))

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        # One-dimensional scale and shift keep this a single InstanceNormalization when exported.
        return F.instance_norm(x, weight=shares @ self.scale, bias=shares @ self.shift)


class Block(nn.Module):
    """Reflection padding, convolution, conditional normalization."""

    def __init__(self, inputs: int, outputs: int, styles: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(kernel // 2)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=False)
        self.norm = ConditionalNorm(outputs, styles)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        return self.norm(self.conv(self.pad(x)), shares)


class Residual(nn.Module):
    """Two blocks and a shortcut around them (He et al. 2015)."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.first = Block(channels, channels, styles)
        self.second = Block(channels, channels, styles)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(x, shares)), shares)


class StyleNetwork(nn.Module):
    """``forward(photo, mix)``: photo ``[N, 3, H, W]`` in 0..1, H and W multiples of 4, at least 16;
    mix ``[styles]``, the dose of each style (their sum is the strength, 1 the full style).
    Returns the painting, ``[N, 3, H, W]`` in 0..1."""

    def __init__(self, styles: int = 1, widths: tuple[int, int, int] = (16, 32, 96), blocks: int = 5) -> None:
        super().__init__()
        full, half, quarter = widths
        self.config = {"styles": styles, "widths": list(widths), "blocks": blocks}
        self.down1 = Block(12, half, styles)
        self.down2 = Block(half, quarter, styles, stride=2)
        self.residuals = nn.ModuleList(Residual(quarter, styles) for _ in range(blocks))
        self.up1 = Block(quarter, half, styles)
        self.up2 = Block(half, full, styles)
        self.pad = nn.ReflectionPad2d(2)
        self.out = nn.Conv2d(full, 3, 5)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, photo: Tensor, mix: Tensor) -> Tensor:
        strength = mix.sum()
        shares = torch.cat([(1 - strength)[None], mix])
        x = F.pixel_unshuffle((photo - self.mean) / self.std, 2)
        x = F.relu(self.down1(x, shares))
        x = F.relu(self.down2(x, shares))
        for residual in self.residuals:
            x = residual(x, shares)
        x = F.relu(self.up1(F.interpolate(x, scale_factor=2, mode="nearest"), shares))
        x = F.relu(self.up2(F.interpolate(x, scale_factor=2, mode="nearest"), shares))
        painting = torch.sigmoid(self.out(self.pad(x)))
        dose = strength.clamp(0, 1)
        return (1 - dose) * photo + dose * painting
