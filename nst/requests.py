"""Requests: what to paint and how, one class for each engine, and the recipe that is written into the file."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from PIL import Image

import nst
from nst.backbones.kinds import SCHEDULES
from nst.feedforward import fast
from nst.feedforward.styles import Style, find
from nst.images import Picture, Source, fit
from nst.knobs import Knob
from nst.recipe import optimized
from nst.regions.region import drawn_regions
from nst.settings import FEWEST, KNOBS, Settings

SIZE = fast.SIZE.default  # the page's default long side, in pixels
OWN = "painting"  # in a recipe, the style that is predicted for the painting
FAST = "fast"  # the fast engine, as a value of "how"
CONTINUATIONS = ("finish", "more", "less", "finer")  # ways to continue from a result
MORE = 1.6  # factor on the style weight when continuing from a result
SHARE = Knob("share", 0.5, "Share of the second painting, where it has no place of its own.", 0.0, 1.0, 0.05)


@dataclass(frozen=True)
class FastRequest:
    """A request to the fast engine. With ``regions``, each is painted in the style of its painting or part of one, and
    ``style`` is that of the whole painting, for the recipe."""

    style: dict[str | Style, float]
    strength: float = fast.STRENGTH.default
    stroke: float = fast.STROKE.default
    color: str = fast.COLOR.default
    size: int | None = SIZE
    seed: int = fast.SEED.default
    regions: tuple[nst.Region, ...] = ()

    def paint(self, photo: Picture, **watching: Any) -> Image.Image:
        """Return the painting; ``watching`` is ``cancelled`` and ``progress`` of ``nst.stylize``."""
        options: dict[str, Any] = {"stroke": self.stroke, "color": self.color, "seed": self.seed}
        if self.regions:
            options["painting"] = list(self.regions)
        return nst.stylize(photo, self.style, self.strength, self.size, **options, **watching)

    def recipe(self) -> dict[str, Any]:
        """Return the recipe that is written into the file."""
        how: dict[str, Any] = {"stroke": self.stroke, "color": self.color, "seed": self.seed}
        recipe = fast.recipe(self.style, self.strength, self.size, **how)
        return recipe | ({"sub_styles": len(self.regions)} if self.regions else {})

    def title(self) -> str:
        """Return the style's title, or those of a mixture with their shares."""
        return title(self.style)

    @property
    def usual(self) -> bool:
        """Whether it is a single style with default settings."""
        return len(self.style) == 1 and replace(self, style={}) == FastRequest({})


def title(style: dict[str | Style, float]) -> str:
    """Return the style's title, or those of a mixture with their shares."""
    mix = fast.shares(style)
    if len(mix) == 1:
        return next(iter(mix)).title
    return " + ".join(f"{style.title} {share:.0%}" for style, share in mix.items())


@dataclass(frozen=True)
class Part:
    """A part of a painting and where it goes, both as masks (mode L); ``painting`` is 0 for the first, 1 for the
    second."""

    painting: int
    mask: Image.Image
    part: Image.Image


def parts_of(regions: Sequence[nst.Region], paintings: Sequence[Picture]) -> tuple[Part, ...]:
    """Return what ``nst.assign`` gave as ``Extras`` keeps it; ``paintings`` are the first and perhaps the second."""
    numbers = {id(painting): number for number, painting in enumerate(paintings)}
    masks = [cast(tuple[Image.Image, Image.Image], (region.mask, region.part)) for region in regions]
    return tuple(Part(numbers[id(region.painting)], *both) for region, both in zip(regions, masks, strict=True))


@dataclass(frozen=True)
class Extras:
    """What goes into a picture besides the one painting: a second one, its share, and a drawing of what goes where (see
    ``regions.drawn_regions``); or sub-styles of the paintings instead of a share and a drawing."""

    second: Picture | None = None
    share: float = SHARE.default
    places: Image.Image | None = None
    sub_styles: tuple[Part, ...] = ()


@dataclass(frozen=True)
class FullRequest:
    """A request to the full method.

    With ``fast_style`` it starts from the photo's fast result in that style, or in the painting's own style if that is
    ``OWN``. With ``begun`` it continues from that picture, an earlier result; ``before`` holds the settings that made
    it, first to last. With ``unfinished`` it resumes what an interrupted run had painted after ``after`` steps.
    ``style`` holds the shares of the page's styles whose textures are painted from; ``painting`` is then the first
    one's."""

    photo: Picture
    painting: Picture
    settings: Settings
    fast_style: dict[str, float] | str | None = None
    begun: Image.Image | None = None
    before: tuple[dict[str, Any], ...] = ()
    unfinished: Picture | None = None
    after: int = 0
    beside: Extras = Extras()
    style: dict[str, float] | None = None

    def again(self, wish: str, result: Image.Image) -> FullRequest:
        """Return an order that continues from this order's ``result``: with "more" or "less" style, "finer" (larger by
        half), or to "finish" with VGG-19 what the small network has begun."""
        now = self.settings
        before = (*self.before, asdict(now))
        first = Settings.from_dict(before[0])
        # The network of the last scale continues (after both, VGG-19), for a third of the steps of a run of its own.
        network = now.schedule.fine.name
        third = first.total_steps * SCHEDULES[network].steps / first.schedule.steps / 3
        changed: dict[str, Any] = {"network": network, "steps": max(FEWEST, int(third)), "scales": 1}
        if wish == "finish":
            changed = asdict(replace(now, steps=first.total_steps).finishing())
        elif wish == "finer":
            changed["size"] = min(KNOBS["size"].high, round(now.size * 1.5 / 32) * 32)
        else:
            weight = max(0.1, now.style_weight) * MORE if wish == "more" else now.style_weight / MORE
            changed["style_weight"] = round(min(KNOBS["style_weight"].high, weight), 3)
        settings = replace(now, **changed)
        return replace(self, settings=settings, begun=result, before=before, unfinished=None, after=0)

    def kept(self) -> FullRequest:
        """Return the same order with its pictures no larger than any painting needs them, to be stored for longer."""
        second = self.beside.second and kept(self.beside.second)
        beside = replace(self.beside, second=second)
        return replace(self, photo=kept(self.photo), painting=kept(self.painting), beside=beside)

    def paintings(self) -> Source | list[nst.Region]:
        """Return the style input of ``nst.optimize``. Raises SettingsError if the drawing needs a second painting and
        there is none, and for a drawing together with sub-styles."""
        if self.beside.sub_styles:
            if self.beside.places is not None:
                raise nst.SettingsError(
                    "Sub-styles and a drawing both say what goes where: erase the drawing, or end the sub-styles."
                )
            both = (self.painting, self.beside.second)
            return [nst.Region(both[p.painting], mask=p.mask, part=p.part) for p in self.beside.sub_styles]
        drawn = drawn_regions(self.painting, self.beside.second, self.beside.share, self.beside.places)
        if self.style is None or len(self.style) == 1:
            return drawn
        regions = drawn if isinstance(drawn, list) else [nst.Region(drawn)]
        mixed: list[nst.Region] = []
        for region in regions:
            if region.painting is self.painting:
                parts = ((texture(name), share) for name, share in self.style.items())
                mixed += [replace(region, painting=part, weight=region.weight * share) for part, share in parts]
            else:
                mixed.append(region)
        return mixed

    def recipe(self) -> dict[str, Any]:
        """Return the recipe that is saved in the picture's file."""
        made: dict[str, Any] = {"painting_pixels": fingerprint(self.painting)}
        if self.style:
            made["style"] = self.style
        if self.fast_style:
            mix: Any = self.fast_style
            made["fast_style"] = OWN if mix == OWN else fast.mixture(mix)
        if self.beside.second is not None:
            made |= {"second": self.beside.second.name, "second_pixels": fingerprint(self.beside.second)}
            made["share"] = self.beside.share
        if self.beside.sub_styles:
            made["sub_styles"] = len(self.beside.sub_styles)
        if self.beside.places is not None:
            made["places"] = hashed(self.beside.places)
        if self.before:
            made["before"] = list(self.before)
        return optimized(self.painting.name, self.settings.made(), **made)


@functools.cache
def texture(style: str) -> Picture:
    """Return the picture that stands in for a style's painting: a texture that this program painted from its
    statistics.

    Raises SettingsError if there is none."""
    found = find(style)
    if found.texture is None:
        raise nst.SettingsError(f"There is no texture of {found.title} here: put its painting under Your painting.")
    return nst.open_image(found.texture, name=found.title)


def fingerprint(picture: Picture) -> str:
    """Return a hash of the pixels, whatever the file is called."""
    return hashed(kept(picture).image)


def hashed(image: Image.Image) -> str:
    """Return a hash of a picture's size and pixels, in 16 hex digits."""
    return hashlib.sha256(repr(image.size).encode() + image.tobytes()).hexdigest()[:16]


def kept(picture: Picture) -> Picture:
    """Return the picture, reduced if it is larger than any painting needs."""
    largest = int(KNOBS["size"].high)
    if max(picture.image.size) <= largest:
        return picture
    image = fit(picture.image, largest)
    return replace(picture, image=image, alpha=picture.alpha and picture.alpha.resize(image.size))
