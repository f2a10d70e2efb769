"""The settings of the photo look: name, default, range and help, each defined once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from nst.backbones.kinds import STUDENT, VGG19, Kind
from nst.errors import SettingsError
from nst.settings import Knob, choice, number

HOW = {"once": None, "quick": STUDENT, "full": VGG19}
"""By the names that the setting ``how`` has for them: the loss network, or none."""
STEPS = 40  # default number of steps with a loss network


@dataclass(frozen=True)
class LookSettings:
    """The settings of ``nst.photoreal``. Raises SettingsError for a value outside its range."""

    how: str = choice(
        "quick",
        tuple(HOW),
        "once: colors are matched region by region, in a second; quick: then judged by the small network; full: by "
        "VGG-19.",
    )
    strength: float = number(1.0, 0.0, 1.0, 0.05, "From the photograph as it is, 0, to the look of the reference, 1.")
    steps: int = number(0, 0, 1000, 1, f"Steps under a loss network; 0 takes what is usual: {STEPS}.")
    size: int = number(
        352, 128, 1024, 32, "Long side in pixels at which the look is found; it is applied to the photograph in full."
    )
    style_weight: float = number(1.0, 0.0, 10.0, 0.1, "How strongly the reference's look is followed.")
    photorealism: float = number(
        1.0, 0.1, 10.0, 0.1, "How strictly every small window stays a recoloring of the photograph."
    )

    def __post_init__(self) -> None:
        for name, knob in LOOK_KNOBS.items():
            object.__setattr__(self, name, knob.check(getattr(self, name)))

    @property
    def network(self) -> Kind | None:
        """The loss network, or None."""
        return HOW[self.how]

    @property
    def total_steps(self) -> int:
        """The steps under a loss network: as set, or the default; none without a network."""
        return 0 if self.network is None else self.steps or STEPS

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LookSettings:
        """Return settings from names and values; settings not named keep their defaults.

        Raises SettingsError for an unknown name or a value out of range."""
        if unknown := sorted(set(values) - LOOK_KNOBS.keys()):
            raise SettingsError(f"There is no setting {', '.join(unknown)}; there are {', '.join(LOOK_KNOBS)}.")
        return cls(**values)


LOOK_KNOBS: dict[str, Knob] = {f.name: Knob(f.name, f.default, **f.metadata) for f in fields(LookSettings)}
