"""Keeps what an interrupted run had painted for a day, so that it can be resumed.

It is found by a random key in the visitor's own browser, which survives a closed tab and a killed
program. Everything is written whole or not at all, so that it can be read at any moment.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from PIL import Image

import nst
from nst.images import with_alpha
from nst.page.job import Preview
from nst.page.visitors import place
from nst.requests import Extras, FullRequest, Part
from nst.settings import Settings

SECONDS_BETWEEN = 5.0  # between saves: the most work that a killed program loses, and a moment

_running: set[str] = set()  # keys of the runs in this process


def new_key() -> str:
    """A random key that cannot be guessed."""
    return secrets.token_hex(16)


def folder(key: str) -> Path:
    """The folder for this key."""
    return place() / f"unfinished-{key}"


def is_key(key: Any) -> bool:
    """Whether this is a key: a browser that stores nothing has none, and an attacker may send anything."""
    return isinstance(key, str) and re.fullmatch("[0-9a-f]{32}", key) is not None


class Keeper:
    """Context manager that keeps the progress of ``order``; without a key it keeps nothing."""

    def __init__(self, key: Any, order: FullRequest) -> None:
        self.key, self.order, self.due = key if is_key(key) else None, order.kept(), 0.0

    def __enter__(self) -> Keeper:
        if self.key:
            _running.add(self.key)
        return self

    def __exit__(self, *_: object) -> None:
        _running.discard(self.key)

    def keep(self, preview: Preview, now: bool = False) -> None:
        """Save the state of the run, if it is due or ``now``."""
        if not self.key or preview.step < 2 or (time.monotonic() < self.due and not now):
            return
        here = folder(self.key)
        if not here.exists():
            self._begin(here)
        # A preview shows the picture that its step started from.
        nst.save_image(preview.image, here / "picture.png", recipe={"after": preview.step - 1})
        self.due = time.monotonic() + SECONDS_BETWEEN

    def finish(self) -> None:
        """Delete what was kept, as nothing is left to resume."""
        if self.key:
            shutil.rmtree(folder(self.key), ignore_errors=True)

    def _begin(self, here: Path) -> None:
        here.mkdir(parents=True)
        order = self.order
        for name, picture in (("photo", order.photo), ("painting", order.painting)):
            nst.save_image(with_alpha(picture.image, picture.alpha), here / f"{name}.png")
        if order.beside.second is not None:
            second = order.beside.second
            nst.save_image(with_alpha(second.image, second.alpha), here / "second.png")
        if order.beside.places is not None:
            nst.save_image(order.beside.places, here / "places.png")
        written = {
            "settings": asdict(order.settings),
            "fast_style": order.fast_style,
            "before": order.before,
            "style": order.style,
        }
        written |= {"photo": order.photo.name, "painting": order.painting.name, "share": order.beside.share}
        written["second"] = order.beside.second and order.beside.second.name
        written["places"] = order.beside.places is not None
        written["sub_styles"] = [part.painting for part in order.beside.sub_styles]
        for number, part in enumerate(order.beside.sub_styles):
            nst.save_image(part.mask, here / f"mask-{number}.png")
            nst.save_image(part.part, here / f"part-{number}.png")
        (here / "order.json").write_text(json.dumps(written), "utf-8")


def find(key: Any) -> FullRequest | None:
    """The order for this key, with the picture so far; None if there is none, or if it is being painted right now."""
    try:
        if not is_key(key) or key in _running:
            return None
        here = folder(key)
        if not (here / "picture.png").exists():
            return None
        written = json.loads((here / "order.json").read_text("utf-8"))
        photo, painting = (nst.open_image(here / f"{n}.png", name=written[n]) for n in ("photo", "painting"))
        picture, recipe = nst.open_image(here / "picture.png"), nst.read_recipe(here / "picture.png")
        order = FullRequest(photo, painting, Settings.from_dict(written["settings"]), written["fast_style"])
        order = replace(order, style=written.get("style"))
        second = written["second"] and nst.open_image(here / "second.png", name=written["second"])
        places = None
        if written["places"]:
            with Image.open(here / "places.png") as file:
                places = file.convert("RGBA")
        parts = tuple(
            Part(painting, *(_mask(here / f"{kind}-{number}.png") for kind in ("mask", "part")))
            for number, painting in enumerate(written.get("sub_styles", ()))
        )
        order = replace(order, beside=Extras(second, written["share"], places, parts))
        order = replace(order, before=tuple(written["before"]), unfinished=picture, after=int(recipe["after"]))
    except (ValueError, AttributeError, KeyError, TypeError, OSError, nst.NSTError):
        return None  # from another version, or incomplete: treated as missing
    return order if 0 < order.after < order.settings.total_steps else None


def _mask(file: Path) -> Image.Image:
    with Image.open(file) as mask:
        return mask.convert("L")
