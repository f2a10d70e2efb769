"""What can go wrong, said so that a person can act on it.

NSTError
├── ImageError           a picture cannot be read, is too large, or cannot be written
├── Cancelled            the work was ended because nobody wants its result any more
├── SettingsError        a knob is out of its range, or a style is not in the catalogue
└── WeightsUnavailable   a network's weights are not here and cannot be had now
"""


class NSTError(Exception):
    """The root of every error this package raises on purpose; its text is meant for a person."""


class ImageError(NSTError):
    """A picture that cannot be read or is too large; the text names it and says what to do."""


class Cancelled(NSTError):
    """Work that was ended before it had a result, because its caller said so."""


class SettingsError(NSTError):
    """A knob out of its range or a name that is not known; the text gives what is allowed."""


class WeightsUnavailable(NSTError):
    """Weights that are neither here nor to be had; the text says where from and what to do."""
