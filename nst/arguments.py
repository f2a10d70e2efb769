"""The command line's parser, and options made from settings."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nst.errors import SettingsError

if TYPE_CHECKING:
    from nst.knobs import Knob


class Parser(argparse.ArgumentParser):
    """A parser that adds its arguments when it is used, and reports bad ones in one sentence.

    The arguments of ``paint`` are made from ``KNOBS``, whose import takes longer than any other command's help."""

    def __init__(self, *, arguments: Callable[[argparse.ArgumentParser], None] | None = None, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self._arguments = arguments

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._arguments is not None:
            self._arguments(self)
            self._arguments = None
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> None:
        raise SettingsError(f"{message} ({self.prog} --help tells more)")


def add(group: Any, knob: Knob, more: str = "") -> None:
    """Add an option for a setting, with its help. Its range is checked once the engine is known."""
    allowed = ", ".join(knob.choices) if knob.choices else f"{knob.low:g} to {knob.high:.10g}"
    words = f"{knob.help} ({allowed}; usually {knob.default}){more}".replace("%", "%%")
    kind = {"choices": knob.choices} if knob.choices else {"type": _number, "metavar": "N"}
    names = [f"--{knob.name.replace('_', '-')}", *["--brush"] * (knob.name == "stroke")]
    group.add_argument(*names, dest=knob.name, help=words, **kind)


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
