"""The settings of the full method: name, default, range and help, each defined once; and presets with their sources.

The page's controls are made from ``KNOBS``, and the README's tables are checked against them and ``PRESETS``.
``Settings.from_image`` reads back the settings that made a picture (see ``recipe.py``).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from nst.backbones.kinds import FINISH, FULL, SCHEDULES, Schedule
from nst.color import COLORS
from nst.errors import SettingsError
from nst.images import Source
from nst.knobs import Knobs, choice, number
from nst.recipe import EXTRAS, PROGRAM
from nst.saving import read_recipe

USUAL = 384  # default long side in pixels; the extra scales of larger pictures depend on it
FEWEST = 10  # least number of steps of a run that continues from a result


def step_share(side: float) -> float:
    """Return the factor on the steps of a scale with this side, 1 up to the usual side: a painting takes shape at the
    small scales, where a step costs next to nothing."""
    return min(1.0, USUAL / side)


@dataclass(frozen=True)
class Settings(Knobs):
    """The settings of ``nst.optimize``. Raises SettingsError for a value outside its range."""

    size: int = number(USUAL, 64, 4096, 32, "Long side of the painting, in pixels.")
    steps: int = number(
        0,
        0,
        1000,
        1,
        "Steps over all scales; more is closer to the painting's style. 0 takes what is usual: "
        f"{SCHEDULES['vgg19'].steps} under VGG-19, {SCHEDULES['student'].steps} under the small network, "
        f"{SCHEDULES['both'].steps} under both.",
    )
    network: str = choice(
        FULL,
        tuple(sorted(SCHEDULES, key=lambda name: SCHEDULES[name].steps)),
        "The network that judges the picture: VGG-19; a small network distilled from it, three times faster; or the "
        "small one first, then VGG-19.",
    )
    finish: float = number(
        FINISH,
        0.05,
        0.95,
        0.01,
        "Share of the steps that VGG-19 takes, where it finishes what the small network has begun; less above "
        f"{USUAL} pixels.",
    )
    style_weight: float = number(1.0, 0.0, 10.0, 0.1, "How strongly the painting's style is followed.")
    content_weight: float = number(1.0, 0.0, 10.0, 0.1, "How strongly the photograph's structure is kept.")
    smoothness: float = number(1.0, 0.0, 10.0, 0.1, "Weight of total variation: higher is calmer, lower is rougher.")
    stroke: float = number(1.0, 0.5, 2.0, 0.1, "Size of the strokes: the painting is seen this many times larger.")
    color: str = choice(
        "style", COLORS, "Colors: the painting's; the photo's own; the painting's matched to the photo's."
    )
    scales: int = number(
        3,
        1,
        3,
        1,
        f"How many sizes are painted, coarse to fine, with more above {USUAL} pixels; 1 is the full size alone.",
    )
    start: str = choice("photo", ("photo", "noise"), "The picture the first step begins with.")
    optimizer: str = choice("adam", ("adam", "lbfgs"), "Optimizer: Adam, or L-BFGS as in the paper.")
    pooling: str = choice("max", ("max", "average"), "VGG-19's pooling; average is smoother, as in the paper.")
    statistic: str = choice(
        "gram",
        ("gram", "wasserstein"),
        "Statistics of the style: Gram matrices; or means and covariances, compared by Wasserstein distance.",
    )
    content_layer: str = choice(
        "relu4_2",
        ("relu2_2", "relu3_2", "relu4_2", "relu5_2"),
        "Layer that keeps the photo's structure; a deeper one keeps less.",
    )
    style_1: float = number(1.0, 0.0, 4.0, 0.1, "Share of layer relu1_1 in the style: colors and grain.")
    style_2: float = number(1.0, 0.0, 4.0, 0.1, "Share of layer relu2_1: edges.")
    style_3: float = number(1.0, 0.0, 4.0, 0.1, "Share of layer relu3_1: strokes.")
    style_4: float = number(1.0, 0.0, 4.0, 0.1, "Share of layer relu4_1: shapes.")
    style_5: float = number(1.0, 0.0, 4.0, 0.1, "Share of layer relu5_1: large forms.")
    edge: float = number(4.0, 0.0, 20.0, 0.5, "Width of a mask's soft edge, in percent of the picture's long side.")
    seed: int = number(0, 0, 2**31 - 1, 1, "The same seed gives the same picture on the same CPU.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.schedule.can(self.pooling, self.content_layer):
            raise SettingsError(
                "The small network has learned content layer relu4_2 and max pooling only: choose these, or VGG-19."
            )

    def judged_by(self, network: str) -> Settings:
        """Return the same settings with this loss network."""
        return replace(self, network=network)

    @property
    def schedule(self) -> Schedule:
        """Which loss networks are used at which scales."""
        return SCHEDULES[self.network]

    @property
    def total_steps(self) -> int:
        """The steps over all scales: as set, or the network's default."""
        return self.steps or self.schedule.steps

    def made(self) -> dict[str, Any]:
        """Return names and values for a recipe, with the number of steps that were taken."""
        return asdict(replace(self, steps=self.total_steps))

    @property
    def finish_steps(self) -> int:
        """How many steps VGG-19 takes at the end, at full size, after those of the small network."""
        if not self.schedule.finishes:
            return 0
        return max(1, round(self.total_steps * self.finish * step_share(self.size)))

    def finishing(self) -> Settings:
        """Return the settings with which VGG-19 finishes what the small network has begun with these: at full size, in
        fewer steps."""
        steps = round(self.total_steps * self.finish / (1 - self.finish) * step_share(self.size))
        steps = min(max(FEWEST, steps), int(KNOBS["steps"].high))
        return replace(self, network=FULL, steps=steps, scales=1)

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any] | None) -> tuple[Settings, tuple[str, ...]]:
        """Return the settings in a recipe from ``read_recipe``, and notes on what may not be reproduced exactly.

        Raises SettingsError if there is no recipe of the full method, or this version does not understand it."""
        if recipe is None:
            raise SettingsError(
                "There is no recipe in this picture: this program did not make it, or its text was lost on the way, "
                "as many websites remove it. Take the file that was downloaded here."
            )
        program = str(recipe.get("program", "a program unknown"))[:40]
        if recipe.get("engine") == "photo look":
            raise SettingsError("This picture is a photo look, which has settings of its own: nst.LookSettings.")
        if recipe.get("engine") != "optimize":
            how = ", ".join(
                f"{name} {recipe[name]}" for name in ("style", "strength", "stroke", "color") if name in recipe
            )
            raise SettingsError(
                f"This picture is not by the full method but by Fast, with {how[:300] or 'no settings'}."
            )
        values = {name: value for name, value in recipe.items() if name not in EXTRAS}
        if unknown := sorted(values.keys() - KNOBS.keys()):
            raise SettingsError(
                f"This picture is by {program}; this is {PROGRAM}, which does not know {unknown[0][:40]!r}."
            )
        values.setdefault("network", FULL)  # the only network when recipes did not name one
        notes = []
        if program != PROGRAM:
            notes.append(f"This picture is by {program}; this is {PROGRAM}, and its picture may differ.")
        if recipe.get("before"):
            notes.append("It went on from a picture made with other settings; these are the last.")
        if missing := [name for name in KNOBS if name not in values]:
            notes.append(f"The recipe does not say {', '.join(missing)}: the usual is taken.")
        return cls.from_dict(values), tuple(notes)

    @classmethod
    def from_image(cls, source: Source) -> Settings:
        """Return the settings that made a picture saved by this program (PNG or JPEG).

        Warns of what may not be reproduced exactly. Raises ImageError if it is not a picture, and SettingsError if it
        has no recipe of the full method, or one that this version does not understand."""
        settings, notes = cls.from_recipe(read_recipe(source))
        for note in notes:
            warnings.warn(note, stacklevel=2)
        return settings


KNOBS = Settings.knobs()


@dataclass(frozen=True)
class Preset:
    """Settings that belong together: their source, and the values that differ from the defaults."""

    source: str
    values: Mapping[str, Any]

    def settings(self) -> Settings:
        """Return the defaults with these values."""
        return Settings.from_dict(self.values)


_PAPER = {"network": FULL, "size": 512, "scales": 1, "smoothness": 0.0, "optimizer": "lbfgs"}
PRESETS: dict[str, Preset] = {
    "usual": Preset("This program's own.", {}),
    "paper": Preset(
        "Gatys, Ecker & Bethge, Image Style Transfer Using Convolutional Neural Networks, CVPR 2016: from noise, with "
        "average pooling and L-BFGS, at one size. Terms are weighted as in this program.",
        _PAPER | {"start": "noise", "pooling": "average", "steps": 300},
    ),
    "code": Preset(
        "Gatys, PytorchNeuralStyleTransfer, 2017, the authors' code: as the paper, but from the photo, with maximum "
        "pooling, 500 steps. Terms are weighted as in this program.",
        _PAPER | {"steps": 500},
    ),
    "quick": Preset(
        "This program's own: judged by the small network, which needs no download.",
        {"network": "student"},
    ),
    "both": Preset(
        "This program's own: the small network first, then VGG-19 for the last word.",
        {"network": "both"},
    ),
    "luminance": Preset(
        "Gatys, Ecker, Bethge, Hertzmann & Shechtman, Controlling Perceptual Factors in Neural Style Transfer, CVPR "
        "2017, section 5: only the luminance is painted, the colors are the photo's.",
        {"color": "luminance"},
    ),
    "matched": Preset(
        "The same, section 5 and its supplement: the painting's colors are matched to the photo's first.",
        {"color": "match"},
    ),
    "transport": Preset(
        "Mroueh, Wasserstein Style Transfer, 2019: style as the 2-Wasserstein distance of Gaussians, here as a term of "
        "the objective.",
        {"statistic": "wasserstein"},
    ),
    "close": Preset(
        "This program's own: nearer to the painting, in twice the time of VGG-19's usual steps.",
        {"network": FULL, "steps": 240, "style_weight": 1.4, "smoothness": 0.6},
    ),
    "sketch": Preset("A quick look.", {"size": 256, "steps": 50}),
    "print": Preset("Large and slow, for paper.", {"size": 2048, "steps": 160}),
}
