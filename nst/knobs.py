"""Settings that a user can change: name, default, range and help of each, defined once.

A group of settings is a frozen dataclass on ``Knobs`` whose fields are made by ``number`` and ``choice``. The page's
controls, the options of the command line and README's tables are made from it, or checked against it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from nst.errors import SettingsError


@dataclass(frozen=True)
class Knob:
    """A setting that a user can change. ``choices`` for words; ``low``, ``high`` and ``step`` for numbers."""

    name: str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None

    def check(self, value: Any) -> Any:
        """Return ``value`` in this setting's own type; raises SettingsError if it is out of range."""
        if self.choices is not None:
            if value not in self.choices:
                raise SettingsError(f"{self.name} is one of {', '.join(self.choices)}, not {repr(value)[:40]}.")
            return value
        whole = isinstance(self.default, int)
        given = repr(value)[:40]
        allowed = f"{self.name} is a {'whole ' if whole else ''}number from {self.low} to {self.high}, not {given}."
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            raise SettingsError(allowed)
        if whole and value != int(value):
            raise SettingsError(allowed)
        return int(value) if whole else float(value)


def number(default: float, low: float, high: float, step: float, help: str) -> Any:
    """Define a setting that is a number, a whole one if its default is."""
    return field(default=default, metadata={"low": low, "high": high, "step": step, "help": help})


def choice(default: str, choices: tuple[str, ...], help: str) -> Any:
    """Define a setting that is one of several words."""
    return field(default=default, metadata={"choices": choices, "help": help})


class Knobs:
    """A group of settings. Raises SettingsError for a value outside its range."""

    def __post_init__(self) -> None:
        for name, knob in self.knobs().items():
            object.__setattr__(self, name, knob.check(getattr(self, name)))

    @classmethod
    @functools.cache
    def knobs(cls) -> dict[str, Knob]:
        """Return its settings by name."""
        return {f.name: Knob(f.name, f.default, **f.metadata) for f in fields(cls)}  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return settings from names and values; settings not named keep their defaults.

        Raises SettingsError for an unknown name or a value out of range."""
        if unknown := sorted(set(values) - cls.knobs().keys()):
            raise SettingsError(f"There is no setting {', '.join(unknown)}; there are {', '.join(cls.knobs())}.")
        return cls(**values)
