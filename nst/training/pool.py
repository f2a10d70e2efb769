"""The paintings that the encoder learns from: augmented versions of those given, replaced continually."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from PIL import Image, ImageOps
from torch import Tensor

from nst.backbones.student import Student
from nst.backbones.vgg19 import VGG19
from nst.feedforward import encoder, predict
from nst.feedforward.objective import Targets, sides_of, statistics_of
from nst.images import of_area
from nst.tensors import to_tensor

ENDS = (0.0, 1.0)  # levels at which the paintings are seen, fine and broad


def other_painting(paintings: list[Image.Image], rng: random.Random) -> Image.Image:
    """Make a new painting from the given ones: a crop, mirrored, with its colors exchanged, or a blend of two."""
    chosen = rng.choice(paintings)
    if rng.random() < 0.8:
        share = rng.uniform(0.45, 1.0)
        width, height = (round(side * share) for side in chosen.size)
        left, top = rng.randint(0, chosen.width - width), rng.randint(0, chosen.height - height)
        chosen = chosen.crop((left, top, left + width, top + height))
    if rng.random() < 0.5:
        chosen = ImageOps.mirror(chosen)
    if rng.random() < 0.3:
        channels = list(chosen.split())
        rng.shuffle(channels)
        chosen = Image.merge("RGB", channels)
    if rng.random() < 0.1:
        chosen = ImageOps.invert(chosen)
    if rng.random() < 0.15:
        chosen = Image.blend(chosen, rng.choice(paintings).resize(chosen.size), rng.uniform(0.3, 0.5))
    return chosen


@dataclass
class Pool:
    """Paintings that the encoder currently learns from: its input features, and the target statistics. They are
    replaced over time."""

    paintings: list[Image.Image]
    judge: VGG19 | Student
    student: Student
    device: torch.device
    seed: int
    made: int = 0
    features: Tensor | None = None
    targets: Targets | None = None

    def make(self, number: int) -> tuple[Tensor, Targets]:
        """Return features and targets of the painting with this number; the first ones are the unchanged paintings."""
        rng = random.Random(f"painting {self.seed} {number}")
        whole = number < len(self.paintings)
        painting = self.paintings[number] if whole else other_painting(self.paintings, rng)
        with torch.no_grad():
            seen = to_tensor(of_area(painting, predict.SIDE**2, predict.SHORTEST), self.device)
            features = encoder.look(self.student, seen)
        sides = [
            side * (1 if whole else min(1.0, max(0.6, (painting.width * painting.height) ** 0.5 / 500)))
            for side in sides_of(ENDS)
        ]
        return features, statistics_of(self.judge, painting, sides, self.device)

    def fill(self, count: int, made: int) -> None:
        """Fill the pool with ``count`` paintings, as it is after ``made`` paintings were made."""
        self.made = max(made, count)
        numbers = sorted(range(self.made - count, self.made), key=lambda number: number % count)
        several = [self.make(number) for number in numbers]
        self.features = torch.cat([features for features, _ in several])
        self.targets = Targets.joined([targets for _, targets in several])

    def renew(self) -> None:
        """Replace the oldest painting with a new one."""
        place = self.made % len(self.features)
        features, targets = self.make(self.made)
        self.features[place] = features[0]
        self.targets.put(place, targets)
        self.made += 1
