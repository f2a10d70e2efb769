"""Quality metrics of a stylization: its distance from the painting's style and the photograph's content.

The same figures for every program, whatever made the picture:

style      mean over relu1_1 .. relu5_1 of ``||G - A|| / ||A||``   0: the same texture statistics
relu4_1    the same for this layer alone: shapes; relu5_1: large shapes
content    ``||F - P|| / ||P||`` at relu4_2                       0: the same structure
noise      mean absolute difference of neighbors, relative to the photo's own; near 1 is clean
plain      share of the picture that is bare, minus the painting's  0: as much bare ground as the painting has
palette    sliced Wasserstein distance of the colors                0: the painting's colors in the same shares
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst import losses
from nst.backbones.kinds import CONTENT_LAYER, STYLE_LAYERS
from nst.backbones.vgg19 import VGG19
from nst.images import of_area
from nst.tensors import to_tensor

DEEP = ("relu4_1", "relu5_1")
LUMA = (0.299, 0.587, 0.114)
WINDOW, BARE = 16, 0.02  # side of a window in pixels; standard deviation of luma below which it is bare
DIRECTIONS, POINTS, SHRUNK = 64, 4096, 256  # of the palette distance


def bare_ground(picture: Tensor) -> float:
    """Return the share of windows of ``[1, 3, H, W]`` in 0..1 in which next to nothing is painted."""
    luma = (picture * torch.tensor(LUMA, device=picture.device).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    if min(luma.shape[-2:]) < WINDOW:
        return 0.0
    mean = F.avg_pool2d(luma, WINDOW)
    variance = F.avg_pool2d(luma.square(), WINDOW) - mean.square()
    return float((variance.clamp(min=0).sqrt() < BARE).float().mean())


def palette_distance(one: Image.Image, other: Image.Image) -> float:
    """Return the mean 1-Wasserstein distance between two pictures' colors, in 0..1, along directions through the color
    cube."""
    along = F.normalize(torch.randn(3, DIRECTIONS, generator=torch.Generator().manual_seed(0)), dim=0)
    ranks = torch.linspace(0, 1, POINTS)
    shrunk = (to_tensor(picture.resize((SHRUNK, SHRUNK), Image.Resampling.BOX)) for picture in (one, other))
    first, second = (torch.quantile(colors[0].flatten(1).T @ along, ranks, dim=0) for colors in shrunk)
    return float((first - second).abs().mean())


def distances(judge: VGG19, photo: Image.Image, painting: Image.Image, result: Image.Image) -> dict[str, float]:
    """Measure style, content and noise of ``result`` at its own size."""
    return _distances(judge, photo, painting, result, {})[0]


def figures(
    judge: VGG19, photo: Image.Image, painting: Image.Image, result: Image.Image, known: dict | None = None
) -> dict[str, float]:
    """Measure all figures of ``result`` at its own size. ``known`` caches the features of this very photograph and
    painting for the next result."""
    found, style, bare = _distances(judge, photo, painting, result, {} if known is None else known)
    return {
        "style": found["style"],
        **{layer: style[layer] for layer in DEEP},
        "content": found["content"],
        "noise": found["noise"],
        "plain": bare_ground(to_tensor(result)) - bare,
        "palette": palette_distance(result, painting),
    }


@torch.no_grad()
def _distances(
    judge: VGG19, photo: Image.Image, painting: Image.Image, result: Image.Image, known: dict
) -> tuple[dict[str, float], dict[str, float], float]:
    """Return style, content and noise; style by layer; and how much of the painting is bare."""
    size, device = result.size, judge.mean.device
    # The pictures are cached with their features: otherwise another one could get the same ``id``.
    if (key := ("photo", id(photo), size)) not in known:
        target = to_tensor(photo.resize(size, Image.Resampling.LANCZOS), device)
        known[key] = judge(target, [CONTENT_LAYER])[CONTENT_LAYER], losses.roughness(target), photo
    structure, rough, _ = known[key]
    if (key := ("painting", id(painting), size)) not in known:
        art = to_tensor(of_area(painting, size[0] * size[1]), device)
        grams = {layer: losses.gram_matrix(features) for layer, features in judge(art, STYLE_LAYERS).items()}
        known[key] = grams, bare_ground(art), painting
    wanted, bare, _ = known[key]
    made = to_tensor(result, device)
    found = judge(made, (*STYLE_LAYERS, CONTENT_LAYER))
    style = {
        layer: float(losses.style_distance(losses.gram_matrix(found[layer]), target).sqrt())
        for layer, target in wanted.items()
    }
    three = {
        "style": sum(style.values()) / len(style),
        "content": float(losses.content_distance(found[CONTENT_LAYER], structure).sqrt()),
        "noise": float(losses.roughness(made) / rough),
    }
    return three, style, bare
