"""The settings (knobs) of the fast engine, kept apart so that listing them does not import the engine."""

from __future__ import annotations

from nst.feedforward.tiles import SMALLEST
from nst.knobs import Knob
from nst.settings import KNOBS

STRENGTH = Knob("strength", 1.0, "How much of the style: 0 gives the photo, 1 the full style.", 0.0, 1.5, 0.05)
STROKE = Knob("stroke", 1.0, "Size of the brush: 0.5 paints strokes half as large, 2 twice.", 0.5, 2.0, 0.1)
COLOR = KNOBS["color"]  # the same choice as in the full method
SEED = Knob("seed", 0, "Which of many paintings of the same photo: another number lays other strokes.", 0, 2**31 - 1, 1)
SIZE = Knob("size", 512, "Long side of the result, in pixels.", SMALLEST, 8000, 1)

FAST_KNOBS: dict[str, Knob] = {knob.name: knob for knob in (STRENGTH, SIZE, STROKE, COLOR, SEED)}
