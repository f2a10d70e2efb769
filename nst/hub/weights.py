"""VGG-19's convolutions from the Hugging Face Hub: downloaded once, verified, kept in the Hub's own cache.

    tensors = vgg19(lambda done, total: print(f"{done / total:.0%}"))

The published file has 575 MB, most of it a classifier that style transfer does not need. The 61 MB of convolutions in
use are downloaded by byte range and stored where the Hub's client would put a file of that repository, so that
``hf cache`` lists them and removes them like any other:

    HF_HUB_CACHE/models--timm--vgg19.tv_in1k/snapshots/COMMIT/convolutions-SHA256.safetensors

The digest is the file's name: a single rename publishes both, and they disagree only if the disk has damaged the
content. If the whole file is in the cache, it is used and nothing is requested.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import logging
import math
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
from huggingface_hub import constants, get_session, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import WeakFileLock, build_hf_headers, hf_raise_for_status

from nst.backbones.kinds import VGG_SHAPES as SHAPES
from nst.errors import WeightsUnavailable
from nst.hub.ranges import Broken, RangeReader, Response, reach
from nst.hub.tensorfile import InvalidFile, Progress, pick, reader

if TYPE_CHECKING:
    from torch import Tensor

REPO, FILE = "timm/vgg19.tv_in1k", "model.safetensors"
REVISION = "128d4708565b3a414bcbb9bbad440b2fe37b9f18"
SHA256 = "11aea017b543ff59233749d8f1cf544cda749378f5790d2fedab841fb86b7669"  # of the whole file
SOURCE = f"{constants.ENDPOINT}/{REPO}"
DOWNLOAD_BYTES = 4 * sum(math.prod(shape) for shape in SHAPES.values())
REACH = 4.0  # seconds within which the Hub's address must answer

log = logging.getLogger(__name__)
_underway = (0, DOWNLOAD_BYTES)  # progress of this process's one download, for the callers that wait for it


def vgg19(progress: Progress | None = None) -> dict[str, Tensor]:
    """Return every tensor of ``backbones.vgg19.SHAPES`` by name, float32; downloads them if they are not on this
    machine yet.

    ``progress`` is called with bytes done and bytes in all during a download, be it this call's or one that it waits
    for. If it raises, the call ends and leaves nothing behind.

    Raises WeightsUnavailable, within five seconds if the Hub is unreachable."""
    report = progress or (lambda done, total: None)
    if (tensors := _here(report)) is not None:
        return tensors
    if constants.HF_HUB_OFFLINE:
        raise _unavailable("HF_HUB_OFFLINE is set", f"Unset it this once. {_elsewhere()}")
    try:
        # Before the lock: callers that wait for it would otherwise fail one after the other.
        reach(constants.ENDPOINT, REACH)
    except Broken as error:
        why = f"{constants.ENDPOINT} cannot be reached ({error})"
        raise _unavailable(why, f"Check the connection, or HF_ENDPOINT. {_elsewhere()}") from error
    with _alone(report):
        if (tensors := _here()) is not None:
            return tensors
        with _disk():
            _make_room()
        tensors, commit = _fetch(report)
        _keep(tensors, commit)
    return tensors


def cached() -> bool:
    """Return whether ``vgg19()`` will need no network: a file is on this machine, and its digest is right."""
    return next(_candidates(), None) is not None


def read(path: str | os.PathLike) -> dict[str, Tensor]:
    """Return every tensor of ``backbones.vgg19.SHAPES`` by name, float32, from a local safetensors file.

    Raises WeightsUnavailable if the file cannot be read or holds something else."""
    try:
        with open(path, "rb") as file:
            return pick(reader(file), SHAPES)
    except (OSError, InvalidFile) as error:
        raise WeightsUnavailable(f"VGG-19 cannot be read from {os.fspath(path)}: {error}. Use another file.") from error


# ---- On this machine


def _folder() -> Path:
    return Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=REPO, repo_type="model"))


def _here(report: Progress | None = None) -> dict[str, Tensor] | None:
    """Return the tensors if they are on this machine; with ``report``, those of the whole file are also stored
    separately."""
    for path in _candidates():
        try:
            tensors = read(path)
        except WeightsUnavailable as error:
            log.warning("%s", error)
            continue
        if report is not None and path.name == FILE:
            try:
                with _alone(report):
                    _keep(tensors, REVISION)
            except WeightsUnavailable as error:
                log.warning("The whole file has to be searched at every start. %s", error)
        return tensors
    return None


def _candidates() -> Iterator[Path]:
    stored = _folder().glob("snapshots/*/convolutions-*.safetensors")
    for path in sorted(stored, key=lambda path: path.parent.name != REVISION):
        # A damaged file needs no removal: the same tensors, downloaded again, replace it under the same name.
        if _sound(path, path.stem.removeprefix("convolutions-")):
            yield path
    for revision in (REVISION, "main"):
        found = try_to_load_from_cache(REPO, FILE, revision=revision)
        # The Hub's client names a file's content by the digest that the Hub announced, without checking it.
        if isinstance(found, str) and _sound(found, Path(os.readlink(found)).name if os.path.islink(found) else SHA256):
            yield Path(found)


def _sound(path: str | os.PathLike, digest: str) -> bool:
    try:
        about = os.stat(path)
        return _has_digest(os.fspath(path), digest, about.st_size, about.st_mtime_ns)
    except OSError as error:
        log.warning("%s is not used: %s", path, error)
        return False


@functools.lru_cache(maxsize=8)
def _has_digest(path: str, digest: str, size: int, changed: int) -> bool:
    """Return whether the file has this digest, or the published one; computed once per file, size and modification
    time."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found not in (digest, SHA256):
        log.warning("%s is damaged and not used: its sha256 is %s.", path, found)
        return False
    if found != SHA256 and os.path.basename(path) == FILE:
        log.warning("%s is not the file that this program knows: its sha256 is %s, not %s.", path, found, SHA256)
    return True


@contextmanager
def _alone(report: Progress) -> Iterator[None]:
    """Hold the lock that lets one thread of one process at a time download and store."""
    path = _folder().parent / ".locks" / _folder().name / "convolutions.lock"
    with _disk():
        path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(WeakFileLock(path, timeout=0.2))
                break
            except filelock.Timeout:
                report(*_underway)
            except OSError as error:
                raise _unwritable(error) from error
        yield


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(error) from error


def _make_room() -> None:
    for name in ("blobs", "snapshots"):
        (_folder() / name).mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(_folder()).free < DOWNLOAD_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _keep(tensors: dict[str, Tensor], commit: str) -> None:
    from safetensors.torch import save

    data = save(tensors, {"source": f"{REPO}/{FILE} at {commit}"})
    target = _folder() / "snapshots" / commit / f"convolutions-{hashlib.sha256(data).hexdigest()}.safetensors"
    # If the power fails here, the Hub's tools recognize the leftover by this name and clear it away.
    partial = _folder() / "blobs" / "convolutions.incomplete"
    with _disk(), ExitStack() as cleanup:
        _make_room()
        target.parent.mkdir(exist_ok=True)
        cleanup.callback(partial.unlink, missing_ok=True)
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)


# ---- On the Hub


def _fetch(report: Progress) -> tuple[dict[str, Tensor], str]:
    """Download the tensors; returns them and the commit that they are from."""

    def told(done: int, total: int) -> None:
        global _underway
        _underway = (done, total)
        report(done, total)

    told(0, DOWNLOAD_BYTES)
    try:
        try:
            published = _Published(REVISION)
            return pick(RangeReader(published.get, (HfHubHTTPError,)), SHAPES, told), published.commit
        except RevisionNotFoundError:
            log.warning("%s has no revision %s any more: main is used, its names and shapes checked.", SOURCE, REVISION)
            published = _Published("main")
            return pick(RangeReader(published.get, (HfHubHTTPError,)), SHAPES, told), published.commit
    except HfHubHTTPError as error:
        raise _unavailable(*_refusal(error)) from error
    except Broken as error:
        raise _unavailable(f"the connection fails ({error})", f"Check it and try again. {_elsewhere()}") from error
    except InvalidFile as error:
        raise _unavailable(f"what comes from there is not it: {error}", f"Try again later. {_elsewhere()}") from error


class _Published:
    """The file at one revision, opened by the Hub's own client, with its endpoint, token and proxies."""

    def __init__(self, revision: str) -> None:
        self.url = hf_hub_url(REPO, FILE, revision=revision, endpoint=constants.ENDPOINT)
        self.revision, self.commit = revision, revision
        self.etag: str | None = None

    @contextmanager
    def get(self, headers: dict[str, str]) -> Iterator[Response]:
        headers = build_hf_headers(library_name="nst", headers=headers)
        timeout: Any = (REACH, *3 * [constants.HF_HUB_DOWNLOAD_TIMEOUT])  # connect; read, write, pool
        with get_session().stream("GET", self.url, headers=headers, timeout=timeout) as response:
            hf_raise_for_status(response)
            # Large files are stored elsewhere: the first responses are the Hub's, the last is the storage server's.
            answers = [response, *reversed(response.history)]
            known = {name: value for answer in answers for name, value in answer.headers.items()}
            etag = known.get("x-linked-etag", known.get("etag", "")).removeprefix("W/").strip('"')
            if self.etag is None and self.revision == REVISION and etag != SHA256:
                log.warning("%s announces the digest %r, not %s, which this program knows.", self.url, etag, SHA256)
            if self.etag not in (None, etag):
                raise InvalidFile("it was exchanged for another while it was read")
            self.etag = etag
            if re.fullmatch("[0-9a-f]{40}", commit := known.get("x-repo-commit", "")):
                self.commit = commit
            yield response  # type: ignore[misc]


def _refusal(error: HfHubHTTPError) -> tuple[str, str]:
    status = error.response.status_code
    if status in (401, 403):
        return f"access is refused (status {status})", "Set HF_TOKEN to a valid token, or unset it."
    if status == 404:
        return f"{FILE} is not there", f"Check HF_ENDPOINT. {_elsewhere()}"
    if status == 429:
        wait = error.response.headers.get("Retry-After", "300")
        return "too many requests have come from here", f"Try again in {wait} seconds."
    return f"the server fails (status {status})", "Try again in a few minutes."


def _unavailable(why: str, advice: str) -> WeightsUnavailable:
    return WeightsUnavailable(
        f"VGG-19 has to be downloaded once ({DOWNLOAD_BYTES / 1e6:.0f} MB, from {SOURCE}), but {why}. {advice}"
    )


def _unwritable(error: OSError) -> WeightsUnavailable:
    why = f"it cannot be stored in {constants.HF_HUB_CACHE}: {error.strerror or error}"
    return _unavailable(why, "Make room there, or set HF_HOME to a folder that can be written.")


def _elsewhere() -> str:
    return f"Or run `hf download {REPO} {FILE}` where it works, and copy its cache to {constants.HF_HUB_CACHE}."
