"""The photographs that the fast styles are trained on, and those held out to measure on."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms import v2

from nst.images import fit, open_image
from nst.networks import CONTENT_LAYER, VGG19
from nst.tensors import to_tensor
from nst.tiles import MULTIPLE, SMALLEST

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
HELD_OUT, WHOLE_SIDE = 10, 512  # how many of them at most, and their long side


def pictures(folder: Path) -> list[Path]:
    """The picture files of a folder, and of those in it."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES)


class Photos:
    """Crops of a folder's photographs. Photograph and crop follow from a number, so a resumed run sees
    what an uninterrupted one would, and what a crop's structure is need be computed once only."""

    CROPS_EACH = 3
    KEPT = 5000  # structures; one of 192 pixels takes 0.6 MB

    def __init__(self, folder: Path, judge: VGG19, seed: int) -> None:
        self.files = pictures(folder)
        if len(self.files) < 2:
            raise SystemExit(f"Too few photographs in {folder}: it needs two JPEG, PNG or WebP files at least.")
        random.Random(seed).shuffle(self.files)
        held_out = max(1, min(HELD_OUT, len(self.files) // 5))
        self.held_out, self.files = self.files[:held_out], self.files[held_out:]
        self.judge, self.known = judge, {}

    def crop(self, number: int, side: int) -> tuple[Tensor, Tensor]:
        """The picture ``[1, 3, side, side]`` in 0..1, and its activations at the content layer."""
        number %= len(self.files) * self.CROPS_EACH
        torch.manual_seed(number)
        crop = v2.Compose([v2.RandomResizedCrop(side, scale=(0.3, 1.0), antialias=True), v2.RandomHorizontalFlip()])
        picture = to_tensor(crop(open_image(self.files[number % len(self.files)]).image), self.judge.mean.device)
        if (number, side) not in self.known:
            with torch.no_grad():
                structure = self.judge(picture, [CONTENT_LAYER])[CONTENT_LAYER]
            if self.judge.mean.is_cuda:
                return picture, structure
            if len(self.known) >= self.KEPT or any(known != side for _, known in list(self.known)[:1]):
                self.known.clear()
            self.known[number, side] = structure
        return picture, self.known[number, side]

    def batch(self, step: int, count: int, side: int) -> tuple[Tensor, Tensor]:
        pairs = [self.crop(step * count + n, side) for n in range(count)]
        return torch.cat([p for p, _ in pairs]), torch.cat([s for _, s in pairs])

    def whole(self, number: int) -> tuple[Tensor, Tensor]:
        """A photograph that is not trained on, ``[1, 3, H, W]``, and its activations at the content layer."""
        photo = fit(open_image(self.held_out[number]).image, WHOLE_SIDE)
        sides = [max(SMALLEST, side // MULTIPLE * MULTIPLE) for side in photo.size]
        picture = to_tensor(photo.resize(sides), self.judge.mean.device)
        with torch.no_grad():
            return picture, self.judge(picture, [CONTENT_LAYER])[CONTENT_LAYER]
