"""Memory: how much there is, how much the full method takes, and what it looks like when there is no more."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import torch

from nst.optimization.patches import MARGIN

MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")  # of Linux
BASE = 80 * 2**20  # bytes that a run takes, and
PER_PIXEL, FORWARD_PER_PIXEL = 700, 220  # per pixel and byte of the number format, and of a forward pass alone
PATCHED, WHOLE_PER_PIXEL = 250_000_000, 150  # bytes of a run in patches, and of its whole picture per pixel
PATCHES = (1024, 512, 256)  # their sides
SAVING = 0.6  # of a picture's pixels that a patch with its margin may have, or it is not worth while
SMALLER = 0.75  # of a side for which it does not suffice: a little more than half of the pixels
SHARE = 0.9  # of the free memory, that a run may take

log = logging.getLogger(__name__)


def free(device: torch.device) -> int | None:
    """Bytes that can still be had on ``device``; None where the system does not say.

    Linux promises more than it has, and kills who takes it: an allocation that fails is rare there. So a
    container's own limit counts as well."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    if device.type != "cpu" or not MEMINFO.exists():
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", MEMINFO.read_text(), re.MULTILINE)
    amounts = [1024 * int(found[1])] if found else []
    try:
        limit, used = ((CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        # What is cached of files counts as used, but gives way.
        cached = re.search(r"^inactive_file (\d+)", (CGROUP / "memory.stat").read_text(), re.MULTILINE)
        amounts.append(int(limit) - int(used) + int(cached[1] if cached else 0))
    except (OSError, ValueError):
        log.debug("No container limits this program's memory.")
    return max(0, min(amounts)) if amounts else None


def patches(pixels: int) -> list[int]:
    """The sides of patches, from large to small, by which a picture of so many pixels would need less memory."""
    return [side for side in PATCHES if (side + 2 * MARGIN) ** 2 <= SAVING * pixels]


def needed(pixels: int, number: torch.dtype, history: int = 0, stroke: float = 1.0, patch: int | None = None) -> int:
    """Bytes that a run with so many pixels takes at its peak, beside what the program and its networks have already.

    ``number`` is the number format of the activations, ``history`` how many steps L-BFGS remembers, each as two
    pictures in float32, ``stroke`` how many times larger the painting is seen, which is looked at only once and
    without a way back, ``patch`` the side of the patches that it is seen in. Measured on a CPU from 192 to 2048
    pixels a side with either network, in patches at 1024, 2048 and 4000, where the whole process takes what this says
    within a quarter."""
    remembered = 2 * history * 3 * 4 * pixels
    if patch is not None:
        seen = min(pixels, (patch + 2 * MARGIN) ** 2)
        return round(PATCHED + PER_PIXEL * number.itemsize * seen + WHOLE_PER_PIXEL * pixels + remembered)
    passes = max(PER_PIXEL, FORWARD_PER_PIXEL * stroke**2)
    return round(BASE + passes * number.itemsize * pixels + remembered)


def exhausted(error: Exception) -> bool:
    """Whether an allocation failed: CUDA has an error of its own, CPU and MPS say it in a RuntimeError's text."""
    words = ("alloc_failed", "out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(w in str(error).lower() for w in words)
