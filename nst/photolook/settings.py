"""The settings of the photo look: name, default, range and help, each defined once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from nst.backbones.kinds import STUDENT, VGG19, Kind
from nst.knobs import Knobs, choice, number
from nst.regions.region import MAX_PAINTINGS

HOW = {"once": None, "quick": STUDENT, "full": VGG19}
"""By the names that the setting ``how`` has for them: the loss network, or none."""
STEPS = 40  # default number of steps with a loss network


@dataclass(frozen=True)
class LookSettings(Knobs):
    """The settings of ``nst.photoreal``. Raises SettingsError for a value outside its range."""

    how: str = choice(
        "quick",
        tuple(HOW),
        "once: colors are matched region by region, in seconds; quick: then judged by the small network; full: by "
        "VGG-19.",
    )
    strength: float = number(1.0, 0.0, 1.0, 0.05, "From the photograph as it is, 0, to the look of the reference, 1.")
    steps: int = number(0, 0, 1000, 1, f"Steps under a loss network; 0 takes what is usual: {STEPS}.")
    size: int = number(
        352, 128, 1024, 32, "Long side in pixels at which the look is found; it is applied to the photograph in full."
    )
    style_weight: float = number(1.0, 0.0, 10.0, 0.1, "How strongly the reference's look is followed.")
    regions: int = number(
        0,
        0,
        MAX_PAINTINGS,
        1,
        "Where no masks are given, into how many regions the photograph is divided, each of which takes its look from "
        "the part of the reference that fits it best: 1 is all of it; 0 finds how many there are.",
    )
    photorealism: float = number(
        1.0, 0.1, 10.0, 0.1, "How strictly every small window stays a recoloring of the photograph."
    )

    @property
    def network(self) -> Kind | None:
        """The loss network, or None."""
        return HOW[self.how]

    @property
    def total_steps(self) -> int:
        """The steps under a loss network: as set, or the default; none without a network."""
        return 0 if self.network is None else self.steps or STEPS

    def made(self) -> dict[str, Any]:
        """Return names and values for a recipe, with the number of steps that were taken."""
        return asdict(replace(self, steps=self.total_steps))


LOOK_KNOBS = LookSettings.knobs()
