"""Paints photos one after another for the command line: which photos, into which files, and what is reported."""

from __future__ import annotations

import glob
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from nst.batch.painters import Painter
from nst.errors import Cancelled, NSTError, SettingsError
from nst.images import open_image
from nst.saving import save_image
from nst.terminal import Bar, Stopped, stopping

SAVED = (".png", ".jpg", ".jpeg")
# Suffixes of the files in a folder that count as photos.
PICTURES = (*SAVED, ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif", ".jp2", ".ppm")


def photos(given: Sequence[str]) -> list[Path]:
    """Return the files meant by names of files, folders, and patterns. A named file is not checked to exist.

    Raises SettingsError for a folder without a picture, and for a pattern that matches no file."""
    found: list[Path] = []
    for name in given:
        path = Path(name)
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES and not p.name.startswith("."))
        elif any(sign in name for sign in "*?[") and not path.exists():
            inside = sorted(p for p in map(Path, glob.glob(name, recursive=True)) if p.is_file())
        else:
            inside = [path]
        if not inside:
            raise SettingsError(
                f"There is no picture in the folder {name}." if path.is_dir() else f"No file is {name}."
            )
        found += inside
    return list(dict.fromkeys(found))


def tasks(photos: Sequence[Path], out: Path, word: str) -> list[tuple[Path, Path]]:
    """Pair every photo with the file that it is painted into: all of these differ, and none is one of the photos.

    Raises SettingsError if ``out`` cannot be used for that."""
    taken = {os.path.realpath(photo) for photo in photos}
    if out.suffix.lower() not in PICTURES or out.is_dir():
        return [(photo, _free(out, f"{photo.stem}-{word}", taken)) for photo in photos]
    if out.suffix.lower() not in SAVED:
        raise SettingsError(f"{out.name} can be saved as PNG or JPEG only: let its name end in .png or .jpg.")
    if len(photos) > 1:
        raise SettingsError(f"{out} is one file, and there are {len(photos)} photos: name a folder.")
    if os.path.realpath(out) in taken:
        raise SettingsError(f"{out} is the photo itself: choose another file to paint into.")
    return [(photos[0], out)]


def _free(folder: Path, name: str, taken: set[str]) -> Path:
    """Return a file with this name that is not taken yet, and mark it as taken."""
    target, number = folder / f"{name}.png", 1
    while os.path.realpath(target) in taken:
        number += 1
        target = folder / f"{name}-{number}.png"
    taken.add(os.path.realpath(target))
    return target


def make_folder(folder: Path) -> None:
    """Make a folder to write into, if it does not exist yet. Raises SettingsError if that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be a folder to write into ({error.strerror}).") from error


def run(tasks: Sequence[tuple[Path, Path]], painter: Painter, *, as_json: bool = False) -> tuple[int, bool]:
    """Paint all photos and report each; return how many failed, and whether Ctrl-C ended the run.

    A photo that cannot be painted does not hold up the others. Raises WeightsUnavailable if none can be painted."""
    failed = 0
    with stopping() as stopped:
        try:
            painter.prepare(stopped, as_json)
            for photo, target in tasks:
                try:
                    _paint(photo, target, painter, stopped, as_json)
                except Cancelled:
                    raise
                except NSTError as error:
                    failed += 1
                    if as_json:
                        print(json.dumps({"photo": str(photo), "error": str(error)}), flush=True)
                    print(f"nst: {error}", file=sys.stderr)
                if stopped() and (photo, target) != tasks[-1]:
                    raise Cancelled("Others were no longer wanted.")
        except Cancelled:
            print("nst: Stopped; what was painted until then is kept.", file=sys.stderr)
            return failed, True
    return failed, False


def _paint(photo: Path, target: Path, painter: Painter, stopped: Stopped, as_json: bool) -> None:
    """Paint one photo, save it, and report it. Raises Cancelled also if it was saved but stopped early."""
    began = time.perf_counter()
    picture = open_image(photo)
    with Bar(photo.name, quiet=as_json) as bar:
        painted = painter.paint(picture, bar, stopped)
    save_image(painted.image, target, recipe=painted.recipe)
    seconds, figures, (width, height) = time.perf_counter() - began, painted.figures, painted.image.size
    if as_json:
        told = {"photo": str(photo), "file": str(target), "seconds": round(seconds, 3), "size": [width, height]}
        print(json.dumps(told | figures | {"notes": painted.notes}), flush=True)
    else:
        steps = f", {figures['step']} of {figures['steps']} steps" if "steps" in figures else ""
        print(f"{target}: {width} x {height}{steps}, {seconds:.1f} s on {figures['device']}", flush=True)
        for note in painted.notes:
            print(f"nst: {note}", file=sys.stderr)
    if painted.stopped:
        raise Cancelled("The rest was no longer wanted.")
