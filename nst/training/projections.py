"""Directions in which the student represents a layer and passes it on, and VGG-19's features along them.

At the layers in use, these are orthonormal directions among VGG-19's channels, so that distances of activations and of
Gram matrices are VGG-19's own, except for what lies outside these directions. What a layer passes on is chosen by its
effect on the next one: the directions without which the next convolution's output would change most (reduced-rank
regression, Izenman 1975). While the student learns, everything is divided by its usual magnitude, because Adam changes
every weight by about the same amount.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nst.backbones.student import LEARNED, STAGES, Student
from nst.backbones.vgg19 import VGG19
from nst.training.data import TrainingData

CALIBRATION, SIDE = 120, 256  # number of pictures from which the directions are found, and their side
FLOOR = 1e-6  # fraction of the largest variance: smaller variation is rounding error

Seen = dict[str, Tensor]


def gram_matrix(features: Tensor) -> Tensor:
    """Like ``losses.gram_matrix``, but twice differentiable."""
    flat = features.flatten(2).float()
    return flat @ flat.mT / flat.shape[2]


def seen(teacher: VGG19, picture: Tensor) -> Seen:
    """Return VGG-19's activations at all layers, pooled where pooling follows."""
    found = teacher(picture, STAGES)
    return {layer: F.max_pool2d(x, 2) if STAGES[layer].pooled else x for layer, x in found.items()}


@dataclass(frozen=True)
class Projections:
    """Directions and scales of the layers.

    For each layer in use: directions ``bases`` ``[C, K]``, if they are fewer than its channels, and the usual
    magnitudes ``sizes`` along them, ``[K]``. For each layer but the last: ``means`` of the channels, ``[C]``; the
    projections ``ways`` ``[C, K]`` through which the channels less their means are passed on; and how strongly the next
    layer depends on each, ``gains`` ``[K]``."""

    bases: Seen
    sizes: Seen
    means: Seen
    ways: Seen
    gains: Seen

    @classmethod
    @torch.no_grad()
    def found(cls, teacher: VGG19, diet: TrainingData) -> Projections:
        """Find the coordinates from sample pictures. Directions are those in which the Gram matrices lie, each divided
        by its norm."""
        grams: dict[str, list[Tensor]] = {layer: [] for layer in STAGES}
        means: dict[str, list[Tensor]] = {layer: [] for layer in STAGES}
        for picture in _shown(diet):
            for layer, features in seen(teacher, picture).items():
                grams[layer].append(gram_matrix(features)[0])
                means[layer].append(features.float().mean(dim=(0, 2, 3)))
        self = cls({}, {}, {}, {}, {})
        for layer in LEARNED:
            mean, count = torch.stack(grams[layer]).mean(dim=0), STAGES[layer].directions
            if count < len(mean):
                _, directions = torch.linalg.eigh(sum(matrix / matrix.norm() for matrix in grams[layer]))
                self.bases[layer] = directions[:, -count:].contiguous()
                mean = self.bases[layer].mT @ mean @ self.bases[layer]
            self.sizes[layer] = mean.diagonal().clamp(min=1e-6).sqrt()
        for layer, following in itertools.pairwise(STAGES):
            mean = self.means[layer] = torch.stack(means[layer]).mean(dim=0)
            values, vectors = torch.linalg.eigh(torch.stack(grams[layer]).mean(dim=0) - torch.outer(mean, mean))
            spread = values.clamp(min=FLOOR * float(values[-1])).sqrt()
            kernel = teacher.convolutions[following].weight.float().permute(0, 2, 3, 1).flatten(0, 2)
            heard = kernel @ vectors * spread  # the next layer's response to a variation of 1 along each vector
            strengths, loudest = torch.linalg.eigh(heard.mT @ heard)
            count = STAGES[layer].passed
            self.ways[layer] = (vectors / spread) @ loudest[:, -count:]
            self.gains[layer] = strengths[-count:].clamp(min=FLOOR * float(strengths[-1])).sqrt()
        return self

    @torch.no_grad()
    def turned(self, student: Student, teacher: VGG19, diet: TrainingData) -> Projections:
        """Rotate the directions, within their span, to those of a student that has already learned: when found again,
        they may differ in sign, or where two have equal weight. The rotation of each layer solves the orthogonal
        Procrustes problem (Schoenemann 1966)."""
        common: dict[str, Tensor] = dict.fromkeys(self.bases, 0)
        for picture in _shown(diet):
            wanted, made = self.along(seen(teacher, picture)), student(picture, LEARNED)
            for layer in common:
                common[layer] += wanted[layer].flatten(2)[0].float() @ made[layer].flatten(2)[0].float().mT
        rotations = {layer: torch.linalg.svd(matrix) for layer, matrix in common.items()}
        bases = {k: self.bases[k] @ u @ v for k, (u, _, v) in rotations.items()}
        return Projections(**asdict(self) | {"bases": bases})

    def along(self, features: Seen) -> Seen:
        """Return activations of the layers in use along their directions."""
        return {k: _mapped(features[k], self.bases[k]) if k in self.bases else features[k] for k in LEARNED}

    def passed(self, features: Seen) -> Seen:
        """Return what is passed on to the next layers, with each channel varying by about 1."""
        return {k: _mapped(features[k] - self.means[k].view(1, -1, 1, 1).to(features[k].dtype), w)
                for k, w in self.ways.items()}  # fmt: skip

    def grown(self, student: Student, back: bool = False) -> Seen:
        """Return the tensors of a student in training, rescaled so that its activations have the teacher's magnitude;
        with ``back``, the reverse."""
        tensors = {name: tensor.clone() for name, tensor in student.state_dict().items()}
        for layer, size in self.sizes.items():
            factor = 1 / size if back else size
            part = "taps" if layer in student.taps else "convolutions"
            tensors[f"{part}.{layer}.weight"] *= factor.view(-1, 1, 1, 1)
            tensors[f"{part}.{layer}.bias"] *= factor
        return tensors


def _mapped(x: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("nchw,ck->nkhw", x, matrix.to(x.dtype))


def _shown(diet: TrainingData) -> list[Tensor]:
    rng = random.Random(0)  # independent of the run's seed: directions found again should span what the last run's did
    return [(diet.photos, diet.paintings)[number % 2].crop(rng, SIDE) for number in range(CALIBRATION)]
