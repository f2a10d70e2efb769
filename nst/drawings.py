"""Sample pictures drawn by this program, to try it without a file at hand: paintings, and a landscape."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from nst.models import MODELS

SIZE = 640


def wind() -> Image.Image:
    """Draw short strokes that follow a swirling field, blue with some gold."""
    dice = np.random.default_rng(7)
    canvas = Image.new("RGB", (SIZE, SIZE), "#16305c")
    draw = ImageDraw.Draw(canvas)
    swirls = dice.uniform(0, SIZE, (9, 2))
    turns = dice.choice((-1.0, 1.0), 9) * dice.uniform(60, 130, 9)
    palette = ["#1d3f7a", "#2c5aa0", "#4f86c6", "#8fb8de", "#d8e2dc", "#0f2142", "#e9b44c", "#f4d58d"]
    likely = np.array([0.2, 0.2, 0.19, 0.13, 0.05, 0.13, 0.06, 0.04])
    for width, count in ((11, 2200), (7, 3200), (4, 2600)):
        here = dice.uniform(-10, SIZE + 10, (count, 2))
        paths = [here]
        for _ in range(7):
            across = here[:, None] - swirls
            near = turns / (np.square(across).sum(-1) + 900)
            along = np.stack([0.35 - (across[..., 1] * near).sum(1), (across[..., 0] * near).sum(1)], 1)
            here = here + 6 * along / np.linalg.norm(along, axis=1, keepdims=True)
            paths.append(here)
        colors = dice.choice(palette, count, p=likely)
        for path, color in zip(np.stack(paths, 1), colors, strict=True):
            draw.line([tuple(point) for point in path], fill=str(color), width=width, joint="curve")
    return canvas.filter(ImageFilter.SMOOTH)


def tiles() -> Image.Image:
    """Draw a mosaic: small stones in warm colors, with dark joints between them."""
    dice = np.random.default_rng(3)
    pitch = 17
    grid = np.stack(np.meshgrid(*[np.arange(-1, SIZE // pitch + 2)] * 2), -1).reshape(-1, 2)
    centers = (grid + dice.uniform(-0.36, 0.36, grid.shape)) * pitch
    ramp = np.array([[92, 29, 27], [166, 52, 32], [214, 106, 44], [236, 176, 84], [243, 226, 188], [46, 92, 98]])
    waves = np.sin(centers[:, 0] / 70) + np.sin(centers[:, 1] / 55 + centers[:, 0] / 140)
    place = np.clip((waves + 2) / 4 * 5 + dice.normal(0, 0.5, len(waves)), 0, 5)
    colors = ramp[place.round().astype(int)] + dice.normal(0, 9, (len(waves), 3))

    y, x = np.mgrid[:SIZE, :SIZE]
    cell_x, cell_y = x // pitch + 1, y // pitch + 1
    columns = SIZE // pitch + 3
    first = second = np.full((SIZE, SIZE), 1e9)
    owner = np.zeros((SIZE, SIZE), int)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            index = np.clip(cell_y + dy, 0, columns - 1) * columns + np.clip(cell_x + dx, 0, columns - 1)
            distance = np.hypot(x - centers[index, 0], y - centers[index, 1])
            closer = distance < first
            second = np.where(closer, first, np.minimum(second, distance))
            owner = np.where(closer, index, owner)
            first = np.minimum(first, distance)
    joint = np.clip((second - first - 1.2) / 1.6, 0, 1)[..., None]
    stones = colors[owner] * joint + np.array([38, 30, 28]) * (1 - joint)
    return Image.fromarray(stones.clip(0, 255).astype(np.uint8))


def circles() -> Image.Image:
    """Draw rings within squares, in flat strong colors with an uneven brush."""
    dice = np.random.default_rng(11)
    palette = ["#c8372d", "#e8a33d", "#f2dfb3", "#2a6f7f", "#1d3557", "#7a9e7e", "#d9776a", "#45304f", "#efe6d5"]
    canvas = Image.new("RGB", (SIZE, SIZE))
    draw = ImageDraw.Draw(canvas)
    side = SIZE // 5
    for row in range(5):
        for column in range(5):
            colors = dice.permutation(palette)
            left, top = column * side, row * side
            draw.rectangle((left, top, left + side, top + side), fill=colors[0])
            middle = np.array([left, top]) + side / 2 + dice.uniform(-4, 4, 2)
            for ring, radius in enumerate(np.linspace(side * 0.47, side * 0.1, 5)):
                angles = np.linspace(0, 2 * math.pi, 40, endpoint=False)
                edge = radius * (1 + 0.04 * np.sin(3 * angles + dice.uniform(0, 6)) + dice.normal(0, 0.012, 40))
                points = middle + np.stack([np.cos(angles), np.sin(angles)], 1) * edge[:, None]
                draw.polygon([tuple(p) for p in points], fill=colors[1 + ring])
    grain = Image.fromarray(dice.normal(128, 46, (SIZE, SIZE)).clip(0, 255).astype(np.uint8))
    brush = np.asarray(grain.filter(ImageFilter.GaussianBlur(1.6)), float) - 128
    painted = np.asarray(canvas.filter(ImageFilter.GaussianBlur(0.8)), float) + 1.6 * brush[..., None]
    return Image.fromarray(painted.clip(0, 255).astype(np.uint8))


def noise(dice: np.random.Generator, shape: tuple[int, int], cells: tuple[float, float], keep: float) -> np.ndarray:
    """Return smooth noise ``[H, W]`` around 0: octaves, the first with ``cells`` down and across, each following one
    with twice as many and ``keep`` times as strong."""
    total = np.zeros(shape)
    for n in range(6):
        knots = dice.normal(0, 1, [max(2, int(count * 2**n) + 2) for count in cells]).astype(np.float32)
        total += keep**n * np.asarray(Image.fromarray(knots).resize(shape[::-1], Image.Resampling.BICUBIC))
    return total


def lake(width: int = 720, height: int = 512) -> Image.Image:
    """Draw a lake between mountains in the evening, with a meadow in front: a sample photograph."""
    dice = np.random.default_rng(5)
    y, x = np.mgrid[:height, :width]
    shore = int(height * 0.66)
    fall = np.clip(y / shore, 0, 1)[..., None] ** 1.3
    picture = np.array([72, 118, 178]) * (1 - fall) + np.array([246, 214, 176]) * fall
    sun = np.hypot(x - width * 0.68, (y - shore * 0.62) * 1.1)
    picture += (np.array([255, 232, 190]) - picture) * np.exp(-sun / 120)[..., None] * 0.9
    picture[sun < 17] = (255, 248, 228)
    clouds = np.clip((noise(dice, (height, width), (5, 2.2), 0.55) - 0.35 + 0.5 * y / shore) * 0.9, 0, 1)
    clouds = (clouds * np.clip(1.15 - y / shore, 0, 1) * 0.85)[..., None]
    picture += (np.array([252, 236, 222]) * (0.72 + 0.28 * np.exp(-sun / 260))[..., None] - picture) * clouds
    ridges = [(0.40, 0.088, (128, 148, 186)), (0.50, 0.072, (98, 118, 150)), (0.57, 0.055, (70, 96, 104))]
    for far, (top, rough, color) in enumerate([*ridges, (0.63, 0.027, (40, 66, 58))]):
        profile = noise(dice, (2, width), (1, 3 + 2 * far), 0.5)[0]
        line = height * (top - (profile - profile.mean()) * rough)
        woods = noise(dice, (height, width), (14 + 8 * far, 9 + 6 * far), 0.6) * (10 + 5 * far)
        lit = np.clip(np.gradient(line) * 0.15, -18, 26)
        land = np.array(color) + woods[..., None] * (0.8, 0.9, 0.7) + lit[:, None]
        haze = 0.35 * np.clip((y - line) / (height * 0.22), 0, 1)[..., None] * (1 - far / 4)
        there = (y > line) & (y < shore)
        picture[there] = (land + (np.array([200, 190, 180]) - land) * haze)[there]
    deep = np.arange(height - shore)[:, None]
    ripples = noise(dice, (height - shore, width), (26, 3), 0.6)
    above = np.clip(shore - 1 - (deep * 1.25 + ripples * (1.5 + deep * 0.06)).astype(int), 0, height - 1)
    beside = np.clip(x[shore:] + (ripples * 3).astype(int), 0, width - 1)
    picture[shore:] = picture[above, beside] * 0.82 + np.array([24, 46, 66]) * 0.18 + ripples[..., None] * 7
    line = height * (0.86 + noise(dice, (2, width), (1, 2), 0.5)[0] * 0.03)
    grass = noise(dice, (height, width), (60, 50), 0.75)[..., None] * (16, 17, 10)
    near = np.clip((y - line) / (height * 0.14), 0, 1)[..., None]
    picture[y > line] = (np.array([72, 92, 40]) + grass - 22 * near)[y > line]
    picture += dice.normal(0, 3, (height, width, 1))
    drawn = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(drawn)
    for _ in range(240):
        across = int(dice.uniform(0, width))
        down = line[across] + 6 + dice.uniform(0, height * 0.13)
        petal = ("#ecc448", "#de5c50", "#f0ece2", "#966ebe")[dice.integers(4)]
        draw.circle((across, down), 1 + (down - line[across]) / 24, fill=petal)
    return drawn.filter(ImageFilter.GaussianBlur(0.6))


DRAWINGS = {"wind": wind, "tiles": tiles, "circles": circles}
SMALL = 240  # pixels in the long side of their thumbnails


def thumbnail(name: str) -> Image.Image:
    """Open a drawing's thumbnail, or that of "lake". They are stored, as drawing takes a while:
    ``python -m nst.drawings`` makes them anew."""
    return Image.open(MODELS / "drawings" / f"{name}.jpg")


if __name__ == "__main__":
    for name, draw in {**DRAWINGS, "lake": lake}.items():
        drawn = draw()
        drawn.thumbnail((SMALL, SMALL))
        drawn.save(MODELS / "drawings" / f"{name}.jpg", quality=92, subsampling=0)
