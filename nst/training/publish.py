"""Publish trained styles: ``python -m nst.training.publish CHECKPOINT --paintings PAINTINGS STYLE ...``.

Exports the network (see ``export.py``), measures every named style on a folder of photographs that were not trained on,
paints the thumbnails, and writes the entries of the catalog ``models/styles.json`` and the model card
``models/README.md``. ``--quick`` also measures *Quick* on the same photographs and paintings, as the yardstick; its
figures are kept from then on. A STYLE is the name of a painting's file without its suffix, or ``id=name``. A painting's
title and other details come from its entry; for a new one, from ``--title`` and the related options.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

import nst
from nst.backbones.vgg19 import VGG19
from nst.benchmark import metrics
from nst.feedforward import sessions
from nst.feedforward import styles as catalogued
from nst.images import fit, open_image
from nst.models import MODELS
from nst.saving import save_image
from nst.settings import PRESETS
from nst.training import export, model_card, state
from nst.training.judge import vgg19
from nst.training.photos import opened, pictures
from nst.training.turns import named

SIZE = 512  # long side of the photographs that are measured
THUMBNAIL = 320


def means(results: list[dict[str, float]]) -> dict[str, Any]:
    """Average the figures over several photographs."""
    found = {key: round(statistics.mean(r[key] for r in results), 3) for key in results[0]}
    return found | {"photos": len(results), "size": SIZE}


def by_fast(judge: VGG19, style: str, painting: Image.Image, photos: list[Image.Image], known: dict) -> dict[str, Any]:
    """Return the mean figures of a style of the catalog."""
    made = ((photo, nst.stylize(photo, style)) for photo in photos)
    return means([metrics.figures(judge, photo, painting, result, known) for photo, result in made])


def by_quick(judge: VGG19, painting: Image.Image, photos: list[Image.Image], known: dict) -> dict[str, Any]:
    """Return the mean figures of what *Quick* makes of the same pairs."""
    settings = nst.Settings(**dict(PRESETS["quick"].values) | {"size": SIZE})
    results = []
    for photo in photos:
        for step in nst.optimize(photo, painting, settings):
            last = step
        results.append(metrics.figures(judge, photo, painting, last.image, known))
    return means(results)


def write(entries: list[dict[str, Any]]) -> None:
    """Write the catalog, and make the program reload it."""
    text = json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
    (MODELS / "styles.json").write_text(text, "utf-8")
    catalogued.catalog.cache_clear()


def reread() -> None:
    """Clear the caches of files that the program has read before."""
    for cached in (catalogued.catalog, catalogued.vectors, catalogued.network_digest, sessions._open):
        cached.cache_clear()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=Path, help="a training's checkpoint/, or models/ to measure what is there")
    parser.add_argument(
        "styles", nargs="*", metavar="STYLE", help="those to be measured: a painting's name, or id=name"
    )
    parser.add_argument("--paintings", type=Path, required=True, help="a folder or tar file of paintings")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs to measure on")
    parser.add_argument(
        "--thumbnails",
        nargs="+",
        required=True,
        metavar="PHOTO",
        help="what they show painted: a file for all, id=file for one",
    )
    parser.add_argument("--quick", action="store_true", help="measure Quick too")
    parser.add_argument("--title", help="of a painting that is new to the catalogue")
    parser.add_argument("--artist", help="likewise")
    parser.add_argument("--year", help="likewise")
    parser.add_argument("--license", default="public domain", help="likewise")
    parser.add_argument("--weights", type=Path, help="a VGG-19 file; default: from the Hub, as the app does")
    return parser.parse_args()


def main() -> None:
    options = parse()
    named_styles = dict(map(named, options.styles))
    paintings = {name: picture for name, picture in opened(options.paintings) if name in named_styles.values()}
    entries = {e["id"]: e for e in json.loads((MODELS / "styles.json").read_text("utf-8"))}
    if new := sorted(named_styles.keys() - entries.keys()):
        if len(new) > 1 or not (options.title and options.artist and options.year):
            raise SystemExit(
                f"New to the catalogue: {', '.join(new)}. One at a time, with --title, --artist and --year."
            )
        names = {key: getattr(options, key) for key in ("title", "artist", "year", "license")}
        entries[new[0]] = {"id": new[0], **names, "thumbnail": f"{new[0]}.jpg", "metrics": {}}
    if missing := sorted(set(named_styles.values()) - paintings.keys()):
        raise SystemExit(f"{options.paintings} has no {', '.join(missing)}.")
    photos = [fit(open_image(file).image, SIZE) for file in pictures(options.photos)]
    if not photos:
        raise SystemExit(f"No photographs to measure on in {options.photos}.")
    if options.checkpoint.resolve() != MODELS:
        trained = state.read(options.checkpoint)[1]["ids"]
        if lost := sorted(entries.keys() - set(trained)):
            raise SystemExit(f"The catalogue has {', '.join(lost)}, and this network has not.")
        print(f"The network differs from PyTorch by {export.checked(options.checkpoint, MODELS):.1e} at most")
    reread()
    write(list(entries.values()))

    judge = vgg19(options.weights)
    shown = {}
    for thumbnail in options.thumbnails:
        name, equals, file = thumbnail.rpartition("=")
        shown |= {name: file} if equals else dict.fromkeys(entries.keys() - shown.keys(), file)
    known: dict = {}  # cached features of these photographs and paintings
    for name, file in named_styles.items():
        metrics = by_fast(judge, name, paintings[file], photos, known)
        quick = (
            by_quick(judge, paintings[file], photos, known) if options.quick else entries[name]["metrics"].get("quick")
        )
        entries[name]["metrics"] = metrics | ({"quick": quick} if quick else {})
        print(name, entries[name]["metrics"], flush=True)
        write(list(entries.values()))
    for name, entry in entries.items():
        square = ImageOps.fit(open_image(shown[name]).image, (THUMBNAIL * 3 // 2,) * 2, centering=(0.5, 0.4))
        small = nst.stylize(square, name).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        save_image(small, MODELS / entry["thumbnail"], quality=85)
    model_card.write()
    print("For README's table of styles:", *model_card.rows(list(entries.values())), sep="\n")


if __name__ == "__main__":
    main()
