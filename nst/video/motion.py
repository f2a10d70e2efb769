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
STRUCTURE = 16.0  # squared difference between neighboring pixels, of gray values from 0 to 255, that is no plain ground
STRUCTURED = 0.05  # share of a frame that has structure, from which on the camera's motion can be told
STILL = 0.5  # motion of the camera in pixels that counts as none
AS_GOOD = (1.05, 0.25)  # factor, and gray values, by which the camera's motion may explain a place worse than its own
EXPLAINED = 10.0  # difference in gray values up to which a motion explains a place at all


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
        ours, theirs = ours.astype(np.float32), theirs.astype(np.float32)
        # From or to plain ground, as a film begins on black, any motion leads back to where it came from.
        trusted *= blurred(np.abs(ours - led(theirs, back, linear=True)), 2) <= EXPLAINED
        if trusted.mean() < CUT:
            return back, np.zeros_like(trusted)
        ground, camera = of_camera(ours, theirs, back)
        back[ground], trusted[ground] = camera, 1
        return back, trusted


def of_camera(ours: np.ndarray, theirs: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the camera's motion explains the gray frame ``ours``, ``[H, W]`` float32, as well as the motion
    found, a boolean array, and this motion (x, y).

    On plain ground any motion explains the film, and dense inverse search spreads there what it has found elsewhere,
    which would drag strokes along. The camera's motion is the median one of all that has structure."""
    down, across = np.gradient(ours)
    structure = blurred(down**2 + across**2, 2) > STRUCTURE
    camera = np.zeros(2, np.float32)
    if structure.mean() >= STRUCTURED:
        median = np.median(back[structure], axis=0)
        camera = median if np.hypot(*median) > STILL else camera

    def error(motion: np.ndarray) -> np.ndarray:
        return blurred(np.abs(ours - led(theirs, motion, linear=True)), 4)

    factor, more = AS_GOOD
    left = error(np.broadcast_to(camera, back.shape))
    as_good = (left <= factor * error(back) + more) & (left <= EXPLAINED)
    return as_good & inside(np.broadcast_to(camera, back.shape)), camera


def inside(motion: np.ndarray) -> np.ndarray:
    """Return where a motion leads to a place within the other frame, ``[H, W]``."""
    height, width = motion.shape[:2]
    x, y = motion[..., 0] + np.arange(width), motion[..., 1] + np.arange(height)[:, None]
    return (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)


def reliable(back: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """Return where a motion can be trusted, ``[H, W]`` of 0 and 1: where the opposite motion ``forward`` leads back, no
    edge of a moving thing is near, and the thing is within the other frame."""
    there = led(forward, back, linear=True)
    length = (back**2).sum(axis=-1)
    trusted = ((there + back) ** 2).sum(axis=-1) <= 0.01 * ((there**2).sum(axis=-1) + length) + 0.5
    slope = sum((d**2) for axis in (0, 1) for d in np.gradient(back[..., axis]))
    trusted &= slope <= 0.01 * length + 0.002
    return (trusted & inside(back)).astype(np.float32)


def led(picture: np.ndarray, motion: np.ndarray, linear: bool = False) -> np.ndarray:
    """Return another frame's picture ``[H, W, C]``, led along the motion to where its things are now. Lanczos, as a
    picture that is led along many times would be blurred by a linear one."""
    import cv2

    height, width = motion.shape[:2]
    x = motion[..., 0] + np.arange(width, dtype=np.float32)
    y = motion[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    how = cv2.INTER_LINEAR if linear else cv2.INTER_LANCZOS4
    return cv2.remap(picture, x, y, how, borderMode=cv2.BORDER_REPLICATE)


def blurred(x: np.ndarray, deviation: float) -> np.ndarray:
    """Blur ``[H, W]`` or ``[H, W, C]`` by a Gaussian; a wide one at a lower resolution, which takes a tenth of the
    time."""
    import cv2

    height, width = x.shape[:2]
    factor = max(1, int(min(deviation / 2, height / 4, width / 4)))
    if factor == 1:
        return cv2.GaussianBlur(x, (0, 0), deviation)
    small = cv2.resize(x, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), deviation / factor)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
