"""Generates the model card ``models/README.md`` from ``styles.json``, the catalog, and ``student.json`` in
``models/``.
"""

from __future__ import annotations

import json
from typing import Any

from nst.feedforward import files
from nst.feedforward.field import CHANNELS
from nst.models import MODELS
from nst.settings import Settings
from nst.training import export

STYLES = """# Fast styles

One feed-forward network that paints a photograph in one pass, in any of these styles, a mixture of them, or a style
learned since. A style is a vector. Run by `nst/feedforward/fast.py`; this part of the card is made from `styles.json`.

| Style | Painting | {names} |
| --- | --- | {lines} |
{rows}
{quick}
Means over {photos} photographs of {size} px that the network has not seen, at strength 1, under VGG-19. Style is the
mean over relu1_1 to relu5_1 of |G - A| / |A|, relu4_1 and relu5_1 that of these layers alone; content |F - P| / |P| at
relu4_2; noise the mean difference of neighboring pixels against the photograph's own; plain the share of the picture
that is bare, less the painting's; palette the sliced Wasserstein distance of the colors.

- **Network**: `network.onnx` with `network.safetensors`, {parameters:.2f} million weights in half precision, computed
  in float32; conditional instance normalization; see `nst/feedforward/network.py`. **Input** `photo`, float32
  `[tiles, 3, height, width]`, RGB in 0..1, both sides multiples of 8 and at least 16; `field`, the stroke field of the
  same pixels, `[tiles, {channels}, height, width]` (`nst/feedforward/field.py`); `vector`, `[{length}]`; `dose`, `[]`;
  `given` and `share`, the statistics to normalize with and how much of them goes in (0 for a whole picture, 1 for a
  tile). **Output** `painting`, like `photo`, and the `statistics` found. ONNX opset {opset}.
- **Several styles in one picture**: `regions.onnx`, the same network with the same weights. **Input** instead of
  `vector`: `vectors`, `[regions, {length}]`, and `places`, `[tiles, regions, height, width]`, their shares of every
  pixel, which add up to 1; `dose` is `[tiles, 1, height, width]`.
- **Styles**: `vectors.safetensors`, for each style two vectors, fine and broad strokes, in half precision; `identity`,
  the photograph's own.
- **Any painting**: `encoder.onnx` with `encoder.safetensors` and the student's weights. **Input** `painting`, float32
  `[1, 3, height, width]`, RGB in 0..1, and `part`, `[1, 1, height, width]`, how much each pixel counts.
  **Output** `vectors`, `[2, {length}]`.
- **Textures**: `textures/`, for each style a picture that stands in for its painting where the full method needs one.
  Painted by `python -m nst.training.textures`, from noise, towards the painting's statistics under the small network,
  or under VGG-19 (`--network vgg19 --size 512 --steps 160 90 45`) where that came nearer (after Gatys, Ecker & Bethge
  2015). What is in the painting comes back, mostly in other places.
- **Training**: {trained} steps of two crops or more of freely licensed photographs, `python -m nst.training.train`,
  with paintings in the public domain. The network is ours, under the license of this repository.
- **Meant for** pictures for people. Faces lose their likeness and text becomes unreadable; it is no judge of anything.
"""
QUICK = """
What *Quick*, the full method under the small network, makes of the same photographs and paintings:

| Style | {names} |
| --- | {lines} |
{rows}
"""
FIGURES = {  # heading, and number of decimals
    "style": ("Style", 3),
    "relu4_1": ("relu4_1", 2),
    "relu5_1": ("relu5_1", 2),
    "content": ("Content", 3),
    "noise": ("Noise", 2),
    "plain": ("Plain", 2),
    "palette": ("Palette", 3),
}
STUDENT = """
# The student

A small network, `student.safetensors`, that judges pictures in the place of VGG-19 ("Quick"), run by
`nst/backbones/student.py`. This part of the card is made from `student.json`.

| | Student | VGG-19 to relu5_1 |
| --- | --- | --- |
{costs}

A step is the network's way forward and back, on {machine}: medians, both networks in one run.

| Way | Style distance | Content distance | Noise | Time | Style distance, another judge |
| --- | --- | --- | --- | --- | --- |
{ways}

Medians over {pairs} photographs with as many paintings, {size} px, measured under VGG-19 as above: *Full* with
the default settings, *Quick* with the preset `quick`, *Finished* is *Quick* gone on from with VGG-19. None of these
photographs and paintings was trained on. The other judge has VGG-19's layout and random weights, as textures are made
with too (Ustyuzhaninov et al. 2017): nothing here was ever trained to please it.

- **Training**, by the courses in `nst/training/` and their steps:
  {taught}.
  With freely licensed photographs and paintings in the public domain: what VGG-19 sees in them, in such pictures
  disturbed, and in the student's own paintings.
- **License**: {license}.
- **Meant for** leading a style transfer. It has never learned what things are, and is no classifier.
"""


def figured(metrics: dict[str, Any]) -> str:
    """Format these metrics as cells of a table row."""
    return " | ".join(f"{metrics[name]:.{decimals}f}" for name, (_, decimals) in FIGURES.items())


def rows(entries: list[dict[str, Any]]) -> list[str]:
    """Return the table's rows for these entries of the catalog."""
    return [
        f"| `{e['id']}` | *{e['title']}*, {e['artist']}, {e['year']} ({e['license']}) | {figured(e['metrics'])} |"
        for e in entries
    ]


def of_styles(entries: list[dict[str, Any]]) -> str:
    """Return the card's part on the fast styles, from the catalog's entries."""
    network, notes = files.network(), files.notes_of(MODELS / "vectors.safetensors")
    heads = {"names": " | ".join(n for n, _ in FIGURES.values()), "lines": " | ".join("---" for _ in FIGURES)}
    quick = [f"| `{e['id']}` | {figured(e['metrics']['quick'])} |" for e in entries if "quick" in e["metrics"]]
    return STYLES.format(
        rows="\n".join(rows(entries)),
        quick=QUICK.format(rows="\n".join(quick), **heads) if quick else "",
        photos=entries[0]["metrics"]["photos"],
        size=entries[0]["metrics"]["size"],
        opset=export.OPSET,
        parameters=sum(p.numel() for p in network.parameters()) / 1e6,
        channels=CHANNELS,
        length=network.length,
        trained=notes["trained"],
        **heads,
    )


def of_student(entry: dict[str, Any]) -> str:
    """Return the card's part on the student, from its entry."""
    cost, rows = entry["costs"], []
    small, large = cost["parameters"]
    rows.append(f"| Parameters | {small / 1e6:.2f} million | {large / 1e6:.2f} million |")
    small, large = cost["multiplications"]
    rows.append(f"| Multiplications at 256 × 256 px | {small / 1e9:.2f} billion | {large / 1e9:.2f} billion |")
    for side, (small, large) in cost["steps"].items():
        rows.append(
            f"| A step at {side} × {side} px | {small:.3f} s | {large:.3f} s, {large / small:.1f} times as long |"
        )
    table = [
        f"| {name.capitalize()} | {m['style']:.3f} | {m['content']:.3f} | {m['noise']:.2f} | {m['seconds']:.1f} s | "
        f"{m['untaught']:.3f} |"
        for name, m in entry["ways"].items()
    ]
    told = {key: entry[key] for key in ("machine", "pairs", "license", "taught")}
    told |= {"size": Settings().size}
    return STUDENT.format(costs="\n".join(rows), ways="\n".join(table), **told)


def whole() -> str:
    """Return the whole card for what is currently in ``models/``."""
    styles, student = (json.loads((MODELS / f"{name}.json").read_text("utf-8")) for name in ("styles", "student"))
    return of_styles(styles) + of_student(student)


def write() -> None:
    """Rewrite the card."""
    (MODELS / "README.md").write_text(whole(), "utf-8")
