"""Several styles in one picture, each in its place, painted in one pass.

The network's vector is different at every pixel: the styles' vectors, weighted by their masks, are summed up before
every normalization. So strokes of one style turn into those of the other where masks meet, where blending two finished
pictures would show both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nst.feedforward.predict import style_of
from nst.feedforward.styles import Style
from nst.feedforward.tiles import Place
from nst.images import Picture, fit
from nst.regions.region import Region

SIDE = 1024  # long side in pixels at which masks are kept: their edges are soft


@dataclass(frozen=True, eq=False)
class Placed:
    """Styles and their shares of every pixel, small pictures of mode F; together at most 1, less where the photo
    stays."""

    styles: tuple[Style, ...]
    maps: tuple[Image.Image, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, regions: Sequence[Region], photo: Picture) -> Placed:
        """Predict the style of every region's painting, or of its part of it. Raises ImageError and SettingsError."""
        from nst.regions.masks import open_regions  # with torch, which the page does without at first
        from nst.settings import KNOBS

        opened = open_regions(regions, photo)
        size = fit(photo.image, min(SIDE, max(photo.image.size))).size
        maps = opened.maps(size, KNOBS["edge"].default)[:, 0].numpy()
        predicted = [style_of(painting, opened.parts[n]) for n, painting in enumerate(opened.paintings)]
        return cls(tuple(predicted), tuple(map(Image.fromarray, maps)), opened.notes)

    @property
    def mix(self) -> dict[Style, float]:
        """The share of the picture that each style has, at least a little."""
        areas: dict[Style, float] = {}
        for style, share in zip(self.styles, self.maps, strict=True):
            areas[style] = areas.get(style, 0.0) + max(1e-4, float(np.asarray(share).mean()))
        return areas

    def inputs(
        self, vectors: np.ndarray, dose: float, size: tuple[int, int]
    ) -> Callable[[list[Place], int, int], Mapping[str, np.ndarray]]:
        """Return what says the graph, for tiles of a picture of this size (width, height), in what style to paint:
        ``vectors`` of all styles and, last, the identity's, ``[R + 1, length]``, and where each belongs."""

        def told(places: list[Place], height: int, width: int) -> Mapping[str, np.ndarray]:
            shares = np.stack([self._tile(place, height, width, size) for place in places])
            painted = shares.sum(axis=1, keepdims=True).clip(0, 1)
            everything = np.concatenate([shares, 1 - painted], axis=1)
            return {"vectors": vectors, "places": everything, "dose": (dose * painted).astype(np.float32)}

        return told

    def _tile(self, place: Place, height: int, width: int, size: tuple[int, int]) -> np.ndarray:
        """Return the shares at a tile, ``[R, height, width]``, mirrored beyond the picture as the tile is."""
        top, left = place
        tall, wide = min(height, size[1] - top), min(width, size[0] - left)
        cut = []
        for share in self.maps:
            x, y = share.width / size[0], share.height / size[1]
            box = (left * x, top * y, min(share.width, (left + wide) * x), min(share.height, (top + tall) * y))
            cut.append(np.asarray(share.resize((wide, tall), Image.Resampling.BILINEAR, box=box)))
        return np.pad(np.stack(cut), ((0, 0), (0, height - tall), (0, width - wide)), mode="symmetric").clip(0, 1)
