"""The feed-forward network: one pass from photograph to painting; a style is one vector.

Two cores decide its shape. The classic network (Johnson et al. 2016) spends its time in layers at full and quarter
resolution; here nothing is computed at full resolution, the first layer striding over two pixels and the last making
two by two at once, and the residual blocks work at an eighth, where a channel is cheap and a stroke is wide. No
shortcut leads around them: with one, the network learned to let the photograph through, tinted and in blotches.

Milliseconds for one picture through ONNX Runtime on two threads of an AMD EPYC server, medians in one run, and how many
times faster than the classic network; channels at a half, quarter and eighth of the resolution, residual blocks at an
eighth and at a quarter (all with shortcuts, which went later, and without the stroke field):

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

With the residual blocks in 8 bits (static, one scale per channel) a 512 px picture took 74 instead of 115 ms, at 49 to
54 dB from the float one, invisible. Not shipped: PyTorch and the file would no longer agree, and processors without
8-bit dot products round differently.

Enlarging is by nearest neighbor before a convolution, which leaves no checkerboard (Odena et al. 2016), and what the
last layer makes, four pixels at a time, is softened by a kernel that stops the grid such a layer could leave.

Every normalization is conditional (Dumoulin et al. 2016). Its scales and shifts come from outside, with the gains of
the stroke field, as one vector: styles mix as their vectors do. The dose works inside the network too. The vector
leads from the identity's to the style's, and the photo joins the output with the identity's share, ``y = (1 - s) x + s
D(x, s)``, where D is trained at every s and reaches beyond black and white, so that a half dose is a lighter hand and
not a painting faded over a photo."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nst.feedforward.field import CHANNELS

EPSILON = 1e-5  # of a variance
REACH = 0.25  # how far D may go beyond 0..1


class Style:
    """A style's vector ``[N or 1, length]``, taken apart in the order in which the network needs its parts."""

    def __init__(self, vector: Tensor) -> None:
        self.vector, self.taken = vector, 0

    def take(self, channels: int) -> Tensor:
        """The next values, ``[N or 1, channels, 1, 1]``."""
        part = self.vector[:, self.taken : self.taken + channels]
        self.taken += channels
        return part[:, :, None, None]


class Statistics:
    """Means and variances of every normalization, in the order they are met.

    With ``given`` ``[2, channels in all]`` these are used, as for a tile of a larger picture; else they are measured
    over all pictures of the batch together, as if they were parts of one. ``share`` (0..1, a scalar) says how much of
    the given goes in."""

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
    """Instance normalization whose scales and shifts are the style's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels, self.values = channels, 2 * channels

    def forward(self, x: Tensor, style: Style, statistics: Statistics | None = None) -> Tensor:
        scale, shift = style.take(self.channels), style.take(self.channels)
        if statistics is None:
            return F.instance_norm(x, eps=EPSILON) * scale + shift
        mean, variance = statistics.of(x)
        factor = scale / (variance + EPSILON).sqrt()
        return x * factor + (shift - mean * factor)


class Strokes(nn.Module):
    """Adds the stroke field, averaged over squares of ``stride`` pixels, by as much as the style wants of it."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.channels, self.values, self.stride = channels, channels, stride
        self.conv = nn.Conv2d(CHANNELS, channels, 1, bias=False)

    def forward(self, x: Tensor, field: Tensor, style: Style) -> Tensor:
        return x + style.take(self.channels) * self.conv(F.avg_pool2d(field, self.stride))


def softening(colors: int = 3) -> Tensor:
    """The convolution ``[4 colors, 4 colors, 3, 3]`` that, between four pixels made together and their place in the
    picture (``F.pixel_shuffle``), does what the kernel [1 2 1] / 4 both ways does to the picture. It lets nothing pass
    that changes from pixel to pixel: a difference between the four cannot become a grid."""
    kernel = torch.zeros(colors, 2, 2, colors, 2, 2, 3, 3)
    near = {-1: 0.25, 0: 0.5, 1: 0.25}
    for row, column, down, across in itertools.product((0, 1), (0, 1), near, near):
        (rows, y), (columns, x) = divmod(row + down, 2), divmod(column + across, 2)
        for color in range(colors):
            kernel[color, row, column, color, y, x, 1 + rows, 1 + columns] += near[down] * near[across]
    return kernel.reshape(4 * colors, 4 * colors, 3, 3)


class Block(nn.Module):
    """Reflection padding, convolution, conditional normalization."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d((kernel - 1) // 2)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=False)
        self.norm = ConditionalNorm(outputs)

    def forward(self, x: Tensor, style: Style, statistics: Statistics | None = None) -> Tensor:
        return self.norm(self.conv(self.pad(x)), style, statistics)


class Enlarging(nn.Module):
    """Enlarging to twice the sides by nearest neighbor, a 3x3 convolution, conditional normalization.

    A convolution that meets every pixel four times over is one transposed convolution of the small picture, with less
    than half of the multiplications and no large picture in between."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, bias=False)
        self.norm = ConditionalNorm(outputs)

    def forward(self, x: Tensor, style: Style, statistics: Statistics | None = None) -> Tensor:
        wide = F.pad(self.conv.weight, (1, 1, 1, 1))
        kernel = wide[..., 1:, 1:] + wide[..., 1:, :-1] + wide[..., :-1, 1:] + wide[..., :-1, :-1]
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        x = F.conv_transpose2d(x, kernel.flip(2, 3).transpose(0, 1), stride=2, padding=3)
        return self.norm(x, style, statistics)


class Residual(nn.Module):
    """Two blocks and a shortcut around them (He et al. 2015)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = Block(channels, channels), Block(channels, channels)

    def forward(self, x: Tensor, style: Style, statistics: Statistics | None = None) -> Tensor:
        return x + self.second(F.relu(self.first(x, style, statistics)), style, statistics)


class StyleNetwork(nn.Module):
    """``forward(photo, field, vector, dose)``: photo ``[N, 3, H, W]`` in 0..1, H and W multiples of 8, at least 16; the
    stroke field ``[N, CHANNELS, H, W]`` of the same pixels (``field.py``); vector ``[N or 1, self.length]``; dose
    ``[N or 1]``, 0 for the photo, 1 for the full style. The vector is what lies at this dose between the identity's and
    the style's. Returns the paintings, ``[N, 3, H, W]``, in 0..1 except while training."""

    def __init__(self, widths: tuple[int, int, int] = (16, 48, 128), eighths: int = 5, quarters: int = 1) -> None:
        super().__init__()
        half, quarter, eighth = widths
        self.config = {"widths": list(widths), "eighths": eighths, "quarters": quarters}
        self.down1 = Block(3 + CHANNELS, half, stride=2, kernel=6)
        self.down2 = Block(half, quarter, stride=2)
        self.down3 = Block(quarter, eighth, stride=2)
        self.strokes8 = Strokes(eighth, 8)
        self.eighths = nn.ModuleList(Residual(eighth) for _ in range(eighths))
        self.up1 = Enlarging(eighth, quarter)
        self.strokes4 = Strokes(quarter, 4)
        self.quarters = nn.ModuleList(Residual(quarter) for _ in range(quarters))
        self.up2 = Enlarging(quarter, half)
        self.pad = nn.ReflectionPad2d(1)
        self.out = nn.Conv2d(half, 12, 3)
        self.register_buffer("softening", softening(), persistent=False)

    @property
    def length(self) -> int:
        """Of a style's vector."""
        return sum(m.values for m in self.modules() if isinstance(m, ConditionalNorm | Strokes))

    @property
    def channels(self) -> int:
        """Of all normalizations together."""
        return sum(m.channels for m in self.modules() if isinstance(m, ConditionalNorm))

    def neutral(self) -> Tensor:
        """The vector ``[self.length]`` that normalizes and does nothing else: scales of 1, shifts and gains of 0."""
        parts = []
        for module in self.modules():  # in the order of their definition, which is that of their use
            if isinstance(module, ConditionalNorm):
                parts += [torch.ones(module.channels), torch.zeros(module.channels)]
            elif isinstance(module, Strokes):
                parts.append(torch.zeros(module.channels))
        return torch.cat(parts)

    def forward(
        self, photo: Tensor, field: Tensor, vector: Tensor, dose: Tensor, statistics: Statistics | None = None
    ) -> Tensor:
        style = Style(vector)
        x = torch.cat([4 * photo - 2, field], dim=1)
        for down in (self.down1, self.down2, self.down3):
            x = F.relu(down(x, style, statistics))
        x = self.strokes8(x, field, style)
        for block in self.eighths:
            x = block(x, style, statistics)
        x = F.relu(self.up1(x, style, statistics))
        x = self.strokes4(x, field, style)
        for block in self.quarters:
            x = block(x, style, statistics)
        x = F.relu(self.up2(x, style, statistics))
        drawn = F.conv2d(F.pad(self.out(self.pad(x)), (1, 1, 1, 1), mode="replicate"), self.softening)
        drawn = F.pixel_shuffle(drawn, 2)
        painting = (1 + 2 * REACH) * torch.sigmoid(drawn) - REACH
        share = dose[:, None, None, None].clamp(0, 1)
        mixed = (1 - share) * photo + share * painting
        return mixed if self.training else mixed.clamp(0, 1)
