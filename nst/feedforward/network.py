"""The feed-forward network: paints a photograph in one pass, in the style given by one vector.

Its architecture is designed for two CPU cores. The classic network (Johnson et al. 2016) spends its time in layers at
full and quarter resolution. Here nothing is computed at full resolution: the first layer has a stride of two pixels,
and the last one outputs two by two pixels at once. The residual blocks work at an eighth, where channels are cheap and
strokes are wide. No skip connection bypasses them: with one, the network learned to let the photograph through, tinted
and blotchy.

Milliseconds per picture with ONNX Runtime on two threads of an AMD EPYC server, medians in one run, and the speedup
over the classic network. Networks are named by their channels at a half, quarter and eighth of the resolution, and
their residual blocks at an eighth and at a quarter. All have skip connections, which were removed later, and no stroke
field:

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

With 8-bit residual blocks (static quantization, one scale per channel) a 512 px picture took 74 instead of 115 ms, at
49 to 54 dB from the float version, which is invisible. This is not shipped: PyTorch and the file would no longer agree,
and processors without 8-bit dot products round differently.

Upsampling is nearest-neighbor before a convolution, which avoids checkerboard artifacts (Odena et al. 2016). The last
layer outputs four pixels at a time, and a smoothing kernel prevents the grid that such a layer could leave.

Every normalization is conditional (Dumoulin et al. 2016). Its scales and shifts come from outside, together with the
gains of the stroke field, as one vector, so mixing styles means mixing vectors. The dose, the strength of the style,
acts inside the network too: the vector is interpolated from the identity's to the style's, and the photo is added to
the output with the identity's share, ``y = (1 - s) x + s D(x, s)``. D is trained at every s and reaches beyond black
and white, so that a half dose is a lighter hand and not a painting blended over a photo.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nst.feedforward.field import CHANNELS

EPSILON = 1e-5  # added to a variance
REACH = 0.25  # how far D's range extends beyond 0..1


class Style:
    """A style vector ``[N or 1, length]``, split into parts in the order in which the network uses them; or several,
    ``[R, length]``, each with its share of every pixel, ``places`` ``[N, R, H, W]``. ``stride`` is how many pixels of
    the picture an activation stands for where the network is now."""

    def __init__(self, vector: Tensor, places: Tensor | None = None) -> None:
        self.vector, self.places, self.taken, self.stride = vector, places, 0, 1

    def take(self, channels: int) -> Tensor:
        """Return the next values, ``[N or 1, channels, 1, 1]``, or with places ``[N, channels, H / stride, ...]``."""
        part = self.vector[:, self.taken : self.taken + channels]
        self.taken += channels
        if self.places is None:
            return part[:, :, None, None]
        # A sum of the vectors by their shares, as a convolution of 1 x 1.
        return F.conv2d(F.avg_pool2d(self.places, self.stride), part.T[:, :, None, None])


class Statistics:
    """Means and variances of all normalizations, in the order in which they are computed.

    ``given`` ``[2, channels in all]`` holds known statistics, as for a tile of a larger picture. ``share`` (0..1, a
    scalar) is their weight; the rest is measured over all pictures of the batch together, as if they were parts of
    one."""

    def __init__(self, given: Tensor, share: Tensor) -> None:
        self.given, self.share, self.met = given, share, 0
        self.found: list[Tensor] = []

    def of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance for ``[N, C, H, W]``, each ``[1, C, 1, 1]``."""
        mean = x.mean(dim=(0, 2, 3), keepdim=True)
        variance = (x - mean).square().mean(dim=(0, 2, 3), keepdim=True)
        known = self.given[:, self.met : self.met + x.shape[1]].reshape(2, 1, x.shape[1], 1, 1)
        self.met += x.shape[1]
        # In this form, a share of 1 returns the given statistics bit for bit.
        mean = (1 - self.share) * mean + self.share * known[0]
        variance = (1 - self.share) * variance + self.share * known[1]
        self.found.append(torch.stack([mean.flatten(), variance.flatten()]))
        return mean, variance


class ConditionalNorm(nn.Module):
    """Conditional instance normalization: its scales and shifts come from the style vector."""

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
    """Adds the stroke field, averaged over squares of ``stride`` pixels, with gains from the style vector."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.channels, self.values, self.stride = channels, channels, stride
        self.conv = nn.Conv2d(CHANNELS, channels, 1, bias=False)

    def forward(self, x: Tensor, field: Tensor, style: Style) -> Tensor:
        return x + style.take(self.channels) * self.conv(F.avg_pool2d(field, self.stride))


def smoothing_kernel(colors: int = 3) -> Tensor:
    """Return the convolution ``[4 colors, 4 colors, 3, 3]`` that, applied before ``F.pixel_shuffle`` puts the four
    pixels made together in place, has the effect of the kernel [1 2 1] / 4 along both axes of the picture. It removes
    everything that alternates from pixel to pixel, so a difference between the four cannot become a grid."""
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


class UpsampleBlock(nn.Module):
    """Nearest-neighbor upsampling to twice the sides, a 3x3 convolution, and conditional normalization.

    A convolution of a picture whose pixels are repeated four times equals one transposed convolution of the small
    picture, which takes less than half of the multiplications and needs no large picture in between."""

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
    """Two blocks with a skip connection around them (He et al. 2015)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = Block(channels, channels), Block(channels, channels)

    def forward(self, x: Tensor, style: Style, statistics: Statistics | None = None) -> Tensor:
        return x + self.second(F.relu(self.first(x, style, statistics)), style, statistics)


class StyleNetwork(nn.Module):
    """The whole network: ``forward(photo, field, vector, dose)`` returns the paintings.

    ``photo`` is ``[N, 3, H, W]`` in 0..1, H and W multiples of 8, at least 16; ``field`` the stroke field
    ``[N, CHANNELS, H, W]`` of the same pixels (``field.py``); ``vector`` ``[N or 1, self.length]``, already
    interpolated between the identity's and the style's at this dose; ``dose`` ``[N or 1]``, 0 for the photo, 1 for the
    full style. The paintings are ``[N, 3, H, W]``, in 0..1 except while training.

    With ``places`` ``[N, R, H, W]``, vectors ``[R, length]`` each have their share of every pixel; shares add up to 1
    with that of the identity. ``dose`` is then ``[N, 1, H, W]``: 0 where the photo stays."""

    def __init__(self, widths: tuple[int, int, int] = (16, 48, 128), eighths: int = 5, quarters: int = 1) -> None:
        super().__init__()
        half, quarter, eighth = widths
        self.config = {"widths": list(widths), "eighths": eighths, "quarters": quarters}
        self.down1 = Block(3 + CHANNELS, half, stride=2, kernel=6)
        self.down2 = Block(half, quarter, stride=2)
        self.down3 = Block(quarter, eighth, stride=2)
        self.strokes8 = Strokes(eighth, 8)
        self.eighths = nn.ModuleList(Residual(eighth) for _ in range(eighths))
        self.up1 = UpsampleBlock(eighth, quarter)
        self.strokes4 = Strokes(quarter, 4)
        self.quarters = nn.ModuleList(Residual(quarter) for _ in range(quarters))
        self.up2 = UpsampleBlock(quarter, half)
        self.pad = nn.ReflectionPad2d(1)
        self.out = nn.Conv2d(half, 12, 3)
        self.register_buffer("smoothing_kernel", smoothing_kernel(), persistent=False)

    @property
    def length(self) -> int:
        """Length of a style vector."""
        return sum(m.values for m in self.modules() if isinstance(m, ConditionalNorm | Strokes))

    @property
    def channels(self) -> int:
        """Number of channels of all normalizations together."""
        return sum(m.channels for m in self.modules() if isinstance(m, ConditionalNorm))

    def neutral(self) -> Tensor:
        """Return the vector ``[self.length]`` that only normalizes: scales of 1, shifts and gains of 0."""
        parts = []
        for module in self.modules():  # in the order of definition, which is the order of use
            if isinstance(module, ConditionalNorm):
                parts += [torch.ones(module.channels), torch.zeros(module.channels)]
            elif isinstance(module, Strokes):
                parts.append(torch.zeros(module.channels))
        return torch.cat(parts)

    def forward(
        self,
        photo: Tensor,
        field: Tensor,
        vector: Tensor,
        dose: Tensor,
        statistics: Statistics | None = None,
        places: Tensor | None = None,
    ) -> Tensor:
        style = Style(vector, places)
        x = torch.cat([4 * photo - 2, field], dim=1)
        for down in (self.down1, self.down2, self.down3):
            style.stride *= 2
            x = F.relu(down(x, style, statistics))
        x = self.strokes8(x, field, style)
        for block in self.eighths:
            x = block(x, style, statistics)
        style.stride = 4
        x = F.relu(self.up1(x, style, statistics))
        x = self.strokes4(x, field, style)
        for block in self.quarters:
            x = block(x, style, statistics)
        style.stride = 2
        x = F.relu(self.up2(x, style, statistics))
        drawn = F.conv2d(F.pad(self.out(self.pad(x)), (1, 1, 1, 1), mode="replicate"), self.smoothing_kernel)
        drawn = F.pixel_shuffle(drawn, 2)
        painting = (1 + 2 * REACH) * torch.sigmoid(drawn) - REACH
        share = (dose[:, None, None, None] if places is None else dose).clamp(0, 1)
        mixed = (1 - share) * photo + share * painting
        return mixed if self.training else mixed.clamp(0, 1)
