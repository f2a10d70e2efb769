"""What paints for the command line: the fast engine or the full method, made ready for many photos in one style."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

import nst
from nst.errors import Cancelled, ImageError, SettingsError
from nst.feedforward.knobs import FAST_KNOBS
from nst.images import Picture, open_image
from nst.recipe import optimized
from nst.settings import PRESETS, Settings
from nst.terminal import Bar, Stopped


@dataclass(frozen=True)
class Painted:
    """A finished picture: the recipe for its file, what was done to the photo, and figures for those who ask."""

    image: Image.Image
    recipe: dict[str, Any]
    notes: tuple[str, ...]
    figures: dict[str, Any]
    stopped: bool = False  # before its last step


@dataclass(frozen=True)
class Painter:
    """``prepare(stopped, quiet)`` fetches what is missing; ``paint`` then paints one photo after another. ``word`` is
    the style's, for names of files."""

    word: str
    paint: Callable[[Picture, Bar, Stopped], Painted]
    prepare: Callable[[Stopped, bool], None] = lambda stopped, quiet: None


def option(knob: str) -> str:
    """What a knob is called on the command line."""
    return f"--{knob.replace('_', '-')}"


def fast_painter(style: str, given: Mapping[str, Any], preset: str | None = None) -> Painter:
    """The fast engine with a style of the catalogue, of a file, or as it is predicted for a painting.

    Raises SettingsError for a style that is not there, and for a setting out of range or of the full method."""
    from nst.feedforward import fast

    if foreign := [option(name) for name in given if name not in FAST_KNOBS] + ["--preset"] * (preset is not None):
        raise SettingsError(f"{foreign[0]} is a setting of --how quick, both and full; fast does not have it.")
    how = {name: knob.default for name, knob in FAST_KNOBS.items()} | {"size": None}
    how |= {name: FAST_KNOBS[name].check(value) for name, value in given.items()}
    chosen = found = _shipped(style)
    if found is None:
        chosen = nst.open_style(style) if _is_style(style) else nst.style_of(_painting(style))

    def paint(photo: Picture, bar: Bar, stopped: Stopped) -> Painted:
        image = nst.stylize(photo, chosen, **how, cancelled=stopped, progress=bar.reach)
        figures = {"style": chosen.id, "device": image.info["provider"].removesuffix("ExecutionProvider")}
        return Painted(image, fast.recipe(chosen, **how), image.info["notes"], figures)

    return Painter(found.id if found else Path(style).stem, paint)


def settings(preset: str | None, network: str | None, given: Mapping[str, Any]) -> Settings:
    """A preset's settings, or the usual ones, as this network has them; those that are given go first.

    Raises SettingsError for one out of range, and for one that only the fast engine has."""
    if "strength" in given:
        raise SettingsError("--strength is a setting of --how fast; here --style-weight leads nearer to the painting.")
    values = {**(PRESETS[preset].values if preset else {}), **given}
    return Settings.from_dict(values | ({"network": network} if network else {}))


def step_painter(style: str, settings: Settings) -> Painter:
    """The full method after a painting, or after the texture of a style of the catalogue.

    Raises SettingsError where there is no picture of the style."""
    found, beside = _shipped(style), {}
    if found is not None:
        texture = getattr(found, "texture", None)
        if texture is None:
            raise SettingsError(
                f"Of {found.title} only a style for --how fast is here: give its painting's file instead."
            )
        painting, beside = open_image(texture, name=found.title), {"style": {found.id: 1.0}}
    elif _is_style(style):
        raise SettingsError(f"{Path(style).name} is a style for --how fast: give its painting's file instead.")
    else:
        painting = _painting(style)

    def prepare(stopped: Stopped, quiet: bool) -> None:
        from nst.backbones import loading

        if loading.at_hand(settings):
            return
        with Bar("Fetching VGG-19", quiet=quiet) as bar:

            def told(done: int, total: int) -> None:
                if stopped():
                    raise Cancelled("The network was no longer wanted.")
                bar.reach(done, total)

            loading.load_judges(settings, told)

    def paint(photo: Picture, bar: Bar, stopped: Stopped) -> Painted:
        from nst import device

        last = None
        for last in nst.optimize(photo, painting, settings, cancelled=stopped):
            bar.reach(last.step, last.steps, f"{last.remaining:.0f} s left, style {last.losses['style']:.3f}")
        if last is None:
            raise Cancelled("The picture was no longer wanted.")
        recipe = optimized(painting.name, settings.made(), **beside, step=last.step)
        figures = {"painting": painting.name, "device": device.describe(last.canvas.device)}
        figures |= {"step": last.step, "steps": last.steps, "losses": last.losses}
        return Painted(last.image, recipe, last.notes, figures, stopped() and last.step < last.steps)

    return Painter(found.id if found else Path(style).stem, paint, prepare)


def _shipped(style: str) -> nst.Style | None:
    """The shipped style of this id, None for what is a file. Raises SettingsError for what is neither."""
    from nst.feedforward.styles import catalogue

    if style in catalogue():
        return catalogue()[style]
    if Path(style).is_file():
        return None
    raise SettingsError(f"{style[:80]} is neither a file nor one of the styles {', '.join(catalogue())}.")


def _is_style(file: str) -> bool:
    return Path(file).suffix.lower() == ".nst"


def _painting(file: str) -> Picture:
    """A painting. It is an argument: where it is no picture, that is no fault of a photo's."""
    try:
        return open_image(file)
    except ImageError as error:
        raise SettingsError(str(error)) from error
