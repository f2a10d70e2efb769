"""The state of a run of the full method after a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from torch import Tensor

from nst.color import keep_colors
from nst.images import with_alpha
from nst.tensors import to_picture


@dataclass(frozen=True, eq=False)
class Step:
    """The state of a run. ``losses`` are the terms before their weights, and their weighted total, as computed with
    this scale's network."""

    step: int
    steps: int
    losses: dict[str, float]
    seconds: float  # since the run began
    remaining: float  # seconds, estimated
    scale: tuple[int, int]  # current width and height of the canvas
    notes: tuple[str, ...]  # sentences: changes made to the pictures, problems during the run
    canvas: Tensor = field(repr=False)  # [1, 3, H, W] in 0..1
    size: tuple[int, int]  # width and height of the result
    alpha: Image.Image | None = field(repr=False)
    colors: Image.Image | None = field(repr=False, default=None)  # at the result's size; the canvas has their luma only
    recipe: Mapping[str, Any] = field(repr=False, default_factory=dict)  # for ``nst.save_image``
    kept: tuple[Image.Image, Image.Image] | None = field(repr=False, default=None)  # photo, mask of the painted part

    @property
    def image(self) -> Image.Image:
        """The current picture, at the result's full size, with the photograph's transparency and its recipe."""
        picture = to_picture(self.canvas).resize(self.size, Image.Resampling.BICUBIC)
        if self.colors is not None:
            picture = keep_colors(picture, self.colors)
        if self.kept is not None:
            photo, painted = self.kept
            # Where no painting goes, the photo's own pixels replace those resampled through the canvas.
            picture.paste(photo, mask=painted.point(lambda share: 255 if share == 0 else 0))
        picture = with_alpha(picture, self.alpha)
        picture.info["recipe"] = {**self.recipe, "step": self.step}
        return picture
