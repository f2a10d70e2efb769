"""The motion between two frames of a film, and where it can be trusted.

Motion is found by dense inverse search (Kroeger et al. 2016, in OpenCV). Where it is not reliable, because something
came into view or moves on its own beside something else, is decided as in Ruder, Dosovitskiy & Brox (2016), "Artistic
style transfer for videos", section 4.2. A frame is ``[H, W, 3]`` bytes, a motion ``[H, W, 2]`` float32, the way in
pixels (x, y) from each pixel of one frame to where the same thing is in another.
"""

from __future__ import annotations

import numpy as np

CUT = 0.25  # share of a frame whose motion is reliable, below which the film has been cut
SMALLEST = 16  # sides in pixels of frames whose motion can be found


class Motion:
    """Finds the motion between frames; one for each film, as it keeps memory for frames of one size."""

    def __init__(self) -> None:
        import cv2

        self._gray = lambda frame: cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        self._search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]

    def between(self, frame: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the motion from ``frame`` to ``other``, and whether it is reliable at each pixel, ``[H, W]`` of 0 and
        1; 0 everywhere if there was a cut between them."""
        if min(frame.shape[:2]) < SMALLEST:
            return np.zeros((*frame.shape[:2], 2), np.float32), np.zeros(frame.shape[:2], np.float32)
        ours, theirs = self._gray(frame), self._gray(other)
        back, forward = (self._search.calc(a, b, None) for a, b in ((ours, theirs), (theirs, ours)))
        trusted = reliable(back, forward)
        return back, trusted if trusted.mean() >= CUT else np.zeros_like(trusted)


def reliable(back: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """Return where a motion can be trusted, ``[H, W]`` of 0 and 1: where the opposite motion ``forward`` leads back, no
    edge of a moving thing is near, and the thing is within the other frame."""
    height, width = back.shape[:2]
    there = led(forward, back, linear=True)
    length = (back**2).sum(axis=-1)
    trusted = ((there + back) ** 2).sum(axis=-1) <= 0.01 * ((there**2).sum(axis=-1) + length) + 0.5
    slope = sum((d**2) for axis in (0, 1) for d in np.gradient(back[..., axis]))
    trusted &= slope <= 0.01 * length + 0.002
    x, y = back[..., 0] + np.arange(width), back[..., 1] + np.arange(height)[:, None]
    trusted &= (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    return trusted.astype(np.float32)


def led(picture: np.ndarray, motion: np.ndarray, linear: bool = False) -> np.ndarray:
    """Return another frame's picture ``[H, W, C]``, led along the motion to where its things are now. Lanczos, as a
    picture that is led along many times would be blurred by a linear one."""
    import cv2

    height, width = motion.shape[:2]
    x = motion[..., 0] + np.arange(width, dtype=np.float32)
    y = motion[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    how = cv2.INTER_LINEAR if linear else cv2.INTER_LANCZOS4
    return cv2.remap(picture, x, y, how, borderMode=cv2.BORDER_REPLICATE)
