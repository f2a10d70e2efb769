"""Recipes: how a picture was made, as stored in its file. ``Settings.from_recipe`` reads them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nst.version import __version__

PROGRAM = f"nst {__version__}"
# Keys of a recipe other than settings.
EXTRAS = {"program", "engine", "painting", "painting_pixels", "fast_style", "before", "step"}
EXTRAS |= {"style", "second", "second_pixels", "share", "places", "sub_styles"}


def optimized(painting: str, settings: Mapping[str, Any], **beside: Any) -> dict[str, Any]:
    """Return the recipe of the full method: the painting's name, the settings, and ``beside``, with keys of
    ``EXTRAS``."""
    return {"program": PROGRAM, "engine": "optimize", "painting": painting} | beside | dict(settings)


def stylized(style: str | Mapping[str, float], **how: Any) -> dict[str, Any]:
    """Return the recipe of the fast method: the style's id, or the shares of several, and how it was painted."""
    return {"program": PROGRAM, "engine": "fast", "style": style} | how


def looked(reference: str, regions: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe of a photo look: the reference's name, how many regions were matched, and the settings."""
    made = {"program": PROGRAM, "engine": "photo look", "reference": reference}
    return made | dict(settings) | {"regions": regions}
