"""The errors of this package, with texts that a person can act on.

NSTError
├── ImageError           a picture cannot be read, is too large, or cannot be written
├── FilmError            a film cannot be read, or cannot be written
├── Cancelled            the work was ended because its result is no longer wanted
├── SettingsError        a setting is out of range, or a style is not in the catalog
└── WeightsUnavailable   a network's weights are missing and cannot be downloaded now
"""


class NSTError(Exception):
    """The base class of every error this package raises on purpose; its text is meant for a person."""


class ImageError(NSTError):
    """A picture that cannot be read or written, or is too large; the text names it and says what to do."""


class FilmError(NSTError):
    """A film that cannot be read or written; the text names it and says what to do."""


class Cancelled(NSTError):
    """Work that its caller ended before it had a result."""


class SettingsError(NSTError):
    """A setting out of range or an unknown name; the text says what is allowed."""


class WeightsUnavailable(NSTError):
    """Weights that are missing and cannot be downloaded; the text says where they come from and what to do."""
