"""How much memory is free, and how to tell that it ran out."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import torch

CGROUP = Path("/sys/fs/cgroup")  # on Linux

log = logging.getLogger(__name__)


def free(device: torch.device) -> int | None:
    """Return the bytes still available on ``device``; None where the system does not say.

    Linux overcommits memory and kills processes that use too much, so an allocation rarely fails there. A container's
    own limit therefore counts as well."""
    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    if device.type != "cpu":
        return None
    amounts = [psutil.virtual_memory().available]
    try:
        limit, used = ((CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        # The file cache counts as used, but is reclaimable.
        cached = re.search(r"^inactive_file (\d+)", (CGROUP / "memory.stat").read_text(), re.MULTILINE)
        amounts.append(int(limit) - int(used) + int(cached[1] if cached else 0))
    except (OSError, ValueError):
        log.debug("No container limits this program's memory.")
    return max(0, min(amounts))


def exhausted(error: Exception) -> bool:
    """Return whether an allocation failed: CUDA has its own error, CPU and MPS report it in a RuntimeError's text."""
    import torch

    words = ("alloc_failed", "out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(w in str(error).lower() for w in words)
