"""Put a trained style into the catalogue: ``python -m nst.training.publish CHECKPOINT ID --painting FILE ...``.

Exports the network (see ``export.py``), measures it on a folder of photographs, paints its
thumbnail, and writes its entry into ``models/styles.json`` and the model card ``models/README.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from PIL import ImageOps

from nst import weights
from nst.fast import MODELS, paint
from nst.images import fit, open_image, save_image
from nst.networks import VGG19
from nst.training import export, measure

SIZE = 512  # long side of the photographs that are measured
THUMBNAIL = 320
CARD = """# Fast styles

Feed-forward networks that paint a photograph in one pass, run by `nst/fast.py`. Made from
`styles.json` by `python -m nst.training.publish`; trained by `python -m nst.training.train`.

| Style | Painting | Style distance | Content distance | Noise | Photos | Training steps | Size |
| --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

The distances are means over photographs of {size} px that the network has not seen, at strength 1,
under VGG-19: style is the mean over relu1_1 to relu5_1 of |G - A| / |A|, content |F - P| / |P| at
relu4_2, noise the mean difference of neighboring pixels against the photograph's own.

- **Input** `photo`, float32 `[1, 3, height, width]`, RGB in 0..1, both sides multiples of 4 and at least 16;
  `mix`, float32 `[styles]`, the dose of each style. **Output** `painting`, like `photo`. ONNX opset {opset}.
- **Training** on freely licensed photographs and a painting in the public domain, steps of two crops; where a style
  was taken further with other weights of its terms, the steps are those of all stages. The networks are ours, under
  the license of this repository.
- **Meant for** pictures for people. Faces lose their likeness and text becomes unreadable; it is no judge of anything.
"""


def weigh(judge: VGG19, model: Path, painting: Path, photos: Path) -> dict[str, float]:
    """Mean distances over the photographs of a folder."""
    art = open_image(painting).image
    files = sorted(p for p in photos.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
    results = []
    for file in files:
        photo = open_image(file).image
        results.append(measure.distances(judge, photo, art, paint(model, fit(photo, SIZE))))
    means = {key: round(statistics.mean(r[key] for r in results), 3) for key in results[0]}
    return means | {"photos": len(files), "size": SIZE}


def rows(entries: list[dict[str, Any]]) -> list[str]:
    """The table's rows for these entries of the catalogue."""
    return [
        f"| `{e['id']}` | *{e['title']}*, {e['artist']}, {e['year']} ({e['license']}) | {e['metrics']['style']:.3f} | "
        f"{e['metrics']['content']:.3f} | {e['metrics']['noise']:.2f} | {e['metrics']['photos']} | "
        f"{e['metrics']['steps']} | {e['metrics']['megabytes']:.1f} MB |"
        for e in entries
    ]


def card(entries: list[dict[str, Any]]) -> str:
    """The model card for these entries of the catalogue."""
    return CARD.format(rows="\n".join(rows(entries)), size=SIZE, opset=export.OPSET)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("id", help="lower-case words with hyphens, as programs will call the style")
    parser.add_argument("--painting", type=Path, required=True, help="the picture it was trained on")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs to measure it on")
    parser.add_argument("--thumbnail", type=Path, required=True, help="the photograph that its thumbnail shows painted")
    parser.add_argument("--title", required=True)
    parser.add_argument("--artist", required=True)
    parser.add_argument("--year", required=True)
    parser.add_argument("--license", default="public domain", help="of the painting")
    parser.add_argument("--weights", type=Path, help="a VGG-19 file; default: from the Hub, as the app does")
    options = parser.parse_args()
    model, thumbnail = MODELS / f"{options.id}.onnx", MODELS / f"{options.id}.jpg"
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, model.name)
        worst = export.checked(options.checkpoint, made)
        model.write_bytes(made.read_bytes())
    print(f"{model.name} differs from PyTorch by {worst:.1e} at most")
    judge = VGG19(weights.read(options.weights) if options.weights else weights.vgg19())
    metrics = weigh(judge, model, options.painting, options.photos)
    metrics["steps"] = torch.load(options.checkpoint, map_location="cpu", weights_only=True)["step"]
    metrics["megabytes"] = round(model.stat().st_size / 1e6, 2)
    print(metrics)
    photo = ImageOps.fit(open_image(options.thumbnail).image, (THUMBNAIL, THUMBNAIL), centering=(0.5, 0.3))
    save_image(paint(model, photo), thumbnail, quality=88)
    entry = {
        "id": options.id,
        "title": options.title,
        "artist": options.artist,
        "year": options.year,
        "license": options.license,
        "file": model.name,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "thumbnail": thumbnail.name,
        "index": 0,
        "metrics": metrics,
    }
    catalogue = MODELS / "styles.json"
    entries = [e for e in json.loads(catalogue.read_text("utf-8")) if e["id"] != options.id] + [entry]
    catalogue.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", "utf-8")
    (MODELS / "README.md").write_text(card(entries), "utf-8")
    print("For README's table of styles:", *rows(entries), sep="\n")


if __name__ == "__main__":
    main()
