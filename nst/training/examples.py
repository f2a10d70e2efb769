"""Make README's pictures: ``python -m nst.training.examples PHOTOS``.

They use only photographs that gradio ships and paintings that this program draws, all of which are free to show.
"""

from __future__ import annotations

import argparse
import itertools
import unicodedata
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

import nst
from nst.drawings import DRAWINGS
from nst.feedforward import fast
from nst.images import fit, open_image
from nst.models import MODELS
from nst.saving import save_image
from nst.settings import Settings
from nst.training.publish_student import ways

HEIGHT, GAP = 360, 8
TILE, TITLE = 224, 30  # side of a contact sheet's pictures, and height of a title
FOLDER = MODELS / "examples"


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """Arrange pictures in a row, scaled to the same height, with a gap between them."""
    scaled = [p.resize((round(p.width * HEIGHT / p.height), HEIGHT), Image.Resampling.LANCZOS) for p in pictures]
    sheet = Image.new("RGB", (sum(p.width for p in scaled) + GAP * (len(scaled) - 1), HEIGHT), "white")
    left = 0
    for picture in scaled:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    return sheet


def contact_sheet(photos: list[Image.Image]) -> Image.Image:
    """Arrange the photographs in a row, and below them what every style makes of each, with the style's title. Titles
    lose their accents, which the font that comes with Pillow does not have."""
    squares = [ImageOps.fit(photo, (TILE, TILE), Image.Resampling.LANCZOS) for photo in photos]
    rows = [("", squares)]
    for style in fast.styles():
        painted = (
            fast.stylize(ImageOps.fit(p, (2 * TILE, 2 * TILE), Image.Resampling.LANCZOS), style.id) for p in photos
        )
        title = unicodedata.normalize("NFKD", f"{style.title}, {style.artist}").encode("ascii", "ignore").decode()
        rows.append((title, [p.resize((TILE, TILE), Image.Resampling.LANCZOS) for p in painted]))
    sheet = Image.new("RGB", (len(photos) * (TILE + GAP) - GAP, len(rows) * (TILE + TITLE) - TITLE), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (title, pictures) in enumerate(rows):
        top = number * (TILE + TITLE)
        draw.text((4, top - TITLE + 6), title, "#443f38", ImageFont.load_default(15))
        for place, picture in enumerate(pictures):
            sheet.paste(picture, (place * (TILE + GAP), top))
    return sheet


def three_ways(photos: list[Image.Image]) -> Image.Image:
    """Show what Quick, Quick finished with VGG-19, and Full make of each photograph, at full size, side by side; each
    photograph with another of the paintings that this program draws."""
    width, height = size = Settings().size, Settings().size * 3 // 4
    sheet = Image.new("RGB", (3 * (width + GAP) - GAP, TITLE + len(photos) * (height + GAP) - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (photo, drawing) in enumerate(zip(photos, itertools.cycle(DRAWINGS.values()))):
        made = ways(ImageOps.fit(photo, size, Image.Resampling.LANCZOS), drawing())
        for column, (name, (image, _)) in enumerate(made.items()):
            sheet.paste(image, (column * (width + GAP), TITLE + row * (height + GAP)))
            draw.text((column * (width + GAP) + 4, 6), name.capitalize(), "#443f38", ImageFont.load_default(15))
        print(f"photograph {row + 1} of {len(photos)}", flush=True)
    return sheet


def samples(folder: Path) -> list[Image.Image]:
    """Return six pictures from the photographs that gradio ships: each one whole, and close-ups of two of them."""
    names = ("tower", "lion", "cheetah1", "cheetah")
    tower, lion, cheetah, running = (open_image(folder / f"{name}.jpg").image for name in names)
    return [tower, lion, cheetah, running, part(tower, 0.2, 0.35, 0.6), part(lion, 0.2, 0.02, 0.5)]


def part(photo: Image.Image, left: float, top: float, size: float) -> Image.Image:
    """Crop a square, whose corner and size are fractions of the photograph's width and height."""
    side = round(size * min(photo.size))
    x, y = round(left * photo.width), round(top * photo.height)
    return photo.crop((x, y, x + side, y + side))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", type=Path, help="gradio's folder media_assets/images")
    parser.add_argument("--only", choices=("styles", "optimize", "quick"), help="make this one only")
    parser.add_argument("--drawing", choices=DRAWINGS, default="wind", help="the painting for the full method")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    photos = samples(options.photos)
    if options.only in (None, "quick"):
        save_image(three_ways(photos[:2]), FOLDER / "quick.jpg", quality=88)
    if options.only in (None, "styles"):
        save_image(contact_sheet(photos), FOLDER / "styles.jpg", quality=82)
    if options.only in (None, "optimize"):
        photo, painting = fit(photos[0], 512), DRAWINGS[options.drawing]()
        for step in nst.optimize(photo, painting, Settings(size=512)):
            print(f"step {step.step} of {step.steps}", end="\r", flush=True)
        save_image(side_by_side([photo, painting, step.image]), FOLDER / "optimize.jpg", quality=88)


if __name__ == "__main__":
    main()
