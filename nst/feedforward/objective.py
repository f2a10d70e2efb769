"""The loss that a style is learned with: its terms, and the statistics of the painting that they are compared with.

Style and content follow Johnson et al. (2016), each relative to its target, so that a weight means the same under
VGG-19 and under the student. Style dominates, and its deep layers, which represent the large shapes, have more weight
than the shallow ones. A Gram matrix says how much light and dark there is, but not where: a term of its own keeps the
photograph's light and dark parts in their places, without which a monotonous painting swallows the subject.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from nst import losses
from nst.backbones.kinds import CONTENT_LAYER, STYLE_LAYERS
from nst.backbones.student import Student
from nst.backbones.vgg19 import VGG19
from nst.feedforward.styles import BROAD
from nst.feedforward.tiles import MULTIPLE
from nst.images import of_area
from nst.losses import roughness
from nst.tensors import to_tensor

Network = TypeVar("Network", bound=nn.Module)

STYLE_SIDE = 440  # squared, the pixels of a painting at the fine level: as many as in a 512 px photograph
SHARES = {"relu1_1": 0.12, "relu2_1": 0.12, "relu3_1": 0.2, "relu4_1": 0.28, "relu5_1": 0.28}  # weight by layer
COARSE = {"relu3_1": 0.08, "relu4_1": 0.12, "relu5_1": 0.12}  # the same, with both pictures at half their size
SOFT = 1e-4  # added to a squared distance: the gradient of a square root is infinite at 0
FINEST = 1e-8  # a variance too small to be visible
WINDOW = 8  # side of a window, in squares of the network's stride
TOGETHER = 2  # crops in a step or a group: they share a style, and their statistics are pooled
CONTENT = 0.4  # initial weight of the content
FOLLOW, LIMITS = 0.2, (0.05, 0.5)  # how fast it tracks the content distance; its bounds: beyond, style is too weak
ROUGH = 0.5  # weight of noise in excess of the painting's own
TONES = 0.5  # weight of light and dark in other places than the photograph's
TONE = 16  # side of the squares whose mean lightness counts, in pixels: larger than most strokes
NEAR, VISIBLE = 2, 0.03  # radius in squares of what is around one; standard deviation below which that is plain
GRID = 5.0  # weight of patterns that repeat with the network's stride


@dataclass
class Targets:
    """Statistics of S paintings at L sizes: Gram matrices by layer, ``[S, L, C, C]`` in half precision; the same with
    the paintings at half that size (``coarse``); and roughness ``[S, L]``."""

    fine: dict[str, Tensor]
    coarse: dict[str, Tensor]
    rough: Tensor

    def of(self, style: Tensor, level: Tensor) -> Targets:
        """Select pairs of style and level, each ``[G]``: Gram matrices ``[G, C, C]`` in float32."""
        grams = [{k: g[style, level].float() for k, g in part.items()} for part in (self.fine, self.coarse)]
        return Targets(*grams, self.rough[style, level])

    def put(self, place: int, other: Targets) -> None:
        """Replace the painting at this index with the one in ``other``."""
        for mine, its in ((self.fine, other.fine), (self.coarse, other.coarse)):
            for layer, grams in its.items():
                mine[layer][place] = grams[0]
        self.rough[place] = other.rough[0]

    @staticmethod
    def joined(several: list[Targets]) -> Targets:
        """Concatenate along the first dimension."""
        fine, coarse = (
            {k: torch.cat([getattr(t, part)[k] for t in several]) for k in getattr(several[0], part)}
            for part in ("fine", "coarse")
        )
        return Targets(fine, coarse, torch.cat([t.rough for t in several]))


@torch.no_grad()
def statistics_of(judge: VGG19 | Student, painting: Image.Image, sides: list[float], device: torch.device) -> Targets:
    """Compute the statistics of one painting (S is 1) at these sizes, given as square roots of the number of pixels."""
    fine, coarse, rough = {k: [] for k in SHARES}, {k: [] for k in COARSE}, []
    for side in sides:
        picture = to_tensor(of_area(painting, side**2, 32), device)
        rough.append(roughness(picture))
        for found, seen in ((fine, picture), (coarse, F.avg_pool2d(picture, 2))):
            for layer, x in judge(seen, tuple(found)).items():
                found[layer].append(losses.gram_matrix(x).half())
    grams = [{k: torch.stack(g, dim=1) for k, g in part.items()} for part in (fine, coarse)]
    return Targets(*grams, torch.stack(rough, dim=1))


def with_replicate_padding(judge: Network) -> Network:
    """Return a copy that pads with border values instead of zeros. Zeros make a gray line around every crop, which a
    network learns to fade into: its pictures get a gray frame, a few pixels wide."""
    judge = copy.deepcopy(judge)
    for module in judge.modules():
        if isinstance(module, nn.Conv2d) and any(module.padding):
            module.padding_mode = "replicate"
    return judge


def sides_of(levels: tuple[float, ...]) -> list[float]:
    """Return the sizes of a painting at these levels, 0 fine and 1 broad, as square roots of the number of pixels."""
    return [STYLE_SIDE * BROAD**level for level in levels]


def style_terms(features: dict[str, Tensor], grams: dict[str, Tensor], crops: int) -> dict[str, Tensor]:
    """Return the relative style distance of each group of ``crops`` pictures by layer, ``[G]``. Gram matrices are
    averaged over a group: a crop of a sky need not contain everything that the painting has."""
    found = {}
    for layer, target in grams.items():
        gram = losses.gram_matrix(features[layer]).unflatten(0, (-1, crops)).mean(dim=1)
        squared = (gram - target).square().sum(dim=(1, 2)) / (target.square().sum(dim=(1, 2)) + losses.EPSILON)
        found[layer] = (squared + SOFT).sqrt()
    return found


def terms(
    judge: VGG19 | Student, painting: Tensor, photo: Tensor, targets: Targets, crops: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the terms of the loss for each of the G groups of ``crops`` pictures, ``[G]``: style, content, tones,
    rough and grid; and the style distance by layer."""
    features = judge(painting, (*STYLE_LAYERS, CONTENT_LAYER))
    with torch.no_grad():
        structure = judge(photo, [CONTENT_LAYER])[CONTENT_LAYER].float()
    layers = style_terms(features, targets.fine, crops)
    coarse = style_terms(judge(F.avg_pool2d(painting, 2), tuple(COARSE)), targets.coarse, crops)
    style = sum(SHARES[k] * d for k, d in layers.items()) + sum(COARSE[k] * d for k, d in coarse.items())
    apart = (features[CONTENT_LAYER].float() - structure).square().sum(dim=(1, 2, 3))
    content = (apart / (structure.square().sum(dim=(1, 2, 3)) + losses.EPSILON) + SOFT).sqrt()
    rough = roughness(painting).unflatten(0, (-1, crops)).mean(dim=1) / (targets.rough + 0.005)
    found = {
        "style": style,
        "content": content.unflatten(0, (-1, crops)).mean(dim=1),
        "tones": tones(painting, photo).unflatten(0, (-1, crops)).mean(dim=1),
        "rough": rough,
        "grid": grid(painting).unflatten(0, (-1, crops)).mean(dim=1),
    }
    return found, layers


def total(terms: dict[str, Tensor], content: Tensor | float, dose: Tensor | float = 1.0) -> Tensor:
    """Return the loss: the weighted sum of the terms, averaged over the groups. ``content`` is the weight of the
    content. A lower ``dose`` ``[G]`` shifts the balance from style to content; style has the square root of the dose as
    a factor, as otherwise little would change below a dose of three quarters."""
    dose = torch.as_tensor(dose, device=terms["style"].device)
    return (
        dose.sqrt() * terms["style"]
        + (2 - dose).clamp(min=0.7) * content * terms["content"]
        + TONES * terms["tones"]
        + ROUGH * (terms["rough"] - 1).clamp(min=0)
        + GRID * terms["grid"]
    ).mean()


def tones(painting: Tensor, photo: Tensor) -> Tensor:
    """Measure how far light and dark of ``[N, 3, H, W]`` in 0..1 lie elsewhere than in the photograph, ``[N]``: 1 minus
    the correlation of the mean lightness of squares. How light or dark they are is left to the style; and squares count
    as far as the photograph has light and dark around them, so that a plain sky may be painted with anything."""
    made, own = (F.avg_pool2d(x.mean(dim=1, keepdim=True), TONE) for x in (painting, photo))
    padded = F.pad(own, (NEAR,) * 4, mode="replicate")
    mean, square = (F.avg_pool2d(x, 2 * NEAR + 1, stride=1) for x in (padded, padded.square()))
    around = (square - mean.square()).clamp(min=0)
    weight = (around / (around + VISIBLE**2)).flatten(1)
    share = weight / (weight.sum(dim=1, keepdim=True) + SOFT)
    made, own = (x.flatten(1) for x in (made, own))
    made, own = (x - (share * x).sum(dim=1, keepdim=True) for x in (made, own))
    first, second = ((share * x.square()).sum(dim=1) + SOFT for x in (made, own))
    correlation = (share * made * own).sum(dim=1) / (first * second).sqrt()
    return (1 - correlation) * weight.mean(dim=1)


def grid(painting: Tensor) -> Tensor:
    """Measure how strongly ``[N, 3, H, W]`` in 0..1 repeats with the network's own stride, ``[N]``: within windows, the
    standard deviation of the mean colors of all pixels at the same position in their square of stride by stride pixels.
    Strokes locked to these positions make a pattern that is visible over any flat area. What is smoother than a square
    does not count."""
    fine = painting[..., MULTIPLE // 2 - 1 : -(MULTIPLE // 2), MULTIPLE // 2 - 1 : -(MULTIPLE // 2)]
    fine = fine - F.avg_pool2d(painting, MULTIPLE, 1)
    shape = list(fine.shape[:2])
    for axis in (2, 3):
        length = fine.shape[axis] // MULTIPLE  # in squares
        squares = max(1, min(WINDOW, length))
        shape += [length // squares, squares, MULTIPLE]
    rows, columns = (shape[n] * shape[n + 1] * MULTIPLE for n in (2, 5))
    places = fine[..., :rows, :columns].reshape(shape).mean(dim=(3, 6))  # [N, 3, windows, 8, windows, 8]
    variance = (places - places.mean(dim=(3, 5), keepdim=True)).square().mean(dim=(1, 3, 5))
    return (variance + FINEST).sqrt().mean(dim=(1, 2))
