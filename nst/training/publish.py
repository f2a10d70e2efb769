"""Put trained styles into the catalogue: ``python -m nst.training.publish CHECKPOINT --photos FOLDER PAINTING ...``.

Exports the network (see ``export.py``), measures every style on a folder of photographs, paints the
thumbnails, and writes the entries of ``models/styles.json`` and the model card ``models/README.md``.
What a painting is called comes from its entry; for one that has none yet, from ``--title`` and the like.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from nst import fast, measure, weights
from nst.fast import MODELS
from nst.images import fit, open_image, save_image
from nst.networks import VGG19
from nst.training import cards, export
from nst.training.photos import pictures
from nst.training.train import named

MODEL = "styles.onnx"
SIZE = 512  # long side of the photographs that are measured
THUMBNAIL = 256


def weigh(judge: VGG19, style: str, painting: Path, photos: Path) -> dict[str, Any]:
    """Mean distances over the photographs of a folder, painted in a style of the catalogue."""
    art = open_image(painting).image
    files = pictures(photos)
    results = []
    for file in files:
        photo = fit(open_image(file).image, SIZE)
        results.append(measure.distances(judge, photo, art, fast.paint({style: 1.0}, photo)))
    means = {key: round(statistics.mean(r[key] for r in results), 3) for key in results[0]}
    return means | {"photos": len(files), "size": SIZE}


def write(entries: list[dict[str, Any]]) -> None:
    """Write the catalogue, and let the program read it anew."""
    text = json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
    (MODELS / "styles.json").write_text(text, "utf-8")
    fast.catalogue.cache_clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("paintings", nargs="+", metavar="PAINTING", help="what it was trained on: a file, or id=file")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs to measure on")
    parser.add_argument("--thumbnail", type=Path, required=True, help="the photograph that thumbnails show painted")
    parser.add_argument("--title", help="of a painting that is new to the catalogue")
    parser.add_argument("--artist", help="likewise")
    parser.add_argument("--year", help="likewise")
    parser.add_argument("--license", default="public domain", help="likewise")
    parser.add_argument("--weights", type=Path, help="a VGG-19 file; default: from the Hub, as the app does")
    options = parser.parse_args()
    paintings = dict(map(named, options.paintings))
    entries = {e["id"]: e for e in json.loads((MODELS / "styles.json").read_text("utf-8"))}
    if new := sorted(paintings.keys() - entries.keys()):
        if len(new) > 1 or not (options.title and options.artist and options.year):
            raise SystemExit(
                f"New to the catalogue: {', '.join(new)}. One at a time, with --title, --artist and --year."
            )
        names = {key: getattr(options, key) for key in ("title", "artist", "year", "license")}
        entries[new[0]] = {"id": new[0], **names, "thumbnail": f"{new[0]}.jpg"}

    model, made = MODELS / MODEL, MODELS / f"{MODEL}.partial"
    print(f"{MODEL} differs from PyTorch by {export.checked(options.checkpoint, made):.1e} at most")
    order = export.read(made)["ids"]
    if lost := sorted(entries.keys() - set(order)):
        raise SystemExit(f"The catalogue has {', '.join(lost)}, and this network has not.")
    if unmeasured := sorted(n for n, e in entries.items() if not e.get("metrics") and n not in paintings):
        raise SystemExit(f"Not measured yet, so name their paintings too: {', '.join(unmeasured)}.")
    if not pictures(options.photos):
        raise SystemExit(f"No photographs to measure on in {options.photos}.")
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    os.replace(made, model)
    for entry in entries.values():
        place = {"file": MODEL, "sha256": digest, "index": order.index(entry["id"])}
        entry |= place | {"metrics": entry.get("metrics", {})}
    write(list(entries.values()))

    judge = VGG19(weights.read(options.weights) if options.weights else weights.vgg19())
    square = ImageOps.fit(open_image(options.thumbnail).image, (THUMBNAIL * 2, THUMBNAIL * 2), centering=(0.5, 0.3))
    for name, painting in paintings.items():
        entries[name]["metrics"] = weigh(judge, name, painting, options.photos)
        print(name, entries[name]["metrics"], flush=True)
        small = fast.paint({name: 1.0}, square).resize((THUMBNAIL, THUMBNAIL), Image.LANCZOS)
        save_image(small, MODELS / entries[name]["thumbnail"], quality=85)
    write(list(entries.values()))
    cards.write()
    print("For README's table of styles:", *cards.rows(list(entries.values())), sep="\n")


if __name__ == "__main__":
    main()
