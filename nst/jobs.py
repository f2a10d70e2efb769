"""A long run in its own thread: newest result first, stoppable from anywhere.

A web server asks for results from whichever thread is free and may lose interest at any moment; torch needs the same
thread from beginning to end. ``Job`` mediates between the two.
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

# A stopped run may take a moment to end; meanwhile the next run must not share the device with it.
_device = threading.Lock()


@contextmanager
def idle() -> Iterator[bool]:
    """Yield whether no job is using the device; if so, none can start until the context exits."""
    free = _device.acquire(blocking=False)
    try:
        yield free
    finally:
        if free:
            _device.release()


class Stopped(BaseException):
    """Raised inside the work when nobody waits for more results.

    A BaseException, like GeneratorExit, so that work that handles its own errors lets it pass."""


class Job(Generic[T]):
    """Runs ``work(emit, stopping)`` in a thread and hands over what it emits; one job at a time per process.

    ``work`` calls ``emit(item)`` for every result, and may check ``stopping()`` in between to end sooner. After a stop
    the next ``emit`` still accepts its item, then raises ``Stopped``.

    Iterating starts the thread and yields the newest item only; older ones are dropped. It yields ``None`` whenever
    ``patience`` seconds pass without a new item, so that the consumer is never blocked for longer and can be closed,
    which stops the job. After ``stop`` it waits at most ``grace`` seconds for a last item. An error in ``work`` is
    raised in the consumer."""

    def __init__(
        self, work: Callable[[Emit[T], Stopping], None], *, patience: float = 0.25, grace: float = 0.7
    ) -> None:
        self._work = work
        self._patience, self._grace = patience, grace
        self._changed = threading.Condition()
        self._newest: list[T] = []
        self._stop_at: float | None = None
        self._begun = self._ended = False
        self._error: BaseException | None = None

    def stop(self) -> None:
        """End the job soon: the iteration yields one last item, if there is one, and ends.

        Safe from any thread, any number of times, and before the start."""
        with self._changed:
            if self._stop_at is None:
                self._stop_at = time.monotonic()
            self._changed.notify_all()

    def stopping(self) -> bool:
        """Return whether ``stop`` was called."""
        return self._stop_at is not None

    def __iter__(self) -> Iterator[T | None]:
        # The thread gets the caller's context, from which ZeroGPU reads whose request this is.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run,), daemon=True, name="nst-job").start()
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(self._something_new, self._patience)
                    items, self._newest = self._newest, []
                    grace = self._grace if self._begun else 0.0  # nothing comes of what still waits for the device
                    over = self._ended or (self.stopping() and time.monotonic() - self._stop_at > grace)
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
                self._begun = True
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
