"""The matting Laplacian (Levin, Lischinski & Weiss 2008), and how far a picture is from a recoloring of a photograph.

In every small window of a recolored photograph, each channel is an affine map of the photograph's colors. What no such
map explains, summed over all windows, is the quadratic form ``V^T M V`` of Luan et al. (2017), eq. 2, one for each
channel V. The matrix M has a row for every pixel; here it is never stored, as the form and its gradient need only means
over windows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nst.regions.guided import WindowFit, windows

RADIUS, EPSILON = 1, 1e-7  # of Levin et al. and of Luan et al.: windows of 3 x 3 pixels


class Matting:
    """The form of a photograph ``[1, 3, H, W]`` in 0..1, for windows of ``2 radius + 1`` pixels that lie within it.
    ``epsilon`` keeps maps bounded where the photograph is plain. It computes in the photograph's own dtype: windows of
    3 x 3 pixels with so small an ``epsilon`` need float64."""

    def __init__(self, photo: Tensor, radius: int = RADIUS, epsilon: float = EPSILON) -> None:
        self.radius, self.size = radius, (2 * radius + 1) ** 2
        # Differences are what counts: of numbers near zero, less is lost to rounding.
        centered = photo - photo.mean(dim=(2, 3), keepdim=True)
        self.fit = WindowFit(centered, lambda x: windows(x, radius), epsilon / self.size)

    def energy(self, picture: Tensor) -> Tensor:
        """Compute ``V^T M V`` for each channel of ``[N, C, H, W]``, ``[N, C]``."""
        return self.unexplained(picture)[0].sum(dim=(2, 3)) * self.size

    def unexplained(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Compute in every window the variance that no affine map of the photograph's colors explains, and the whole
        variance, each ``[N, C, H - 2 radius, W - 2 radius]``."""
        picture = picture - picture.mean(dim=(2, 3), keepdim=True).detach()
        mean, cross, matrices = self.fit(picture)
        variance = windows(picture * picture, self.radius) - mean * mean
        return variance - (matrices * cross).sum(dim=2), variance

    def product(self, picture: Tensor) -> Tensor:
        """Compute ``M V`` for each channel of ``[N, C, H, W]``: half of the gradient of ``energy``."""
        with torch.enable_grad():
            leaf = picture.detach().requires_grad_()
            return torch.autograd.grad(self.energy(leaf).sum(), leaf)[0] / 2
