"""Neural style transfer: a photograph goes in, a painting comes out.

``stylize`` paints in one pass with a trained network; ``optimize`` is the full method of Gatys, Ecker & Bethge (2016),
for any photograph and any painting, one ``Step`` at a time; ``photoreal`` gives a photograph the look of another, and
it stays a photograph; ``paint_film`` paints a film.

Names are imported on first access (PEP 562): torch and ONNX Runtime take seconds, and not everyone needs both.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nst.errors import Cancelled, FilmError, ImageError, NSTError, SettingsError, WeightsUnavailable
    from nst.feedforward.fast import styles, stylize
    from nst.feedforward.learning import Lesson, learn_style
    from nst.feedforward.predict import style_of
    from nst.feedforward.styles import Style, open_style
    from nst.images import Picture, open_image
    from nst.optimization.estimates import Estimate, estimate
    from nst.optimization.run import Step, optimize
    from nst.photolook.run import LookStep, photoreal
    from nst.photolook.settings import LOOK_KNOBS, LookSettings
    from nst.regions.region import Region
    from nst.regions.substyles import SubStyle, assign, decompose
    from nst.saving import read_recipe, save_image
    from nst.settings import KNOBS, PRESETS, Settings
    from nst.version import __version__
    from nst.video.reading import Film, open_film
    from nst.video.run import FilmStep, paint_film

# The same names at run time, by module; a test compares the two.
_PUBLIC = {
    "errors": ("Cancelled", "FilmError", "ImageError", "NSTError", "SettingsError", "WeightsUnavailable"),
    "optimization.estimates": ("Estimate", "estimate"),
    "feedforward.fast": ("styles", "stylize"),
    "feedforward.learning": ("Lesson", "learn_style"),
    "feedforward.predict": ("style_of",),
    "feedforward.styles": ("Style", "open_style"),
    "images": ("Picture", "open_image"),
    "optimization.run": ("Step", "optimize"),
    "photolook.run": ("LookStep", "photoreal"),
    "photolook.settings": ("LOOK_KNOBS", "LookSettings"),
    "regions.region": ("Region",),
    "regions.substyles": ("SubStyle", "assign", "decompose"),
    "saving": ("read_recipe", "save_image"),
    "settings": ("KNOBS", "PRESETS", "Settings"),
    "version": ("__version__",),
    "video.reading": ("Film", "open_film"),
    "video.run": ("FilmStep", "paint_film"),
}
_HOME = {name: f"{__name__}.{module}" for module, names in _PUBLIC.items() for name in names}

__all__ = [
    "KNOBS",
    "LOOK_KNOBS",
    "PRESETS",
    "Cancelled",
    "Estimate",
    "Film",
    "FilmError",
    "FilmStep",
    "ImageError",
    "Lesson",
    "LookSettings",
    "LookStep",
    "NSTError",
    "Picture",
    "Region",
    "Settings",
    "SettingsError",
    "Step",
    "Style",
    "SubStyle",
    "WeightsUnavailable",
    "__version__",
    "assign",
    "decompose",
    "estimate",
    "learn_style",
    "open_film",
    "open_image",
    "open_style",
    "optimize",
    "paint_film",
    "photoreal",
    "read_recipe",
    "save_image",
    "style_of",
    "styles",
    "stylize",
]


def __getattr__(name: str) -> Any:
    """Import a public name from where it is defined, or a module of this package."""
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    module = f"{__name__}.{name}"
    if not name.startswith("_") and importlib.util.find_spec(module) is not None:
        return importlib.import_module(module)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List all public names for tab completion, including those not imported yet."""
    return sorted({*globals(), *__all__})
