"""README's pictures: ``python -m nst.training.examples``.

Photographs that gradio ships, paintings that this program draws: nothing that is not free to show.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

import nst
from nst import fast
from nst.drawings import DRAWINGS
from nst.images import fit, open_image, save_image
from nst.settings import Settings

HEIGHT, GAP = 360, 8
FOLDER = fast.MODELS / "examples"


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """Pictures in a row, all of the same height, with a gap between them."""
    scaled = [p.resize((round(p.width * HEIGHT / p.height), HEIGHT), Image.LANCZOS) for p in pictures]
    sheet = Image.new("RGB", (sum(p.width for p in scaled) + GAP * (len(scaled) - 1), HEIGHT), "white")
    left = 0
    for picture in scaled:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", type=Path, nargs="+", help="photographs; the first is optimized, too")
    parser.add_argument("--drawing", choices=DRAWINGS, default="wind", help="the painting for the full method")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    photos = [fit(open_image(photo).image, 512) for photo in options.photos]
    pairs = [picture for photo in photos for picture in (photo, fast.stylize(photo))]
    save_image(side_by_side(pairs), FOLDER / "fast.jpg", quality=88)
    painting = DRAWINGS[options.drawing]()
    for step in nst.optimize(photos[0], painting, Settings(size=512)):
        print(f"step {step.step} of {step.steps}", end="\r", flush=True)
    save_image(side_by_side([photos[0], painting, step.image]), FOLDER / "optimize.jpg", quality=88)


if __name__ == "__main__":
    main()
