"""Styles as vectors: the catalog of shipped styles, and files that contain a single one.

A style is two vectors, one for fine strokes and one for broad ones: the scales and shifts of the network's
normalizations, and the gains of the stroke field. Together they take 14 KB in half precision. Vectors are only
meaningful for the very network that they were learned with, so a style file identifies that network.
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
LARGEST = 1_000_000  # bytes in a style file; usually fourteen thousand
LONGEST = 200  # characters in a title or other text
IDENTITY = "identity"
OWN = "own-"  # prefix of the ids of styles that are not in the catalog
BROAD = 1.7  # stroke size of the second vector, as a multiple of the first one's
MAGNITUDE = 1000.0  # largest absolute value in a vector; values are around 1


@dataclass(frozen=True)
class Style:
    """A style and the painting that it comes from; ``vectors`` is ``[2, length]`` float32, fine and broad."""

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
        """The picture that stands in for the style's painting where a picture is needed, or None if there is none. It
        was synthesized by this program from the painting's statistics (``training/textures.py``)."""
        file = MODELS / "textures" / f"{self.id}.jpg"
        return file if file.exists() else None

    def save(self, path: str | os.PathLike) -> None:
        """Write the style to a small file that ``open_style`` reads. Raises OSError."""
        Path(path).write_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the file's content: a safetensors file with one tensor and text metadata."""
        words = {name: getattr(self, name) for name in ("title", "artist", "year", "license")}
        told = {"format": FORMAT, "network": network_digest(), **words}
        return save({"vectors": self.vectors.astype(np.float16)}, told)


@functools.cache
def network_digest() -> str:
    """Return the SHA-256 digest of the shipped network, which a style's vectors belong to."""
    return hashlib.sha256((MODELS / "network.safetensors").read_bytes()).hexdigest()


@functools.cache
def vectors() -> dict[str, np.ndarray]:
    """Return the shipped vectors by style id, in float32: ``identity`` ``[length]``, all others ``[2, length]``."""
    return {name: v.astype(np.float32) for name, v in load_file(MODELS / "vectors.safetensors").items()}


def identity() -> np.ndarray:
    """Return the vector ``[length]`` of the photograph itself, at a dose of 0."""
    return vectors()[IDENTITY]


@functools.cache
def catalog() -> dict[str, Style]:
    """Return the shipped styles by id, in the catalog's order."""
    entries = json.loads((MODELS / "styles.json").read_text("utf-8"))
    known = vectors()
    return {e["id"]: Style(**e | {"thumbnail": MODELS / e["thumbnail"], "vectors": known[e["id"]]}) for e in entries}


def find(style: str) -> Style:
    """Return the shipped style with this id. Raises SettingsError, with a list of the existing ids."""
    try:
        return catalog()[style]
    except (KeyError, TypeError):
        raise SettingsError(f"There is no style {repr(style)[:40]}; there are {', '.join(catalog())}.") from None


def open_style(source: str | os.PathLike | bytes) -> Style:
    """Read a style from a file written by ``Style.save``, or from its bytes. The content is parsed as data and
    validated; nothing in it is executed.

    Raises SettingsError for a file that is not a style, is damaged, or is of another version of the network."""
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


def own(vectors: np.ndarray, title: str, **words: Any) -> Style:
    """Create a style that is not in the catalog. Its id is derived from its vectors, as a file stores them."""
    digest = hashlib.sha256(vectors.astype(np.float16).tobytes()).hexdigest()
    return Style(f"{OWN}{digest[:12]}", title, vectors=vectors, **words)


def _words(data: bytes) -> dict[str, str]:
    """Return a safetensors file's metadata."""
    size = int.from_bytes(data[:8], "little")
    return dict(json.loads(data[8 : 8 + size]).get("__metadata__") or {})


def mixed(shares: Mapping[Style, float]) -> np.ndarray:
    """Return the vectors ``[2, length]`` of a mixture whose shares add up to 1."""
    return np.sum([share * style.vectors for style, share in shares.items()], axis=0)
