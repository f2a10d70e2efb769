"""Each of the tests' workers, and whatever it starts, keeps to its own share of the processor's cores.

Otherwise every worker's networks, server and browser would start as many threads as there are cores, and threads that
wait for one another while another worker holds the core spend their time spinning."""

import os

import torch


def share(cores: list[int], number: int, workers: int) -> list[int]:
    """The cores for one of so many workers; with more workers than cores, they share what there is."""
    return sorted(cores)[number % len(cores) :: workers]


def keep_to_a_share() -> None:
    """Within a worker of pytest-xdist; elsewhere nothing changes."""
    name = os.environ.get("PYTEST_XDIST_WORKER")
    if name is None:
        return
    if hasattr(os, "setsid"):
        # Chromium starts a session of its own. Where Linux groups processes by session (autogroup), it was not run for
        # up to half a minute while the session of all workers kept both cores busy; one session per worker is fair.
        os.setsid()
    number, workers = int(name.removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    if hasattr(os, "sched_setaffinity"):
        mine = share(list(os.sched_getaffinity(0)), number, workers)
        os.sched_setaffinity(0, mine)
        count = len(mine)
    else:
        count = max(1, (os.cpu_count() or 1) // workers)
    torch.set_num_threads(count)
    os.environ["OMP_NUM_THREADS"] = str(count)  # for the programs that the tests start
