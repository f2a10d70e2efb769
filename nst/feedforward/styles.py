"""Styles as vectors: those of the catalogue, and files of a single one.

A style is two vectors, one that paints fine strokes and one that paints broad ones: the scales and shifts of the
network's normalizations, and the gains of the stroke field. Both together take 14 KB in half precision. A vector means
something to the very network that it was learned with alone, so a file of a style names that.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, load_file, save

from nst.errors import SettingsError
from nst.models import MODELS

FORMAT = "nst style 1"
LARGEST = 1_000_000  # bytes of a style's file; it has fourteen thousand
LONGEST = 200  # characters of a title and the like
IDENTITY = "identity"
OWN = "own-"  # what the id of a style begins with that is not in the catalogue
BROAD = 1.7  # how many times larger the strokes of the second vector are than those of the first
MAGNITUDE = 1000.0  # of a vector's values, which are around 1


@dataclass(frozen=True)
class Style:
    """How the network is to paint, and after which painting; ``vectors`` is ``[2, length]`` float32, fine and broad."""

    id: str
    title: str
    artist: str = ""
    year: str = ""
    license: str = ""
    thumbnail: Path | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    vectors: np.ndarray = field(default=None, repr=False, compare=False)

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def texture(self) -> Path | None:
        """The picture that stands in for its painting where a picture of one is needed: painted by this program from
        the painting's statistics (``training/textures.py``). None where there is none."""
        file = MODELS / "textures" / f"{self.id}.jpg"
        return file if file.exists() else None

    def save(self, path: str | os.PathLike) -> None:
        """Write the style as a small file that ``open_style`` reads. Raises OSError."""
        Path(path).write_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The same as bytes: a safetensors file of one tensor, and words."""
        words = {name: getattr(self, name) for name in ("title", "artist", "year", "license")}
        told = {"format": FORMAT, "network": network_digest(), **words}
        return save({"vectors": self.vectors.astype(np.float16)}, told)


@functools.cache
def network_digest() -> str:
    """The digest of the shipped network, which a style's vectors belong to."""
    return hashlib.sha256((MODELS / "network.safetensors").read_bytes()).hexdigest()


@functools.cache
def vectors() -> dict[str, np.ndarray]:
    """The shipped vectors by the style's id, float32: ``identity`` ``[length]``, all others ``[2, length]``."""
    return {name: v.astype(np.float32) for name, v in load_file(MODELS / "vectors.safetensors").items()}


def identity() -> np.ndarray:
    """The vector ``[length]`` of the photograph itself, where a dose begins."""
    return vectors()[IDENTITY]


@functools.cache
def catalogue() -> dict[str, Style]:
    """The shipped styles by id, in the catalogue's order."""
    entries = json.loads((MODELS / "styles.json").read_text("utf-8"))
    known = vectors()
    return {e["id"]: Style(**e | {"thumbnail": MODELS / e["thumbnail"], "vectors": known[e["id"]]}) for e in entries}


def find(style: str) -> Style:
    """The shipped style of this id. Raises SettingsError naming those there are."""
    try:
        return catalogue()[style]
    except (KeyError, TypeError):
        raise SettingsError(f"There is no style {repr(style)[:40]}; there are {', '.join(catalogue())}.") from None


def open_style(source: str | os.PathLike | bytes) -> Style:
    """A style from a file that ``Style.save`` wrote, or its bytes. It is read as data and checked; nothing in it is
    run.

    Raises SettingsError for what is no such file, for a damaged one, and for one of another version of the network."""
    if isinstance(source, bytes):
        name, data = "This file", source[: LARGEST + 1]
    else:
        name = Path(source).name
        try:
            with open(source, "rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as error:
            raise SettingsError(f"{name} cannot be read: {error.strerror or error}.") from error
    no_style = SettingsError(f"{name} is no style of this program, or it is damaged. Take a file that was saved here.")
    if len(data) > LARGEST:
        raise SettingsError(f"{name} is too large for a style: those have about 14 KB.")
    try:
        tensors, words = load(data), _words(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise no_style from error
    found = tensors.get("vectors")
    if words.get("format") != FORMAT or found is None or found.dtype != np.float16:
        raise no_style
    if words.get("network") != network_digest() or found.shape != (2, len(identity())):
        raise SettingsError(
            f"{name} belongs to another version of this program. Learn the style from its painting again."
        )
    found = found.astype(np.float32)
    if not np.isfinite(found).all() or np.abs(found).max() > MAGNITUDE:
        raise no_style
    told = {key: str(words.get(key, ""))[:LONGEST] for key in ("title", "artist", "year", "license")}
    told["title"] = told["title"] or Path(name).stem
    return own(found, **told)


def own(vectors: np.ndarray, title: str, **words: str) -> Style:
    """A style that is not in the catalogue. Its id follows from its vectors, as a file keeps them."""
    digest = hashlib.sha256(vectors.astype(np.float16).tobytes()).hexdigest()
    return Style(f"{OWN}{digest[:12]}", title, vectors=vectors, **words)


def _words(data: bytes) -> dict[str, str]:
    """A safetensors file's metadata."""
    size = int.from_bytes(data[:8], "little")
    return dict(json.loads(data[8 : 8 + size]).get("__metadata__") or {})


def mixed(shares: Mapping[Style, float]) -> np.ndarray:
    """The vectors ``[2, length]`` of a mixture whose shares add up to 1."""
    return sum(share * style.vectors for style, share in shares.items())
