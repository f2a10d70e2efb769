"""Time to an equally good picture, our full method and the textbook's (``python -m nst.benchmark optimize``).

Both run in one process, one after the other, on the same photograph, painting, size and network. The result is the time
at which ours is as close to the style *and* the content as the textbook's loop is at its end, with no more noise. The
balance of the two is a matter of taste, and a setting: if ours does not get there with the given settings, it paints
again with the style weight that leads to the textbook's content distance, or closer if style has room to spare, and a
second time if that first guess was not close enough; the last run counts. Distances are measured afterwards, outside
the timing, as in ``metrics.py``. The textbook's method computes in float32 throughout, ours in the number formats that
it uses in the app.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from nst.backbones.loading import load_networks
from nst.backbones.vgg19 import VGG19
from nst.benchmark import baseline
from nst.benchmark.metrics import distances
from nst.hub import weights
from nst.images import fit, of_area
from nst.optimization.run import optimize
from nst.settings import KNOBS, Settings
from nst.tensors import to_picture, to_tensor

EVERY = {"textbook": 30, "ours": 3}  # steps between pictures that are measured
BALANCE = 4.4  # power of the content distance by which the style weight changes; measured on one pair
POWERS = (2.5, 9.0)  # bounds of that power when it is estimated from two runs
LEAST = 0.01  # style weight, below the step of the page's slider: the textbook's picture may hardly be stylized
NEAR, ENOUGH = 0.994, 0.006  # fraction of the textbook's content distance to aim at, at most; tolerance
TRIES = 3  # runs, of which the last counts
COLORS = {"textbook": "#8a8a8a", "ours": "#d9480f"}


@dataclass(frozen=True)
class Point:
    """An intermediate picture: its time, and its distances."""

    seconds: float
    style: float
    content: float
    noise: float

    def reaches(self, other: Point) -> bool:
        return self.style <= other.style and self.content <= other.content and self.noise <= other.noise


@dataclass(frozen=True)
class Race:
    """Both curves, in order of time, their final pictures, and our style weight."""

    textbook: list[Point]
    ours: list[Point]
    pictures: tuple[Image.Image, Image.Image]
    style_weight: float

    @property
    def there(self) -> Point | None:
        """Our first picture that is as good as the textbook's last one, or None."""
        return next((p for p in self.ours if p.reaches(self.textbook[-1])), None)

    @property
    def ratio(self) -> float:
        """How many times sooner ours gets there; 0 if never."""
        return 0.0 if self.there is None else self.textbook[-1].seconds / self.there.seconds


def run(photo: Image.Image, painting: Image.Image, settings: Settings, steps: int) -> Race:
    """Run ``steps`` of the textbook's loop, then ours with ``settings``, both at ``settings.size``."""
    device = load_networks(settings).coarse.mean.device
    judge = VGG19(weights.vgg19()).to(device)  # in the default memory layout, as in a textbook's code
    photo = fit(photo, settings.size)
    art = of_area(painting, photo.width * photo.height)
    pair = [to_tensor(image, device) for image in (photo, art)]
    for _ in baseline.optimize(judge, *pair, 1):
        pass  # one-time costs of a first step are not the loop's
    began, made = time.perf_counter(), []
    for number, picture in enumerate(baseline.optimize(judge, *pair, steps), 1):
        if number % EVERY["textbook"] == 0 or number == steps:
            image = to_picture(picture)  # which also waits for a GPU
            made.append((time.perf_counter() - began, image))
    theirs = _measured(judge, photo, painting, made)

    def painted(settings: Settings) -> Race:
        ours, last = [], None
        for step in optimize(photo, painting, settings):
            if last is not None and last.step % EVERY["ours"] == 0:
                ours.append((last.seconds, last.image))
            last = step
        ours.append((last.seconds, last.image))
        curve = _measured(judge, photo, painting, ours)
        return Race(theirs, curve, (made[-1][1], ours[-1][1]), settings.style_weight)

    races = [painted(settings)]
    while len(races) < TRIES and not races[-1].there:
        near = abs(races[-1].ours[-1].content / theirs[-1].content - NEAR) < ENOUGH
        if near or (corrected := balanced(settings, *races[-2:])) == settings:
            break
        settings = corrected
        races.append(painted(settings))
    return races[-1]


def balanced(settings: Settings, *races: Race) -> Settings:
    """Return settings with which ours should reach the textbook's content distance, after one or two races, the last
    with ``settings``. The margin that ours has in style and content together is split evenly between them."""
    last, power = races[-1], BALANCE
    ours, theirs = last.ours[-1], last.textbook[-1]
    aim = min(NEAR, math.sqrt(ours.style * ours.content / (theirs.style * theirs.content)))
    if len(races) == 2:
        farther = ours.content / races[0].ours[-1].content
        if farther != 1:
            power = math.log(last.style_weight / races[0].style_weight) / math.log(farther)
            power = min(max(power, POWERS[0]), POWERS[1])
    factor = (aim * theirs.content / ours.content) ** power
    weight = min(KNOBS["style_weight"].high, max(LEAST, settings.style_weight * factor))
    return replace(settings, style_weight=weight)


def _measured(
    judge: VGG19, photo: Image.Image, painting: Image.Image, curve: list[tuple[float, Image.Image]]
) -> list[Point]:
    return [Point(seconds, **distances(judge, photo, painting, image)) for seconds, image in curve]


def draw(races: Sequence[Race], path: Path) -> None:
    """Draw the curves as an SVG: style and content distance over seconds, on a logarithmic scale, without noise. A dot
    marks where ours is as good as the textbook's last picture."""
    width, height, left, top = 340, 220, 44, 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * (width + left) + 30} {height + 84}" '
        'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    curves = [(COLORS[name], getattr(race, name)) for race in races for name in COLORS]
    longest = max(points[-1].seconds for _, points in curves)
    soonest = min(points[0].seconds for _, points in curves)
    thick = 2.5 if len(races) == 1 else 1.3
    for number, figure in enumerate(("style", "content")):
        x0 = left + number * (width + left + 15)
        most = max(getattr(p, figure) for _, points in curves for p in points)

        def place(p: Point, figure: str = figure, x0: float = x0, most: float = most) -> tuple[float, float]:
            x = x0 + width * np.log(p.seconds / soonest) / np.log(longest / soonest)
            return x, top + height * (1 - getattr(p, figure) / most)

        parts.append(f'<text x="{x0}" y="20">{figure} distance</text>')
        parts.append(f'<path d="M{x0} {top}V{top + height}H{x0 + width}" fill="none" stroke="#444"/>')
        for value in (0, most):
            y = top + height * (1 - value / most)
            parts.append(f'<text x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>')
        for seconds in (1, 3, 10, 30, 100, 300, 1000):
            if soonest <= seconds <= longest:
                x = x0 + width * np.log(seconds / soonest) / np.log(longest / soonest)
                parts.append(f'<text x="{x:.1f}" y="{top + height + 18}" text-anchor="middle">{seconds} s</text>')
                parts.append(f'<path d="M{x:.1f} {top}V{top + height}" stroke="#ddd"/>')
        for color, points in curves:
            line = " ".join("{:.1f},{:.1f}".format(*place(p)) for p in points)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="{thick}"/>')
        for there in (race.there for race in races if race.there is not None):
            x, y = place(there)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLORS["ours"]}"/>')
    for number, name in enumerate(COLORS):
        x = left + 110 * number
        parts.append(f'<text x="{x}" y="{height + 74}" fill="{COLORS[name]}">{name}</text>')
    path.write_text("\n".join([*parts, "</svg>\n"]), "utf-8")
