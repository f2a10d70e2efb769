"""The student's training data: photographs, paintings, perturbed versions of these, and the student's own paintings.

An optimizer that follows a small loss network drifts to where that network is wrong. So its intermediate pictures are
part of the training data: a few paintings are always in progress under the current student, and VGG-19's response to
them is what the student learns next.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from nst.backbones.student import Student
from nst.images import fit, open_image
from nst.optimization.objective import Objective, advance
from nst.optimization.pyramid import LevelAdam, build_pyramid, reconstruct
from nst.regions.masks import open_regions
from nst.settings import Settings
from nst.tensors import to_picture, to_tensor
from nst.training.photos import pictures

LARGEST = 640  # of a picture's sides, as kept in memory
SIDES = (96, 128, 192, 256)  # of the crops
PIXELS = 256**2  # of a batch
OWN = 0.25  # fraction of a batch: paintings in progress
PAINTINGS = 0.4  # fraction of paintings in the rest
DISTURBED = 0.45  # fraction of perturbed pictures in the rest
UNTAUGHT = 0.3  # progress up to which there are no paintings in progress
LED = 0.7  # fraction of paintings in progress among the pictures whose gradients are compared
UNDERWAY, AGE, HASTE = 4, 60, 2  # for each side: paintings in progress; their maximum steps; steps per use


class Folder:
    """All pictures in a folder and its subfolders, kept in memory."""

    def __init__(self, folder: Path, where: torch.device) -> None:
        opened = (open_image(file).image for file in pictures(folder))
        fitting = (fit(picture, min(LARGEST, max(picture.size))) for picture in opened)
        self.where, self.pictures = where, [(to_tensor(picture) * 255).byte() for picture in fitting]
        if not self.pictures:
            raise SystemExit(f"No JPEG, PNG or WebP file in {folder}.")

    def crop(self, rng: random.Random, side: int) -> Tensor:
        """Return a crop of a random picture, ``[1, 3, side, side]`` in 0..1, mirrored or not."""
        picture = rng.choice(self.pictures)
        height, width = picture.shape[-2:]
        length = round(min(height, width) * rng.uniform(0.55, 1.0))
        top, left = rng.randint(0, height - length), rng.randint(0, width - length)
        cut = picture[..., top : top + length, left : left + length].to(self.where).float() / 255
        cut = F.interpolate(cut, (side, side), mode="bilinear", antialias=True)
        return cut.flip(3) if rng.random() < 0.5 else cut


def perturbed(picture: Tensor, other: Tensor, rng: random.Random) -> Tensor:
    """Apply a random subset of perturbations: a blend with another picture, higher or lower contrast, blur, and noise
    of varying size."""
    side = picture.shape[-1]
    if rng.random() < 0.4:
        picture = torch.lerp(picture, other, rng.uniform(0.1, 0.9))
    if rng.random() < 0.4:
        mean = picture.mean(dim=(2, 3), keepdim=True)
        picture = mean + (picture - mean) * rng.uniform(0.3, 2.0) + rng.uniform(-0.15, 0.15)
    if rng.random() < 0.3:
        small = F.interpolate(picture, scale_factor=rng.choice((0.25, 0.5)), mode="bilinear", antialias=True)
        picture = F.interpolate(small, (side, side), mode="bicubic")
    if rng.random() < 0.7:
        generator = torch.Generator().manual_seed(rng.getrandbits(32))
        size, channels = side // rng.choice((1, 1, 2, 4)), rng.choice((1, 3, 3))
        noise = torch.randn(1, channels, size, size, generator=generator).to(picture.device)
        picture = picture + 0.15 * rng.random() ** 2 * F.interpolate(noise, (side, side), mode="bicubic")
    return picture.clamp(0, 1)


@dataclass(eq=False)
class PaintingInProgress:
    """A painting in progress: its picture's pyramid, the objective and optimizer that change it, and the steps left."""

    photo: Tensor
    art: Tensor
    levels: list[Tensor]
    objective: Objective
    rule: LevelAdam
    left: int

    @property
    @torch.no_grad()
    def picture(self) -> Tensor:
        """The picture as it is now, ``[1, 3, side, side]`` in 0..1."""
        return reconstruct(self.levels).clamp(0, 1)


class TrainingData:
    """Training batches, determined by the step's number; a resumed run restarts the paintings in progress."""

    def __init__(self, photos: Folder, paintings: Folder, seed: int) -> None:
        self.photos, self.paintings, self.seed = photos, paintings, seed
        self.underway: defaultdict[int, list[PaintingInProgress]] = defaultdict(list)

    def batch(self, step: int, progress: float, student: Student) -> Tensor:
        """Return a batch ``[N, 3, side, side]`` in 0..1; side and N change from step to step. The student's own
        paintings are only included once it has learned something."""
        rng = random.Random(f"{self.seed} {step}")
        side = rng.choice(SIDES)
        count = max(1, PIXELS // side**2)
        own = round(OWN * count + rng.random() - 0.5) if progress > UNTAUGHT else 0
        shown = []
        for _ in range(count - own):
            kinds = (self.paintings, self.photos) if rng.random() < PAINTINGS else (self.photos, self.paintings)
            picture = kinds[0].crop(rng, side)
            shown.append(perturbed(picture, kinds[1].crop(rng, side), rng) if rng.random() < DISTURBED else picture)
        shown += [self._further(rng, side, student).picture for _ in range(own)]
        return torch.cat(shown)

    def trio(self, step: int, student: Student, count: int, side: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return pictures, photographs and paintings, ``[count, 3, side, side]`` each. A picture is a photograph's
        painting in progress, or the photograph perturbed with the painting."""
        rng = random.Random(f"{self.seed} trio {step}")
        trios = []
        for _ in range(count):
            if rng.random() < LED:
                chosen = self._further(rng, side, student)
                trios.append((chosen.picture, chosen.photo, chosen.art))
            else:
                photo, art = self.photos.crop(rng, side), self.paintings.crop(rng, side)
                trios.append((perturbed(photo, art, rng), photo, art))
        pictures, photos, arts = (torch.cat(parts) for parts in zip(*trios, strict=True))
        return pictures, photos, arts

    def _further(self, rng: random.Random, side: int, student: Student) -> PaintingInProgress:
        """Return a painting in progress under the student, a few steps further than when it was last used."""
        paintings = self.underway[side]
        if len(paintings) < UNDERWAY:
            paintings.append(self._begun(rng, side, student))
        chosen = rng.choice(paintings)
        for _ in range(min(HASTE, chosen.left)):
            advance(chosen.rule, chosen.levels, chosen.objective)
        chosen.left -= HASTE
        if chosen.left <= 0:
            paintings.remove(chosen)
        return chosen

    def _begun(self, rng: random.Random, side: int, student: Student) -> PaintingInProgress:
        photo, art = self.photos.crop(rng, side), self.paintings.crop(rng, side)
        image = to_picture(art)
        settings = Settings(style_weight=2 ** rng.uniform(-1, 3), smoothness=rng.choice((0.0, 1.0)))
        start = torch.rand(photo.shape, generator=torch.Generator().manual_seed(rng.getrandbits(32)))
        start = start.to(photo.device) if rng.random() < 0.1 else photo
        objective = Objective(student, photo, open_regions(image, open_image(image)), settings, lambda: None)
        levels = [level.requires_grad_() for level in build_pyramid(start)]
        rule = LevelAdam(levels, rng.uniform(0.006, 0.02))
        return PaintingInProgress(photo, art, levels, objective, rule, rng.randint(HASTE, AGE))
