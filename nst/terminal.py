"""Terminal support for the command line: progress bars, and Ctrl-C as a flag that can be polled."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"

Stopped = Callable[[], bool]


class Bar(tqdm):
    """A progress bar on stderr that is cleared at the end; hidden if stderr is not a terminal, or if ``quiet``."""

    def __init__(self, name: str, total: float = 1, *, quiet: bool = False) -> None:
        # For tqdm, None means disabled if there is no terminal.
        super().__init__(total=total, desc=name, leave=False, disable=True if quiet else None, bar_format=BAR)

    def reach(self, done: float, total: float, more: str = "") -> None:
        """Show ``done`` of ``total``, with ``more`` as text."""
        self.total = total
        if more:
            self.set_postfix_str(more, refresh=False)
        self.update(done - self.n)


@contextmanager
def stopping() -> Iterator[Stopped]:
    """Yield a function that says whether Ctrl-C was pressed, for work that can end cleanly; a second Ctrl-C ends it at
    once."""
    pressed = threading.Event()

    def first(*_: object) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
