"""Draws what each group of crops is painted in during training: the style, the level of its strokes, and the dose."""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass

from nst.training.pool import ENDS

ANY = 3  # one in this many groups has a style that the encoder predicts
LEVELS = {0.0: 3, 0.25: 2, 0.5: 2, 0.75: 1, 1.0: 2}  # from fine to broad, for the catalog's styles, and how often each
FULL = 0.75  # fraction of the groups at the full dose


def named(style: str) -> tuple[str, str]:
    """Split ``id=name`` or ``name`` from the command line into style id and name; hyphens in a name alone stand for
    underscores."""
    name, equals, file = style.partition("=")
    if equals and re.fullmatch(r"[\w-]+", name):
        return name, file
    return style.lower().replace("_", "-"), style.replace("-", "_")


@dataclass(frozen=True)
class Group:
    """What a group of crops is painted in."""

    wall: bool
    style: int
    level: int  # index into LEVELS or ENDS
    dose: float


def drawn(number: int, turns: list[int], pool: int) -> Group:
    """Return the group with this number: the catalog's styles in turn, in an order that changes; mostly at the full
    dose, otherwise at a random one, from a little to more than full."""
    rng = random.Random(f"group {number}")
    dose = 1.0 if rng.random() < FULL else rng.uniform(0.1, 1.3)
    if pool and number % ANY == ANY - 1:
        return Group(False, rng.randrange(pool), rng.randrange(len(ENDS)), dose)
    turn = number - (number + 1) // ANY if pool else number
    order = turns.copy()
    random.Random(f"order {turn // len(order)}").shuffle(order)
    return Group(True, order[turn % len(order)], rng.choices(range(len(LEVELS)), LEVELS.values())[0], dose)


def rate_at(progress: float, top: float) -> float:
    """Return the learning rate: a short warm-up, then a cosine decay to a fiftieth of ``top``."""
    return top * min(1.0, progress / 0.01 + 0.02) * (0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2)
