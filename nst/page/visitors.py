"""Visitors' sessions: each has a folder for its pictures, and its running jobs.

Both end when the visitor leaves; only an interrupted painting is kept for a day (see ``resuming.py``). Clients of the
plain HTTP API never sign off; what they leave behind is deleted by age when somebody else arrives.
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
from nst.requests import FullRequest

KEEP_HOURS = 24
KEPT_RESULTS = 3
MAX_WAITING = 8  # people in line for the full method or a look, at about a minute each
FETCH_SECONDS = 300  # for so long somebody may still be downloading an older result

_visitors: dict[str, Visitor] = {}
_lock = threading.Lock()


def place() -> Path:
    """The folder for all files. Inside Gradio's own folder, so that it serves no copies, which would outlive them."""
    return Path(get_upload_folder()).resolve() / "nst"


class Visitor:
    """One session: its folder and its running jobs."""

    def __init__(self) -> None:
        self.folder = place() / secrets.token_hex(16)
        self.seen = time.monotonic()
        self.gone = False
        self.waiting = False  # in line for the full method
        self.fast: threading.Event | None = None  # set to end the fast run
        self.turn = 0  # number of the latest picture requested on the page
        self.lined_up = 0  # the turn that is in line for the full method
        self.subject: tuple[Any, ...] | None = ()  # the photo and style of that turn; None while it starts
        self.glanced = threading.Event()  # set when the style of the given painting is known
        self.glanced.set()
        self.keeps = False  # whether the picture on the page took long, so that a small change must not replace it
        self.painted: tuple[FullRequest, Image.Image] | None = None  # the last result of the full method
        self.drawn_on: tuple[str, Image.Image] | None = None  # a restored photo's file, with its drawing
        self.learner: object | None = None  # the glance or learning run whose style is painted with
        self._jobs: dict[str, Job] = {}
        self._results = 0

    def new_result(self, engine: str) -> Path:
        """Create a folder for another result of ``engine``; its oldest results are deleted."""
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
        """The file for this visitor's own copy of an example, kept until they leave."""
        file = self.folder / "examples" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def take_turn(self) -> int:
        """Claim the page's one result: other work for it is stopped, and no longer shown. Returns the turn's number,
        which equals ``turn`` as long as it lasts."""
        with _lock:
            self.turn += 1
            turn = self.turn
        if self.fast is not None:
            self.fast.set()
        self.stop()
        return turn

    @contextmanager
    def working(self, job: Job, kind: str = "optimize") -> Iterator[None]:
        """Register a job: inside the context, ``stop`` of this kind and ``leave`` stop it."""
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

    def doing(self, job: Job, kind: str) -> bool:
        """Whether this job is the latest of its kind."""
        return self._jobs.get(kind) is job

    @property
    def busy(self) -> bool:
        """Whether the full method is running for this visitor, or about to."""
        return self.waiting or "optimize" in self._jobs

    def stop(self, kind: str = "optimize") -> None:
        """Stop the running job of this kind, if any; what it has made is still delivered."""
        if (job := self._jobs.get(kind)) is not None:
            job.stop()

    def leave(self) -> None:
        """End the session: stop its jobs and delete its files."""
        self.gone = True
        for kind in tuple(self._jobs):
            self.stop(kind)
        shutil.rmtree(self.folder, ignore_errors=True)


def visitor(request: gr.Request) -> Visitor:
    """The visitor with this request's session, known or new."""
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


def new_folder(here: Visitor, engine: str) -> Path:
    """Create a folder for one result, with an unguessable name: to Gradio, all assistants are one session."""
    (folder := here.new_result(engine) / secrets.token_hex(16)).mkdir()
    return folder


def ahead_of(here: Visitor) -> int:
    """How many other visitors are being painted for or given a look, or in line."""
    with _lock:
        return sum(other.busy or "look" in other._jobs for other in _visitors.values() if other is not here)


def leave(request: gr.Request) -> None:
    """End the session of a closed page or a disconnected client."""
    with _lock:
        gone = _visitors.pop(str(request.session_hash), None)
    if gone is not None:
        gone.leave()


def sweep(pattern: str = "*") -> None:
    """Delete what earlier runs of this program left behind: matching folders, untouched for KEEP_HOURS."""
    for folder in place().glob(pattern):
        with contextlib.suppress(FileNotFoundError):  # another visitor's request was quicker
            if time.time() - folder.stat().st_mtime > KEEP_HOURS * 3600:
                shutil.rmtree(folder, ignore_errors=True)


def file_name(photo: str, *words: str) -> str:
    """A name for a download, without suffix: the photo's name, and what was done to it."""
    stem = re.sub(r"[^\w-]+", "-", Path(photo).stem).strip("-")[:40] or "photo"
    return "-".join([stem, *words])
