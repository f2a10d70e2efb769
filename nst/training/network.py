"""The fast network: one pass from photograph to painting, several styles in one set of weights.

Two cores decide its shape. The classic network (Johnson et al. 2016) spends its time in layers at
full and quarter resolution; here nothing is computed at full resolution, two pixels by two becoming
channels first and pixels again at the end, and the residual blocks work at an eighth, where a
channel is cheap and a stroke is wide. No shortcut leads around them: with one, the network learned to
let the photograph through, tinted and in blotches, and no strokes.

Milliseconds for one picture through ONNX Runtime on two threads of an AMD EPYC server, medians in one
run, and how many times faster than the classic network; channels at a half, quarter and eighth of
the resolution, residual blocks at an eighth and at a quarter (all with shortcuts, which went later):

========================  ==========  ===========  ===========
network                   parameters  512 x 512    1024 x 1024
========================  ==========  ===========  ===========
classic                   1.68 M      546          2384
32-64, 0 + 5              0.43 M      107 (5.1 x)  470 (5.1 x)
32-96, 0 + 3              0.58 M      130 (4.2 x)  594 (4.0 x)
32-64-96, 5 + 1           1.09 M      122 (4.5 x)  436 (5.5 x)
32-64-128, 5 + 1          1.78 M      130 (4.2 x)  553 (4.3 x)
32-64-128, 4 + 2          1.56 M      149 (3.7 x)  581 (4.1 x)
32-64-160, 5 + 1          2.66 M      191 (2.9 x)  713 (3.3 x)
16-48-128, 5 + 1 (ours)   1.69 M      121 (4.5 x)  466 (5.1 x)
========================  ==========  ===========  ===========

Enlarging is by nearest neighbor before a convolution, which leaves no checkerboard (Odena et al.
2016), and what the last layer makes, four pixels at a time, is softened by a kernel that stops the
grid such a layer could leave.

Every normalization is conditional (Dumoulin et al. 2016): scale and shift are a weighted sum over
the styles, so styles mix, and the weight that no style takes goes to an identity style. The dose
works inside the network: the photo itself joins the output with the identity's share,
``y = (1 - s) x + s D(x, s)``, and D is trained at every s and reaches beyond black and white, so
that a half dose is a lighter hand and not a painting faded over a photo.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-5  # of a variance
REACH = 0.25  # how far D may go beyond 0..1


class Statistics:
    """Means and variances of every normalization, in the order they are met.

    With ``given`` ``[2, channels in all]`` these are used, as for a tile of a larger picture;
    else they are measured over all pictures of the batch together, as if they were parts of one.
    ``share`` (0..1, a scalar) says how much of the given goes in."""

    def __init__(self, given: Tensor, share: Tensor) -> None:
        self.given, self.share, self.met = given, share, 0
        self.found: list[Tensor] = []

    def of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance for ``[N, C, H, W]``, each ``[1, C, 1, 1]``."""
        mean = x.mean(dim=(0, 2, 3), keepdim=True)
        variance = (x - mean).square().mean(dim=(0, 2, 3), keepdim=True)
        known = self.given[:, self.met : self.met + x.shape[1]].reshape(2, 1, x.shape[1], 1, 1)
        self.met += x.shape[1]
        # In this form a share of 1 gives what was given to the last bit.
        mean = (1 - self.share) * mean + self.share * known[0]
        variance = (1 - self.share) * variance + self.share * known[1]
        self.found.append(torch.stack([mean.flatten(), variance.flatten()]))
        return mean, variance


class ConditionalNorm(nn.Module):
    """Instance normalization with one scale and one shift per style; row 0 is the identity."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles + 1, channels))
        self.shift = nn.Parameter(torch.zeros(styles + 1, channels))

    def forward(self, x: Tensor, shares: Tensor, statistics: Statistics | None = None) -> Tensor:
        scale, shift = ((shares @ rows)[:, :, None, None] for rows in (self.scale, self.shift))
        if statistics is None:
            return F.instance_norm(x, eps=EPSILON) * scale + shift
        mean, variance = statistics.of(x)
        factor = scale / (variance + EPSILON).sqrt()
        return x * factor + (shift - mean * factor)


def soften(picture: Tensor) -> Tensor:
    """``[N, C, H, W]`` through the kernel [1 2 1] / 4, both ways. It lets nothing pass that changes from
    pixel to pixel: a difference between the four pixels made together cannot become a grid."""
    x = F.pad(picture, (1, 1, 1, 1), mode="reflect")
    for _ in range(2):
        x = x[..., 1:, :] + x[..., :-1, :]
        x = x[..., :, 1:] + x[..., :, :-1]
    return x / 16


class Block(nn.Module):
    """Reflection padding, convolution, conditional normalization."""

    def __init__(self, inputs: int, outputs: int, styles: int, stride: int = 1) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, bias=False)
        self.norm = ConditionalNorm(outputs, styles)

    def forward(self, x: Tensor, shares: Tensor, statistics: Statistics | None = None) -> Tensor:
        return self.norm(self.conv(self.pad(x)), shares, statistics)


class Residual(nn.Module):
    """Two blocks and a shortcut around them (He et al. 2015)."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.first = Block(channels, channels, styles)
        self.second = Block(channels, channels, styles)

    def forward(self, x: Tensor, shares: Tensor, statistics: Statistics | None = None) -> Tensor:
        return x + self.second(F.relu(self.first(x, shares, statistics)), shares, statistics)


class StyleNetwork(nn.Module):
    """``forward(photo, mix)``: photo ``[N, 3, H, W]`` in 0..1, H and W multiples of 8, at least 16;
    mix ``[N or 1, styles]``, the dose of each style (their sum is the strength, 1 the full style).
    Returns the paintings, ``[N, 3, H, W]``, in 0..1 except while training."""

    def __init__(
        self,
        styles: int = 1,
        widths: tuple[int, int, int] = (16, 48, 128),
        eighths: int = 5,
        quarters: int = 1,
    ) -> None:
        super().__init__()
        half, quarter, eighth = widths
        self.config = {"styles": styles, "widths": list(widths), "eighths": eighths, "quarters": quarters}
        self.down1 = Block(12, half, styles)
        self.down2 = Block(half, quarter, styles, stride=2)
        self.down3 = Block(quarter, eighth, styles, stride=2)
        self.eighths = nn.ModuleList(Residual(eighth, styles) for _ in range(eighths))
        self.up1 = Block(eighth, quarter, styles)
        self.quarters = nn.ModuleList(Residual(quarter, styles) for _ in range(quarters))
        self.up2 = Block(quarter, half, styles)
        self.pad = nn.ReflectionPad2d(1)
        self.out = nn.Conv2d(half, 12, 3)

    @property
    def channels(self) -> int:
        """Of all normalizations together."""
        return sum(m.scale.shape[1] for m in self.modules() if isinstance(m, ConditionalNorm))

    def forward(self, photo: Tensor, mix: Tensor, statistics: Statistics | None = None) -> Tensor:
        strength = mix.sum(dim=1, keepdim=True)
        shares = torch.cat([1 - strength, mix], dim=1)
        x = F.pixel_unshuffle(4 * photo - 2, 2)
        for down in (self.down1, self.down2, self.down3):
            x = F.relu(down(x, shares, statistics))
        for block in self.eighths:
            x = block(x, shares, statistics)
        x = F.relu(self.up1(F.interpolate(x, scale_factor=2, mode="nearest"), shares, statistics))
        for block in self.quarters:
            x = block(x, shares, statistics)
        x = F.relu(self.up2(F.interpolate(x, scale_factor=2, mode="nearest"), shares, statistics))
        drawn = soften(F.pixel_shuffle(self.out(self.pad(x)), 2))
        painting = (1 + 2 * REACH) * torch.sigmoid(drawn) - REACH
        dose = strength[:, :, None, None].clamp(0, 1)
        mixed = (1 - dose) * photo + dose * painting
        return mixed if self.training else mixed.clamp(0, 1)
