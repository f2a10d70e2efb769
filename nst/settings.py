"""Every knob of the full method, once: name, default, range and help.

The page's parts are made from ``KNOBS``, and the README's table is checked against them;
a picture's recipe is ``asdict(settings)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from nst.color import COLORS
from nst.errors import SettingsError


@dataclass(frozen=True)
class Knob:
    """What a person may turn. ``choices`` for words; ``low``, ``high`` and ``step`` for numbers."""

    name: str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None

    def check(self, value: Any) -> Any:
        """``value`` in this knob's own type; raises SettingsError when it is out of range."""
        if self.choices is not None:
            if value not in self.choices:
                raise SettingsError(f"{self.name} is one of {', '.join(self.choices)}, not {value!r}.")
            return value
        whole = isinstance(self.default, int)
        allowed = f"{self.name} is a {'whole ' if whole else ''}number from {self.low} to {self.high}, not {value!r}."
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            raise SettingsError(allowed)
        if whole and value != int(value):
            raise SettingsError(allowed)
        return int(value) if whole else float(value)


def _number(default: float, low: float, high: float, step: float, help: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "step": step, "help": help})


def _choice(default: str, choices: tuple[str, ...], help: str) -> Any:
    return field(default=default, metadata={"choices": choices, "help": help})


@dataclass(frozen=True)
class Settings:
    """How ``nst.optimize`` paints. Raises SettingsError for a value outside its knob's range."""

    size: int = _number(384, 64, 2048, 32, "Long side of the painting, in pixels.")
    steps: int = _number(120, 1, 1000, 1, "Steps over all scales; more is closer to the painting's style.")
    style_weight: float = _number(1.0, 0.0, 10.0, 0.1, "How strongly the painting's style is followed.")
    content_weight: float = _number(1.0, 0.0, 10.0, 0.1, "How strongly the photograph's structure is kept.")
    smoothness: float = _number(1.0, 0.0, 10.0, 0.1, "Weight of total variation: higher is calmer, lower is rougher.")
    color: str = _choice(
        "style", COLORS, "Colors: the painting's; the photo's own; the painting's matched to the photo's."
    )
    start: str = _choice("photo", ("photo", "noise"), "The picture the first step begins with.")
    optimizer: str = _choice("adam", ("adam", "lbfgs"), "Step rule: Adam, or L-BFGS as in the paper.")
    pooling: str = _choice("max", ("max", "average"), "VGG-19's pooling; average is smoother, as in the paper.")
    seed: int = _number(0, 0, 2**31 - 1, 1, "The same seed gives the same picture on the same CPU.")

    def __post_init__(self) -> None:
        for name, knob in KNOBS.items():
            object.__setattr__(self, name, knob.check(getattr(self, name)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Settings from names and values; what is not named keeps its default.

        Raises SettingsError for a name that is no knob, or a value out of range."""
        if unknown := sorted(set(values) - KNOBS.keys()):
            raise SettingsError(f"There is no setting {', '.join(unknown)}; there are {', '.join(KNOBS)}.")
        return cls(**values)


KNOBS: dict[str, Knob] = {f.name: Knob(f.name, f.default, **f.metadata) for f in fields(Settings)}
