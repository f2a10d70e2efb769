"""What a style is learned by: the terms of its loss, and the painting's statistics that they are compared with.

Style and content as Johnson et al. (2016), each relative to its target, so that a weight means the same under VGG-19
and under the student. Style leads, and its deep layers, which hold the large forms, count more than the shallow
ones."""

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

STYLE_SIDE = 440  # a painting seen fine has this squared many pixels: as many as a 512 px photograph
SHARES = {"relu1_1": 0.12, "relu2_1": 0.12, "relu3_1": 0.2, "relu4_1": 0.28, "relu5_1": 0.28}  # of a layer in the style
COARSE = {"relu3_1": 0.08, "relu4_1": 0.12, "relu5_1": 0.12}  # the same where both are seen at half their size
SOFT = 1e-4  # under a root of a squared distance, whose slope would else be endless at 0
FINEST = 1e-8  # variance that no eye sees
WINDOW = 8  # squares of the stride in the side of a window
TOGETHER = 2  # crops of a step or a group: in one style, their statistics taken together
CONTENT = 0.4  # weight of the content, to begin with
FOLLOW, LIMITS = 0.2, (0.05, 0.5)  # how fast it follows its figure; its bounds: beyond, the style no longer leads
ROUGH = 0.5  # weight of noise beyond the painting's own
GRID = 5.0  # weight of what repeats itself with the network's stride


@dataclass
class Targets:
    """Statistics of S paintings at L sizes: Gram matrices by layer ``[S, L, C, C]`` in half precision, the same where
    they are seen at half that size, and their roughness ``[S, L]``."""

    fine: dict[str, Tensor]
    coarse: dict[str, Tensor]
    rough: Tensor

    def of(self, style: Tensor, level: Tensor) -> Targets:
        """For these pairs of style and level, each ``[G]``: Gram matrices ``[G, C, C]`` in float32."""
        grams = [{k: g[style, level].float() for k, g in part.items()} for part in (self.fine, self.coarse)]
        return Targets(*grams, self.rough[style, level])

    def put(self, place: int, other: Targets) -> None:
        """Replace the painting at this place by the one of ``other``."""
        for mine, its in ((self.fine, other.fine), (self.coarse, other.coarse)):
            for layer, grams in its.items():
                mine[layer][place] = grams[0]
        self.rough[place] = other.rough[0]

    @staticmethod
    def joined(several: list[Targets]) -> Targets:
        """Along the first dimension."""
        fine, coarse = (
            {k: torch.cat([getattr(t, part)[k] for t in several]) for k in getattr(several[0], part)}
            for part in ("fine", "coarse")
        )
        return Targets(fine, coarse, torch.cat([t.rough for t in several]))


@torch.no_grad()
def statistics_of(judge: VGG19 | Student, painting: Image.Image, sides: list[float], device: torch.device) -> Targets:
    """Of a painting at these sizes, the roots of its numbers of pixels; S is 1."""
    fine, coarse, rough = {k: [] for k in SHARES}, {k: [] for k in COARSE}, []
    for side in sides:
        picture = to_tensor(of_area(painting, side**2, 32), device)
        rough.append(roughness(picture))
        for found, seen in ((fine, picture), (coarse, F.avg_pool2d(picture, 2))):
            for layer, x in judge(seen, tuple(found)).items():
                found[layer].append(losses.gram_matrix(x).half())
    grams = [{k: torch.stack(g, dim=1) for k, g in part.items()} for part in (fine, coarse)]
    return Targets(*grams, torch.stack(rough, dim=1))


def bordered(judge: Network) -> Network:
    """A copy that pads with what is at the border instead of zeros. Zeros make a gray line around every crop, which
    a network learns to fade into: its pictures get a gray frame, a few pixels wide."""
    judge = copy.deepcopy(judge)
    for module in judge.modules():
        if isinstance(module, nn.Conv2d) and any(module.padding):
            module.padding_mode = "replicate"
    return judge


def sides_of(levels: tuple[float, ...]) -> list[float]:
    """The sides of a painting seen at these levels, 0 fine and 1 broad: roots of its number of pixels."""
    return [STYLE_SIDE * BROAD**level for level in levels]


def style_terms(features: dict[str, Tensor], grams: dict[str, Tensor], crops: int) -> dict[str, Tensor]:
    """The relative style distance of each group of ``crops`` pictures by layer, ``[G]``. A group's Gram matrices are
    those of all its pictures together: a crop of a sky need not hold all that the painting has."""
    found = {}
    for layer, target in grams.items():
        gram = losses.gram_matrix(features[layer]).unflatten(0, (-1, crops)).mean(dim=1)
        squared = (gram - target).square().sum(dim=(1, 2)) / (target.square().sum(dim=(1, 2)) + losses.EPSILON)
        found[layer] = (squared + SOFT).sqrt()
    return found


def terms(
    judge: VGG19 | Student, painting: Tensor, photo: Tensor, targets: Targets, crops: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What the loss is made of, for each of the G groups of ``crops`` pictures, ``[G]``: style, content, rough and
    grid; and the style distance by layer."""
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
        "rough": rough,
        "grid": grid(painting).unflatten(0, (-1, crops)).mean(dim=1),
    }
    return found, layers


def total(terms: dict[str, Tensor], content: Tensor | float, dose: Tensor | float = 1.0) -> Tensor:
    """The loss: the terms' weighted sum, a mean over the groups. A lower ``dose`` ``[G]`` leans toward the content,
    whose weight is ``content``, and away from the style; by the root, or little would change below a dose of three
    quarters."""
    dose = torch.as_tensor(dose, device=terms["style"].device)
    return (
        dose.sqrt() * terms["style"]
        + (2 - dose).clamp(min=0.7) * content * terms["content"]
        + ROUGH * (terms["rough"] - 1).clamp(min=0)
        + GRID * terms["grid"]
    ).mean()


def grid(painting: Tensor) -> Tensor:
    """How far ``[N, 3, H, W]`` in 0..1 repeats itself with the network's own stride, ``[N]``: the deviation of the mean
    colors of all pixels that have the same place in their square of so many pixels, within windows. Strokes that hold
    to these places make a pattern that an eye sees over any plain area. What is smoother than a square does not count.
    """
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
