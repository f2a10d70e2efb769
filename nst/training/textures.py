"""Paint what stands in for a style's painting: ``python -m nst.training.textures STYLE ... --paintings PAINTINGS``.

The full method needs a picture of a painting, and this program comes with none by anyone else. A texture is a picture
of its own with a painting's statistics (Gatys, Ecker & Bethge 2015, Texture Synthesis): the full method from noise,
with no photograph to keep to. Writes ``models/textures/STYLE.jpg``; a style that has one is left as it is, unless
``--again``, so what was interrupted goes on. A STYLE is the name of a painting's file without its suffix, or
``id=name``.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path

from PIL import Image

import nst
from nst.images import fit, save_image
from nst.models import MODELS
from nst.settings import PROGRAM, Settings
from nst.training.photos import opened
from nst.training.turns import named

FOLDER = MODELS / "textures"
SIZE, STEPS = 640, 200
MARGIN = 0.05  # of the long side: near its border a network sees zeros, and what is painted there is gray and blurred
SMOOTHNESS = 0.3
QUALITY = 88  # of the JPEG


def settings(size: tuple[int, int], network: str, steps: int) -> Settings:
    """How a texture of this width and height is painted with its margin."""
    wide, high = with_margin(size)
    return Settings(
        size=max(wide, high),
        steps=steps,
        network=network,
        content_weight=0,
        smoothness=SMOOTHNESS,
        start="noise",
        # The painting is seen at the size of what is left of the canvas.
        stroke=(size[0] * size[1] / (wide * high)) ** 0.5,
    )


def with_margin(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the canvas of which a texture of this width and height is cut."""
    margin = round(MARGIN * max(size))
    return size[0] + 2 * margin, size[1] + 2 * margin


def painted(painting: Image.Image, size: int, network: str, steps: int) -> tuple[Image.Image, Settings]:
    """A painting's texture, of its proportions, with the long side ``size``; and the settings that it is made with."""
    wanted = fit(painting, size).size
    how = settings(wanted, network, steps)
    # The photograph gives the canvas its proportions, and says how rough it is to be.
    canvas = painting.resize(with_margin(wanted), Image.Resampling.LANCZOS)
    (last,) = deque(nst.optimize(canvas, painting, how), maxlen=1)
    left, top = ((whole - part) // 2 for whole, part in zip(last.size, wanted, strict=True))
    return last.image.crop((left, top, left + wanted[0], top + wanted[1])), how


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("styles", nargs="+", metavar="STYLE", help="a painting's name, or id=name")
    parser.add_argument("--paintings", type=Path, required=True, help="a folder or tar file of paintings")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where to; default: models/textures")
    parser.add_argument("--again", action="store_true", help="paint those too that are there")
    parser.add_argument("--size", type=int, default=SIZE, help="of the long side, in pixels")
    parser.add_argument("--steps", type=int, default=STEPS)
    networks = nst.KNOBS["network"].choices
    parser.add_argument("--network", choices=networks, default="student", help="VGG-19 is had as the app has it")
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
        texture, how = painted(paintings[name], options.size, options.network, options.steps)
        recipe = {"program": PROGRAM, "engine": "optimize", "painting": name} | asdict(how)
        save_image(texture, target, recipe=recipe, quality=QUALITY)
        print(f"{target}: {target.stat().st_size / 1000:.0f} KB, {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
