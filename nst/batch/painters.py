"""The engines as the command line uses them: fast or full method, prepared for many photos in one style."""

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
    """A finished picture: the recipe for its file, what was done to the photo, and figures to report."""

    image: Image.Image
    recipe: dict[str, Any]
    notes: tuple[str, ...]
    figures: dict[str, Any]
    stopped: bool = False  # before its last step


@dataclass(frozen=True)
class Painter:
    """Paints in one style: ``prepare(stopped, quiet)`` fetches what is missing; ``paint`` then paints one photo after
    another. ``word`` is the style's name in file names."""

    word: str
    paint: Callable[[Picture, Bar, Stopped], Painted]
    prepare: Callable[[Stopped, bool], None] = lambda stopped, quiet: None


def option(knob: str) -> str:
    """Return the name of a knob on the command line."""
    return f"--{knob.replace('_', '-')}"


def fast_painter(
    style: str, given: Mapping[str, Any], preset: str | None = None, sub_styles: int | None = None
) -> Painter:
    """Return the fast engine with a style of the catalog, of a file, or predicted for a painting, or for each of its
    ``sub_styles``: their number, or 0 for as many as are found.

    Raises SettingsError for a style that does not exist, and for a setting out of range or of the full method."""
    if foreign := [option(name) for name in given if name not in FAST_KNOBS] + ["--preset"] * (preset is not None):
        raise SettingsError(f"{foreign[0]} is a setting of --how quick, both and full; fast does not have it.")
    how = {name: knob.default for name, knob in FAST_KNOBS.items()} | {"size": None}
    how |= {name: FAST_KNOBS[name].check(value) for name, value in given.items()}
    found = _shipped(style)
    parts = None if sub_styles is None else _decomposed(style, sub_styles)
    chosen = fast_style(style) if parts is None else None

    def paint(photo: Picture, bar: Bar, stopped: Stopped) -> Painted:
        what = {"style": chosen} if parts is None else {"painting": nst.assign(photo, parts)}
        image = nst.stylize(photo, **what, **how, cancelled=stopped, progress=bar.reach)
        recipe = image.info["recipe"]
        figures = {"style": recipe["style"], "device": image.info["provider"].removesuffix("ExecutionProvider")}
        return Painted(image, recipe, image.info["notes"], figures)

    return Painter(found.id if found else Path(style).stem, paint)


def fast_style(style: str) -> nst.Style:
    """Return a style of the catalog by its id, of a file, or predicted for a painting.

    Raises SettingsError if there is none of them, ImageError for a picture that cannot be read."""
    if found := _shipped(style):
        return found
    return nst.open_style(style) if _is_style(style) else nst.style_of(_painting(style))


def settings(preset: str | None, network: str | None, given: Mapping[str, Any]) -> Settings:
    """Return a preset's settings, or the defaults, for this network; given values take precedence.

    Raises SettingsError for a value out of range, and for a setting that only the fast engine has."""
    if "strength" in given:
        raise SettingsError("--strength is a setting of --how fast; here --style-weight leads nearer to the painting.")
    values = {**(PRESETS[preset].values if preset else {}), **given}
    return Settings.from_dict(values | ({"network": network} if network else {}))


def step_painter(style: str, settings: Settings, sub_styles: int | None = None) -> Painter:
    """Return the full method with a painting as its style, with the texture of a style of the catalog, or with a
    painting's ``sub_styles``: their number, or 0 for as many as are found.

    Raises SettingsError if there is no picture of the style."""
    found, beside = _shipped(style), {}
    parts = None if sub_styles is None else _decomposed(style, sub_styles)
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
        from nst.backbones.at_hand import at_hand

        if at_hand(settings):
            return
        with Bar("Fetching VGG-19", quiet=quiet) as bar:

            def told(done: int, total: int) -> None:
                if stopped():
                    raise Cancelled("The network was no longer wanted.")
                bar.reach(done, total)

            loading.load_networks(settings, told)

    def paint(photo: Picture, bar: Bar, stopped: Stopped) -> Painted:
        from nst import device

        last = None
        where = painting if parts is None else nst.assign(photo, parts)
        for last in nst.optimize(photo, where, settings, cancelled=stopped):
            bar.reach(last.step, last.steps, f"{last.remaining:.0f} s left, style {last.losses['style']:.3f}")
        if last is None:
            raise Cancelled("The picture was no longer wanted.")
        recipe = optimized(painting.name, settings.made(), **beside, step=last.step)
        figures: dict[str, Any] = {"painting": painting.name, "device": device.describe(last.canvas.device)}
        figures |= {"step": last.step, "steps": last.steps, "losses": last.losses}
        return Painted(last.image, recipe, last.notes, figures, stopped() and last.step < last.steps)

    return Painter(found.id if found else Path(style).stem, paint, prepare)


def _shipped(style: str) -> nst.Style | None:
    """Return the shipped style with this id, or None for a file. Raises SettingsError for anything else."""

    from nst.feedforward.styles import catalog

    if style in catalog():
        return catalog()[style]
    if Path(style).is_file():
        return None
    raise SettingsError(f"{style[:80]} is neither a file nor one of the styles {', '.join(catalog())}.")


def _decomposed(style: str, sub_styles: int) -> list[nst.SubStyle]:
    """Return the sub-styles of a painting. Raises SettingsError for what is no painting."""
    if _shipped(style) is not None or _is_style(style):
        raise SettingsError(f"--sub-styles divides a painting: give its file instead of {Path(style).name}.")
    return nst.decompose(_painting(style), sub_styles or None)


def _is_style(file: str) -> bool:
    return Path(file).suffix.lower() == ".nst"


def _painting(file: str) -> Picture:
    """Open a painting. It is a command-line argument: if it is not a picture, that is no photo's error."""
    try:
        return open_image(file)
    except ImageError as error:
        raise SettingsError(str(error)) from error
