"""What the command line does with a terminal: progress bars, and Ctrl-C as a question that can be asked."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"

Stopped = Callable[[], bool]


class Bar(tqdm):
    """A progress bar on stderr, which leaves nothing behind; none where that is no terminal, and none where quiet."""

    def __init__(self, name: str, total: float = 1, *, quiet: bool = False) -> None:
        # None is tqdm's word for: where there is no terminal.
        super().__init__(total=total, desc=name, leave=False, disable=True if quiet else None, bar_format=BAR)

    def reach(self, done: float, total: float, more: str = "") -> None:
        """Show so much of so much, with some words."""
        self.total = total
        if more:
            self.set_postfix_str(more, refresh=False)
        self.update(done - self.n)


@contextmanager
def stopping() -> Iterator[Stopped]:
    """Whether Ctrl-C was pressed, for work that can end in good order; pressed again, it ends at once."""
    pressed = threading.Event()

    def first(*_: object) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
