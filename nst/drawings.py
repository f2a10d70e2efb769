"""Paintings drawn by this program, so that the full method can be tried without a file at hand."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = 640


def wind() -> Image.Image:
    """Short strokes that follow a swirling field, blue with some gold."""
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
    """A mosaic: small stones in warm colors, dark joints between them."""
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
    """Rings within squares, in flat strong colors with an uneven brush."""
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


DRAWINGS = {"wind": wind, "tiles": tiles, "circles": circles}
