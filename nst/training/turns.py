"""Whose turn it is: in which style, at which size of the strokes and at which dose each group of crops is painted."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass

from nst.training.pool import ENDS

ANY = 3  # one group of so many is in a style that the encoder predicts
LEVELS = {0.0: 3, 0.25: 2, 0.5: 2, 0.75: 1, 1.0: 2}  # from fine to broad, at which the wall is seen, and how often each
FULL = 0.75  # of the groups are at the full dose


def named(style: str) -> tuple[str, str]:
    """Style id and name of a command line's ``id=name`` or ``name``; hyphens of a name alone stand for underscores."""
    name, equals, file = style.partition("=")
    if equals and re.fullmatch(r"[\w-]+", name):
        return name, file
    return style.lower().replace("_", "-"), style.replace("-", "_")


@dataclass(frozen=True)
class Group:
    """What a group of crops is painted in."""

    wall: bool
    style: int
    level: int  # an index of LEVELS, or of ENDS
    dose: float


def drawn(number: int, turns: list[int], pool: int) -> Group:
    """The group of this number: the wall's styles in turn, in an order that changes; the full dose mostly, else
    anything from a little to more than full."""
    rng = random.Random(f"group {number}")
    dose = 1.0 if rng.random() < FULL else rng.uniform(0.1, 1.3)
    if pool and number % ANY == ANY - 1:
        return Group(False, rng.randrange(pool), rng.randrange(len(ENDS)), dose)
    turn = number - (number + 1) // ANY if pool else number
    order = turns.copy()
    random.Random(f"order {turn // len(order)}").shuffle(order)
    return Group(True, order[turn % len(order)], rng.choices(range(len(LEVELS)), LEVELS.values())[0], dose)


def rate_at(progress: float, top: float) -> float:
    """A short warm-up, then a cosine down to a fiftieth."""
    return top * min(1.0, progress / 0.01 + 0.02) * (0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2)
