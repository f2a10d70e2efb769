"""Synthesize textures in place of paintings: ``python -m nst.training.textures STYLE ... --paintings PAINTINGS``.

The full method needs a picture of a painting, and this program ships none by anyone else. A texture is a new picture,
optimized from noise until it has a painting's statistics (Gatys, Ecker & Bethge 2015, "Texture Synthesis Using
Convolutional Neural Networks"). Writes ``models/textures/STYLE.jpg``. Existing textures are kept unless ``--again`` is
given, so an interrupted command can be resumed. A STYLE is the name of a painting's file without its suffix, or
``id=name``.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst.backbones.backbone import Backbone
from nst.backbones.loading import load_networks
from nst.feedforward.objective import with_replicate_padding
from nst.images import Picture, open_image
from nst.models import MODELS
from nst.optimization.estimates import working
from nst.optimization.objective import Figures, Objective, advance
from nst.optimization.pyramid import LevelAdam, build_pyramid, reconstruct
from nst.optimization.run import LAST, RATE
from nst.regions.masks import open_regions
from nst.saving import save_image
from nst.settings import KNOBS, Settings
from nst.tensors import to_picture, to_tensor
from nst.training.photos import opened
from nst.training.turns import named

FOLDER = MODELS / "textures"
SIZE = 640
STEPS = (250, 150, 100)  # at a quarter, a half and all of the size: leaving the initial noise behind takes many
SETTINGS = Settings(content_weight=0, smoothness=0.05, style_1=2)  # reproduces the painting's colors and crispness
QUALITY = 90  # of the JPEG


class Sizes:
    """The objective of a picture judged at several sizes at once: the sum of their objectives. A stylization uses a
    texture at all its scales, and what is right at a large size is not automatically right at a small one."""

    def __init__(self, objectives: dict[tuple[int, int], Objective]) -> None:
        self.objectives = objectives  # by height and width

    def composed(self, painted: Tensor) -> Tensor:
        """Return the picture unchanged: no part of a photograph is kept in it."""
        return painted

    def __call__(self, picture: Tensor) -> tuple[Tensor, Figures]:
        """Return the gradient at ``[1, 3, H, W]``, in the same shape, and the total."""
        picture, total = picture.detach().requires_grad_(), 0.0
        for size, objective in self.objectives.items():
            seen = F.interpolate(picture, size, mode="bilinear", antialias=True)
            gradient, terms = objective(seen)
            seen.backward(gradient)
            total += terms["total"]
        return picture.grad, {"total": total}


def painted(painting: Image.Image, size: int, network: str = "student", steps: tuple[int, ...] = STEPS) -> Image.Image:
    """Synthesize a painting's texture, with its aspect ratio and the long side ``size``, from coarse to fine; each size
    takes the previous ones into account."""
    judges = load_networks(replace(SETTINGS, network=network))
    picture = open_image(painting)
    canvas, sizes = None, [working(painting.size, round(size / 2**halved)) for halved in reversed(range(len(steps)))]
    for place, count in enumerate(steps):
        # Zero padding would draw a gray frame, and tell the network where in the painting it is.
        judge = with_replicate_padding(judges.fine if place == len(steps) - 1 else judges.coarse)
        objective = Sizes({(high, wide): _objective(judge, picture, (wide, high)) for wide, high in sizes[: place + 1]})
        wide, high = sizes[place]
        if canvas is None:
            canvas = torch.rand(1, 3, high, wide, generator=torch.Generator().manual_seed(0)).to(judge.mean.device)
        canvas = _led(F.interpolate(canvas, (high, wide), mode="bicubic"), objective, count)
    return to_picture(canvas)


def _objective(judge: Backbone, painting: Picture, size: tuple[int, int]) -> Objective:
    """Return the objective of being like the painting at this width and height, and no rougher."""
    seen = to_tensor(painting.image.resize(size, Image.Resampling.LANCZOS), judge.mean.device)
    return Objective(judge, seen, open_regions(painting, painting), SETTINGS, lambda: None)


def _led(canvas: Tensor, objective: Sizes, steps: int) -> Tensor:
    """Optimize ``canvas`` for this many steps, with the cosine schedule of the learning rate that ``nst.optimize``
    uses."""
    levels = [level.requires_grad_() for level in build_pyramid(canvas.clamp(0, 1))]
    rule = LevelAdam(levels, RATE)
    for step in range(steps):
        for group in rule.param_groups:
            group["lr"] = RATE * (LAST + (1 - LAST) * (1 + math.cos(math.pi * step / steps)) / 2)
        advance(rule, levels, objective)
    return reconstruct(levels).detach().clamp(0, 1)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("styles", nargs="+", metavar="STYLE", help="a painting's name, or id=name")
    parser.add_argument("--paintings", type=Path, required=True, help="a folder or tar file of paintings")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where to; default: models/textures")
    parser.add_argument("--again", action="store_true", help="paint those too that are there")
    parser.add_argument("--size", type=int, default=SIZE, help="of the long side, in pixels")
    parser.add_argument("--steps", type=int, nargs=len(STEPS), default=STEPS, help="from coarse to fine")
    parser.add_argument(
        "--network",
        choices=KNOBS["network"].choices,
        default="student",
        help="what judges; VGG-19, at all sizes or at the last, is had as the app has it",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    wanted = dict(map(named, options.styles))
    paintings = {name: picture for name, picture in opened(options.paintings) if name in wanted.values()}
    if missing := sorted(set(wanted.values()) - paintings.keys()):
        raise SystemExit(f"{options.paintings} has no {', '.join(missing)}.")
    options.out.mkdir(parents=True, exist_ok=True)
    for style, name in wanted.items():
        target = options.out / f"{style}.jpg"
        if target.exists() and not options.again:
            continue
        began = time.perf_counter()
        texture = painted(paintings[name], options.size, options.network, tuple(options.steps))
        save_image(texture, target, quality=QUALITY)
        print(f"{target}: {target.stat().st_size / 1000:.0f} KB, {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
