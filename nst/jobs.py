"""A long run in a thread of its own: newest result first, stoppable from anywhere.

A web server asks for results from whichever thread is free and may lose interest at any moment;
torch wants one thread from beginning to end. ``Job`` stands between the two.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")
Emit = Callable[[T], None]
Stopping = Callable[[], bool]

# What a stopped run was just doing may take a moment to end; meanwhile the next run must not share the device with it.
_device = threading.Lock()


@contextmanager
def idle() -> Iterator[bool]:
    """Whether no job has the device; if so, none gets it while inside."""
    free = _device.acquire(blocking=False)
    try:
        yield free
    finally:
        if free:
            _device.release()


class Stopped(BaseException):
    """Raised inside the work when nobody waits for more results.

    A BaseException, as GeneratorExit is, so that work which handles its own errors lets it pass."""


class Job(Generic[T]):
    """Runs ``work(emit, stopping)`` in a thread and hands over what it emits; one job at a time per process.

    ``work`` calls ``emit(item)`` for every result, and may ask ``stopping()`` in between to end sooner.
    After a stop the next ``emit`` still takes its item, then raises ``Stopped``.

    Iterating starts the thread and gives the newest item only; older ones are dropped. It gives
    ``None`` whenever ``patience`` seconds passed without news, so that the side that iterates is
    never stuck in here and can be closed, which stops the job. After ``stop`` it waits ``grace``
    seconds at most for a last item. An error in ``work`` is raised to the side that iterates.
    """

    def __init__(
        self, work: Callable[[Emit[T], Stopping], None], *, patience: float = 0.25, grace: float = 0.7
    ) -> None:
        self._work = work
        self._patience, self._grace = patience, grace
        self._changed = threading.Condition()
        self._newest: list[T] = []
        self._stop_at: float | None = None
        self._ended = False
        self._error: BaseException | None = None

    def stop(self) -> None:
        """End soon: the iteration gives one last item, if there is one, and is over.

        Safe from any thread, any number of times, before the start too."""
        with self._changed:
            if self._stop_at is None:
                self._stop_at = time.monotonic()
            self._changed.notify_all()

    def stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stop_at is not None

    def __iter__(self) -> Iterator[T | None]:
        # The caller's context goes along: ZeroGPU reads from it whose request this is.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run,), daemon=True, name="nst-job").start()
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(self._something_new, self._patience)
                    items, self._newest = self._newest, []
                    over = self._ended or (self.stopping() and time.monotonic() - self._stop_at > self._grace)
                if items:
                    yield items[0]
                elif not over:
                    yield None
                elif self._error is not None and not self.stopping():
                    raise self._error
                else:
                    return
        finally:
            self.stop()

    def _something_new(self) -> bool:
        return bool(self._newest) or self._ended

    def _emit(self, item: T) -> None:
        with self._changed:
            self._newest = [item]
            self._changed.notify_all()
            if self.stopping():
                raise Stopped

    def _run(self) -> None:
        try:
            with _device:
                if not self.stopping():
                    self._work(self._emit, self.stopping)
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 (handed over, whatever it is)
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
