"""What belongs to one visitor: a folder for their pictures and the job that runs for them.

Both end when the visitor leaves; only a painting that was interrupted is kept for a day (see
``resuming.py``). A caller of the plain HTTP API never says good-bye; what
they leave behind is removed by age when somebody else arrives.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image

from nst.jobs import Job
from nst.requests import FullOrder

KEEP_HOURS = 24
KEPT_RESULTS = 3
MAX_WAITING = 8  # people in line for the full method, whose turn takes a minute or so
FETCH_SECONDS = 300  # somebody may still be fetching an older result

_visitors: dict[str, Visitor] = {}
_lock = threading.Lock()


def place() -> Path:
    """Inside gradio's own folder, files are served from where they are; elsewhere from a copy that outlives them."""
    return Path(get_upload_folder()).resolve() / "nst"


class Visitor:
    """One session: its folder and its running jobs."""

    def __init__(self) -> None:
        self.folder = place() / secrets.token_hex(16)
        self.seen = time.monotonic()
        self.gone = False
        self.waiting = False  # in line for the full method
        self.fast: threading.Event | None = None  # to be set to end the fast run
        self.turn = 0  # number of the latest picture that was asked for on the page
        self.lined_up = 0  # the turn that waits in line for the full method
        self.subject: tuple[Any, ...] | None = ()  # the photo and style of that; None while it begins
        self.glanced = threading.Event()  # whether the style of the painting that was given is known by now
        self.glanced.set()
        self.keeps = False  # whether the picture on the page took long, and is not replaced at a touch
        self.painted: tuple[FullOrder, Image.Image] | None = None  # what the full method painted last
        self.drawn_on: tuple[str, Image.Image] | None = None  # a photo's file that was put back, with its drawing
        self.learner: object | None = None  # the learning whose style is to be painted with
        self._jobs: dict[str, Job] = {}
        self._results = 0

    def new_result(self, engine: str) -> Path:
        """An empty folder for the files of one more result of ``engine``; its older results make room."""
        place = self.folder / engine
        with _lock:
            self.seen = time.monotonic()
            self._results += 1
            (folder := place / f"{self._results:06d}").mkdir(parents=True)
            for old in sorted(place.iterdir())[:-KEPT_RESULTS]:
                if time.time() - old.stat().st_mtime > FETCH_SECONDS:
                    shutil.rmtree(old, ignore_errors=True)
        return folder

    def example(self, name: str) -> Path:
        """Where this visitor's own copy of an example goes; it stays as long as they do."""
        file = self.folder / "examples" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def take_turn(self) -> int:
        """The page's one result belongs to what asks now: what else runs for it ends, and is shown no more. Returns
        the number of the turn, which is ``turn`` for as long as it lasts."""
        with _lock:
            self.turn += 1
            turn = self.turn
        if self.fast is not None:
            self.fast.set()
        self.stop()
        return turn

    @contextmanager
    def working(self, job: Job, kind: str = "optimize") -> Iterator[None]:
        """While inside, ``stop`` of this kind and ``leave`` stop this job."""
        with _lock:
            self._jobs[kind] = job
            if self.gone:
                job.stop()
        try:
            yield
        finally:
            job.stop()
            with _lock:
                if self._jobs.get(kind) is job:
                    del self._jobs[kind]

    @property
    def busy(self) -> bool:
        """Whether the full method runs for this visitor, or is about to."""
        return self.waiting or "optimize" in self._jobs

    def stop(self, kind: str = "optimize") -> None:
        """Stop the running job of this kind, if there is one; what it has made is still delivered."""
        if (job := self._jobs.get(kind)) is not None:
            job.stop()

    def leave(self) -> None:
        """The visitor is gone: so are their job and their files."""
        self.gone = True
        for kind in tuple(self._jobs):
            self.stop(kind)
        shutil.rmtree(self.folder, ignore_errors=True)


def visitor(request: gr.Request) -> Visitor:
    """The visitor behind this request, known or new."""
    session = str(request.session_hash)
    with _lock:
        stale = [key for key, known in _visitors.items() if time.monotonic() - known.seen > KEEP_HOURS * 3600]
        leaving = [_visitors.pop(key) for key in stale if key != session]
        new = session not in _visitors
        here = _visitors.setdefault(session, Visitor())
        here.seen = time.monotonic()
    for gone in leaving:
        gone.leave()
    if new:
        sweep("unfinished-*")
    return here


def ahead_of(here: Visitor) -> int:
    """How many others are being painted for, or are in line."""
    with _lock:
        return sum(other.busy for other in _visitors.values() if other is not here)


def leave(request: gr.Request) -> None:
    """The page was closed, or the client hung up."""
    with _lock:
        gone = _visitors.pop(str(request.session_hash), None)
    if gone is not None:
        gone.leave()


def sweep(pattern: str = "*") -> None:
    """Remove what earlier runs of this program left behind: all folders named so that nobody has touched for long."""
    for folder in place().glob(pattern):
        with contextlib.suppress(FileNotFoundError):  # another visitor's request was quicker
            if time.time() - folder.stat().st_mtime > KEEP_HOURS * 3600:
                shutil.rmtree(folder, ignore_errors=True)


def file_name(photo: str, *words: str) -> str:
    """A name for a download, from the photo's own name and what was done to it, without its suffix."""
    stem = re.sub(r"[^\w-]+", "-", Path(photo).stem).strip("-")[:40] or "photo"
    return "-".join([stem, *words])
