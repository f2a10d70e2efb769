"""What training aims at: style, content and noise of a picture, and the weights of these terms for each style."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from nst import losses
from nst.images import of_area, open_image
from nst.measure import roughness
from nst.networks import CONTENT_LAYER, STYLE_LAYERS, VGG19
from nst.tensors import to_tensor
from nst.tiles import MULTIPLE
from nst.training.network import StyleNetwork
from nst.training.photos import Photos

STYLE_SIDE = 440  # the painting's area is this squared: that of a 512 px photograph
SOFT = 1e-4  # under a root of a squared distance, whose slope would else be endless at 0
FLAT = 0.005  # roughness below which a photograph counts as plain
CELL, PART = 4, 8  # pixels in the side of a cell, cells in that of the parts whose mean colors should not drift
PLAIN = 0.06  # difference of pixels, in a cell and between two parts, up to which a photograph is plain there
BALANCE = 0.2  # how fast the weights of a style follow its figures
LIMITS = (0.02, 10.0)  # of those weights
FINEST = 1e-8  # variance that no eye sees
AIM = 0.7  # how far what crops are to come to follows the figures of whole photographs, each time


@dataclass
class Balance:
    """For each style, ``[styles]``, what leads to the figures wanted: the content distance and the
    noise that its crops are to come to, and the weights of these terms, which find themselves. A weight
    grows while its figure is above the one to come to, and shrinks while it is below."""

    content: Tensor
    smooth: Tensor
    content_aim: Tensor
    noise_aim: Tensor

    @classmethod
    def fresh(cls, styles: int, content: float, noise: float) -> Balance:
        return cls(*(torch.full((styles,), value) for value in (1.0, 0.3, content, noise)))

    def follow(self, style: int, content: float, noise: float) -> None:
        """Lead the weights after the figures of a crop."""
        for weight, error in (
            (self.content, content - self.content_aim[style]),
            (self.smooth, noise - self.noise_aim[style]),
        ):
            weight[style] = (weight[style] * math.exp(BALANCE * max(-1.0, min(1.0, float(error))))).clamp(*LIMITS)

    def aim(self, style: int, content: float, noise: float) -> None:
        """Lead what crops are to come to after figures of whole photographs: by how much they are too high."""
        self.content_aim[style] = (self.content_aim[style] - AIM * content).clamp(0.3, 1.0)
        self.noise_aim[style] = (self.noise_aim[style] - AIM * noise).clamp(0.3, 3.0)


def style_grams(network: VGG19, painting: Path, device: torch.device) -> dict[str, Tensor]:
    """The painting's Gram matrix at each style layer, ``[1, C, C]``, seen as large as a photograph."""
    picture = open_image(painting).image
    with torch.no_grad():
        features = network(to_tensor(of_area(picture, STYLE_SIDE**2), device), STYLE_LAYERS)
    return {layer: losses.gram_matrix(f) for layer, f in features.items()}


def figures(
    judge: VGG19, painting: Tensor, photo: Tensor, structure: Tensor, targets: list[dict[str, Tensor]]
) -> dict[str, Tensor]:
    """Style, content and noise as ``measure.py`` has them, glow and grid, of each picture of the batch, ``[N]``."""
    features = judge(painting, (*STYLE_LAYERS, CONTENT_LAYER))
    each = range(len(painting))
    style = [
        torch.stack(
            [losses.style_distance(losses.gram_matrix(features[k][n : n + 1]), targets[n][k]) for k in STYLE_LAYERS]
        )
        for n in each
    ]
    content = [losses.content_distance(features[CONTENT_LAYER][n : n + 1], structure[n : n + 1]) for n in each]
    return {
        "style": (torch.stack(style) + SOFT).sqrt().mean(dim=1),
        "content": (torch.stack(content) + SOFT).sqrt(),
        "noise": roughness(painting) / (roughness(photo) + FLAT),
        "glow": glow(painting, photo),
        "grid": grid(painting),
    }


def grid(painting: Tensor) -> Tensor:
    """How far ``[N, 3, H, W]`` in 0..1 repeats itself with the network's own stride, ``[N]``: the deviation of the mean
    colors of all pixels that have the same place in their square of so many pixels. Strokes that hold to these places
    make a pattern that an eye sees over any plain area."""
    rows, columns = (length // MULTIPLE * MULTIPLE for length in painting.shape[-2:])
    squares = painting[..., :rows, :columns].unflatten(3, (-1, MULTIPLE)).unflatten(2, (-1, MULTIPLE))
    places = squares.mean(dim=(2, 4))
    return ((places - places.mean(dim=(2, 3), keepdim=True)).square().mean(dim=(1, 2, 3)) + FINEST).sqrt()


def glow(painting: Tensor, photo: Tensor) -> Tensor:
    """How far mean colors drift from one part of a picture to the next where the photograph is plain, ``[N]``: what
    makes halos and blotches of skies, but no strokes, which are smaller than a part. Both ``[N, 3, H, W]`` in 0..1.
    A part's mean is that of its plain cells alone, so that a sky is followed up to the branches before it."""
    seen = F.avg_pool2d(photo, CELL)
    within = (F.avg_pool2d(photo.square(), CELL) - seen.square()).mean(dim=1, keepdim=True)
    plain = torch.exp(-within / PLAIN**2)
    share = F.avg_pool2d(plain, PART, 1)
    colors, before = (F.avg_pool2d(plain * c, PART, 1) / (share + SOFT) for c in (F.avg_pool2d(painting, CELL), seen))
    found = painting.new_zeros(len(painting))
    for axis in (2, 3):
        beside = share.shape[axis] - PART
        if beside > 0:
            (change, drift, both) = (
                (v.narrow(axis, 0, beside), v.narrow(axis, PART, beside)) for v in (colors, before, share)
            )
            drift = (drift[1] - drift[0]).square().mean(dim=1)
            weight = (both[0] * both[1]).sqrt()[:, 0] * torch.exp(-drift / PLAIN**2)
            found = found + (weight * (change[1] - change[0]).abs().mean(dim=1)).mean(dim=(1, 2))
    return found


@torch.no_grad()
def measure_whole(
    network: StyleNetwork, judge: VGG19, photos: Photos, targets: dict[int, dict[str, Tensor]]
) -> dict[int, dict[str, float]]:
    """Style, content and noise of each style of ``targets`` at its full dose, means over the photographs held out."""
    network.eval()
    found: dict[int, list[dict[str, float]]] = {style: [] for style in targets}
    for photo, structure in map(photos.whole, range(len(photos.held_out))):
        for style, target in targets.items():
            mix = torch.eye(network.config["styles"], device=photo.device)[style : style + 1]
            made = figures(judge, network(photo, mix).float(), photo, structure, [target])
            found[style].append({name: float(value) for name, value in made.items()})
    network.train()
    return {style: {k: sum(m[k] for m in made) / len(made) for k in made[0]} for style, made in found.items()}
