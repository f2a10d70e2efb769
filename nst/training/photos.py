"""The photographs that the feed-forward network is trained on, in memory as bytes, and those held out to measure on."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst.feedforward.tiles import MULTIPLE, SMALLEST
from nst.images import fit, open_image
from nst.tensors import to_tensor

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
SHORT, LONG = 288, 480  # largest sides of a photograph that is kept
AREA, ASPECT = (0.15, 1.0), (0.75, 1.33)  # of a crop: share of the photograph's largest square, height to width
HELD_OUT, WHOLE = 10, 512  # photographs held out at most, and their long side


def pictures(folder: Path) -> list[Path]:
    """The picture files of a folder, and of those in it."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)


def opened(source: Path) -> Iterator[tuple[str, Image.Image]]:
    """Name without suffix, and picture, of all in a folder or a tar file, in the order of their names."""
    if source.is_dir():
        for path in pictures(source):
            yield path.stem, open_image(path).image
        return
    with tarfile.open(source) as archive:
        for member in sorted(archive.getmembers(), key=lambda m: m.name):
            if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES:
                content = archive.extractfile(member).read()
                yield Path(member.name).stem, open_image(io.BytesIO(content), name=member.name).image


class Photographs:
    """A folder's or a tar file's photographs on ``device``, some held out. A crop follows from its number, so a resumed
    run sees what an uninterrupted one would."""

    def __init__(self, source: Path, device: torch.device, seed: int = 0) -> None:
        everything = [picture for _, picture in opened(source)]
        if len(everything) < 2:
            raise SystemExit(f"Too few photographs in {source}: it needs two JPEG, PNG or WebP files at least.")
        random.Random(seed).shuffle(everything)
        count = max(1, min(HELD_OUT, len(everything) // 5))
        self.held_out = [fit(picture, WHOLE) for picture in everything[:count]]
        kept = [_bounded(picture) for picture in everything[count:]]
        self.sizes = [(picture.height, picture.width) for picture in kept]
        height, width = (max(sizes) for sizes in zip(*self.sizes, strict=True))
        self.pixels = torch.zeros(len(kept), 3, height, width, dtype=torch.uint8)
        for place, picture in zip(self.pixels, kept, strict=True):
            place[:, : picture.height, : picture.width] = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
        self.pixels = self.pixels.to(device)

    def crops(self, numbers: list[int], side: int) -> Tensor:
        """The crops with these numbers, ``[N, 3, side, side]`` in 0..1."""
        chosen, maps = [], []
        full_height, full_width = self.pixels.shape[-2:]
        for number in numbers:
            rng = random.Random(f"crop {number}")
            photo = rng.randrange(len(self.sizes))
            rows, columns = self.sizes[photo]
            length = min(rows, columns) * rng.uniform(*AREA) ** 0.5
            aspect = rng.uniform(*ASPECT) ** 0.5
            height, width = min(rows, length * aspect), min(columns, length / aspect)
            top, left = rng.uniform(0, rows - height), rng.uniform(0, columns - width)
            flip = rng.choice((-1, 1))
            # Coordinates of the whole stored array run from -1 to 1.
            across = [flip * width / full_width, 0.0, (2 * left + width) / full_width - 1]
            down = [0.0, height / full_height, (2 * top + height) / full_height - 1]
            chosen.append(photo)
            maps.append([across, down])
        device = self.pixels.device
        grid = F.affine_grid(torch.tensor(maps, device=device), (len(numbers), 3, side, side), align_corners=False)
        stored = self.pixels[torch.tensor(chosen, device=device)].float() / 255
        return F.grid_sample(stored, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def whole(self, number: int) -> Tensor:
        """A photograph that is not trained on, ``[1, 3, H, W]``."""
        photo = self.held_out[number]
        sides = [max(SMALLEST, side // MULTIPLE * MULTIPLE) for side in photo.size]
        return to_tensor(photo.resize(sides), self.pixels.device)


def _bounded(picture: Image.Image) -> Image.Image:
    """``picture`` no larger than what is kept."""
    scale = min(1.0, SHORT / min(picture.size), LONG / max(picture.size))
    return picture.resize([max(1, round(side * scale)) for side in picture.size], Image.LANCZOS)
