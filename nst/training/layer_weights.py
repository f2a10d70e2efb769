"""Fit weights for the student's layers: ``python -m nst.training.layer_weights --photos P --paintings P``.

An optimizer follows the gradient of the objective. Here VGG-19's gradient on paintings in progress is approximated by a
sum of the gradients of the student's terms with non-negative weights (least squares over every level of the picture's
pyramid). Prints each term's weight, where each is 1 under VGG-19, and the cosine between the two gradients, from the
finest level to the coarsest: with these weights, with those in use, and with VGG-19's own.

Those in use, ``student.TRUST`` and ``student.STRUCTURE``, were chosen by these results, then by the distances of
training pictures painted with similar weights. Of the style weights, only the ratios of the deep ones to the shallow
ones matter.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from nst import losses
from nst.backbones.backbone import Backbone
from nst.backbones.kinds import CONTENT_LAYER, STYLE_LAYERS
from nst.backbones.loading import load_networks
from nst.backbones.student import STRUCTURE, TRUST
from nst.optimization.objective import STYLE
from nst.optimization.pyramid import build_pyramid, reconstruct
from nst.settings import Settings
from nst.training.data import Folder, TrainingData

SIDE = 192  # of the pictures
ROUNDS = 2000  # iterations of the least squares, which converge long before

Slopes = list[Tensor]  # gradients by level of a picture's pyramid, from the finest


def slopes(network: Backbone, picture: Tensor, photo: Tensor, art: Tensor) -> dict[str, Slopes]:
    """Return the gradient of each term with respect to the picture: structure where the student may compare it, style
    at every layer. All inputs are ``[1, 3, H, W]`` in 0..1."""
    layers = (*STYLE_LAYERS, *STRUCTURE)
    levels = [level.detach().requires_grad_() for level in build_pyramid(picture)]
    found = network(reconstruct(levels), layers)
    with torch.no_grad():
        structure, style = network(photo, layers), network(art, layers)
    terms = {f"structure {k}": losses.content_distance(found[k], structure[k]) for k in STRUCTURE}
    for layer in STYLE_LAYERS:
        grams = (losses.gram_matrix(features[layer]) for features in (found, style))
        terms[f"style {layer}"] = STYLE / len(STYLE_LAYERS) * losses.style_distance(*grams)
    return {k: list(torch.autograd.grad(term, levels, retain_graph=True)) for k, term in terms.items()}


def told(wanted: list[Slopes], terms: list[dict[str, Slopes]]) -> dict[str, float]:
    """Fit non-negative weights of the terms, so that the sum is nearest to the wanted gradients: over all pictures,
    with every level counting equally."""
    count = len(terms[0])
    products, sums = torch.zeros(count, count, dtype=torch.float64), torch.zeros(count, dtype=torch.float64)
    for goal, found in zip(wanted, terms, strict=True):
        for level, slope in enumerate(goal):
            size = slope.norm() + losses.EPSILON
            columns = torch.stack([s[level].flatten() / size for s in found.values()]).cpu().double()
            products += columns @ columns.mT
            sums += columns @ (slope.flatten() / size).cpu().double()
    weights, step = torch.zeros(count, dtype=torch.float64), 1 / torch.linalg.matrix_norm(products, 2)
    for _ in range(ROUNDS):  # projected gradient descent
        weights = (weights - step * (products @ weights - sums)).clamp(min=0)
    return dict(zip(terms[0], weights.tolist(), strict=True))


def cosines(wanted: list[Slopes], terms: list[dict[str, Slopes]], weights: dict[str, float]) -> list[float]:
    """Return the cosine between the wanted gradient and the weighted sum of the terms at every level, averaged over all
    pictures."""
    found = []
    for goal, parts in zip(wanted, terms, strict=True):
        made = (sum(weights[k] * s[level] for k, s in parts.items()) for level in range(len(goal)))
        found.append([F.cosine_similarity(a.flatten(), b.flatten(), 0) for a, b in zip(goal, made, strict=True)])
    return torch.tensor(found).mean(dim=0).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--paintings", type=Path, required=True, help="a folder of paintings")
    parser.add_argument("--pictures", type=int, default=96, help="how many pictures it looks at")
    options = parser.parse_args()
    student, teacher = load_networks(Settings(network="student")).fine, load_networks(Settings()).coarse
    where = student.mean.device
    diet = TrainingData(Folder(options.photos, where), Folder(options.paintings, where), 0)
    wanted, terms = [], []
    for number in range(options.pictures):
        trio = diet.trio(number, student, 1, SIDE)
        found = slopes(teacher, *trio)
        parts = [found[f"structure {CONTENT_LAYER}"], *(found[f"style {layer}"] for layer in STYLE_LAYERS)]
        wanted.append([sum(levels) for levels in zip(*parts, strict=True)])
        terms.append(slopes(student, *trio))
    weights = told(wanted, terms)
    for name, weight in weights.items():
        print(f"{name}: {weight:.2f}")
    trusted = {layer: TRUST.get(layer, 1.0) for layer in STYLE_LAYERS}
    used = {f"style {k}": share * len(trusted) / sum(trusted.values()) for k, share in trusted.items()}
    used |= {f"structure {k}": share for k, share in STRUCTURE.items()}
    plain = {f"style {k}": 1.0 for k in STYLE_LAYERS}
    plain |= {f"structure {k}": float(k == CONTENT_LAYER) for k in STRUCTURE}
    for name, chosen in (("fitted", weights), ("in use", used), ("plain", plain)):
        print(f"cosine, {name}:", " ".join(f"{value:.3f}" for value in cosines(wanted, terms, chosen)))


if __name__ == "__main__":
    main()
