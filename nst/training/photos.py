"""The photographs for training the feed-forward network, in memory as bytes, and those held out for measurement."""

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
SHORT, LONG = 288, 480  # largest sides of a photograph in memory
AREA, ASPECT = (0.15, 1.0), (0.75, 1.33)  # of a crop: fraction of the photograph's largest square; height to width
HELD_OUT, WHOLE = 10, 512  # maximum number of photographs held out, and their long side


def pictures(folder: Path) -> list[Path]:
    """Return the picture files in a folder and its subfolders, sorted."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)


def opened(source: Path) -> Iterator[tuple[str, Image.Image]]:
    """Yield the name without suffix and the picture of each file in a folder or a tar file, in order of name."""
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
    """The photographs of a folder or tar file on ``device``, some of them held out. A crop is determined by its number,
    so a resumed run sees the same crops as an uninterrupted one."""

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
        """Return the crops with these numbers, ``[N, 3, side, side]`` in 0..1."""
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
            # Projections of the whole stored array run from -1 to 1.
            across = [flip * width / full_width, 0.0, (2 * left + width) / full_width - 1]
            down = [0.0, height / full_height, (2 * top + height) / full_height - 1]
            chosen.append(photo)
            maps.append([across, down])
        device = self.pixels.device
        grid = F.affine_grid(torch.tensor(maps, device=device), (len(numbers), 3, side, side), align_corners=False)
        stored = self.pixels[torch.tensor(chosen, device=device)].float() / 255
        return F.grid_sample(stored, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def whole(self, number: int) -> Tensor:
        """Return a held-out photograph, ``[1, 3, H, W]``."""
        photo = self.held_out[number]
        sides = [max(SMALLEST, side // MULTIPLE * MULTIPLE) for side in photo.size]
        return to_tensor(photo.resize(sides), self.pixels.device)


def _bounded(picture: Image.Image) -> Image.Image:
    """Shrink ``picture`` to at most the size that is kept."""
    scale = min(1.0, SHORT / min(picture.size), LONG / max(picture.size))
    return picture.resize([max(1, round(side * scale)) for side in picture.size], Image.Resampling.LANCZOS)
