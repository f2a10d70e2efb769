"""Neural style transfer: a photograph goes in, a painting comes out.

``stylize`` paints in one pass with a trained network; ``optimize`` is the full method of
Gatys, Ecker & Bethge (2016), for any photograph and any painting, one ``Step`` at a time.
"""

from nst.errors import Cancelled, ImageError, NSTError, SettingsError, WeightsUnavailable
from nst.estimates import Estimate, estimate
from nst.fast import styles, stylize
from nst.feedforward.learning import Lesson, learn_style
from nst.feedforward.predict import style_of
from nst.feedforward.styles import Style, open_style
from nst.images import Picture, open_image, read_recipe, save_image
from nst.optimize import Step, optimize
from nst.regions import Region
from nst.settings import KNOBS, PRESETS, Settings
from nst.version import __version__

__all__ = [
    "KNOBS",
    "PRESETS",
    "Cancelled",
    "Estimate",
    "ImageError",
    "Lesson",
    "NSTError",
    "Picture",
    "Region",
    "Settings",
    "SettingsError",
    "Step",
    "Style",
    "WeightsUnavailable",
    "__version__",
    "estimate",
    "learn_style",
    "open_image",
    "open_style",
    "optimize",
    "read_recipe",
    "save_image",
    "style_of",
    "styles",
    "stylize",
]
