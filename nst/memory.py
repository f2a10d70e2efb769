"""Memory: how much there is, and what it looks like when there is no more."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import torch

MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")  # of Linux

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


def exhausted(error: Exception) -> bool:
    """Whether an allocation failed: CUDA has an error of its own, CPU and MPS say it in a RuntimeError's text."""
    words = ("alloc_failed", "out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(w in str(error).lower() for w in words)
