"""Read a file on a web server by byte range; a broken transfer is resumed where it broke."""

import asyncio
import logging
import queue
import re
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol
from urllib.parse import urlsplit

from nst.hub.tensorfile import InvalidFile

PATIENCE = 15.0  # seconds without a byte after which no further attempt is made
TRIES, PAUSE = 3, 0.5  # connections in a row that break before WORTHWHILE bytes arrive; seconds between
WORTHWHILE, CHUNK = 2**20, 2**18
SKIP = 2**23  # most bytes read and discarded if a server does not support byte ranges

log = logging.getLogger(__name__)


class Broken(Exception):
    """The connection failed; the text says how."""


class Response(Protocol):
    """The part of an HTTP response in use; its body is not read yet."""

    status_code: int
    headers: Mapping[str, str]

    def iter_bytes(self, chunk_size: int) -> Iterator[bytes]: ...


class RangeReader:
    """Called with ``start`` and ``stop``, yields those bytes in chunks, fewer where the file ends.

    ``get`` opens the file with these request headers; the exceptions ``final`` that it raises are passed on, any other
    counts as a broken connection. Raises Broken, and InvalidFile for unexpected responses."""

    def __init__(
        self, get: Callable[[dict[str, str]], AbstractContextManager[Response]], final: tuple[type[Exception], ...]
    ) -> None:
        self.get, self.final = get, (*final, InvalidFile)
        self.size = sys.maxsize  # of the file in bytes, once the server has sent it
        self.met = False  # whether any byte has arrived: only then is a broken connection retried

    def __call__(self, start: int, stop: int) -> Generator[bytes, None, None]:
        position, heard, broken = start, time.monotonic(), 0
        while True:
            began, failure = position, ConnectionError("closed early")
            try:
                for chunk in self._stream(position, stop):
                    position += len(chunk)
                    self.met = True
                    yield chunk
                    heard = time.monotonic()
            except self.final:
                raise
            # Any exception: the Hub's client has changed its HTTP library before, and with it all errors.
            except Exception as error:  # noqa: BLE001
                failure = error
            if position >= min(stop, self.size):
                return
            broken = 0 if position - began >= WORTHWHILE else broken + 1
            if not self.met or broken == TRIES or time.monotonic() - heard > PATIENCE:
                raise Broken(f"{type(failure).__name__}: {failure}") from failure
            log.info("Broke off at byte %d and is taken up again. %s", position, failure)
            time.sleep(PAUSE)

    def _stream(self, start: int, stop: int) -> Iterator[bytes]:
        # With compression, a byte range would refer to the compressed file.
        with self.get({"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}) as response:
            skip = self._bytes_before(start, response)
            for chunk in response.iter_bytes(CHUNK):
                wanted = chunk[skip : skip + stop - start]
                skip = max(0, skip - len(chunk))
                start += len(wanted)
                yield wanted
                if start == stop:
                    return

    def _bytes_before(self, start: int, response: Response) -> int:
        if response.status_code == 206:
            part = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
            if part is None or int(part[1]) != start:
                raise InvalidFile("the server sends another part than was asked for")
            self.size = int(part[2])
            return 0
        self.size = int(response.headers.get("Content-Length", sys.maxsize))
        if start > SKIP:
            raise InvalidFile("the server sends the whole file where a part was asked for")
        return start


def reach(address: str, seconds: float) -> None:
    """Raise Broken within ``seconds`` if nothing answers at this web address.

    HTTP clients try each of a host's addresses in turn with the full timeout, and name lookups have no timeout at all:
    half a minute and more in which a visitor sees nothing."""
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port or {"http": 80, "https": 443}[url.scheme]
        if not host:
            raise ValueError(address)
    except (ValueError, KeyError) as error:
        raise Broken("that is no web address") from error
    proxies = urllib.request.getproxies()
    if (url.scheme in proxies or "all" in proxies) and not urllib.request.proxy_bypass(host):
        return  # perhaps only the proxy can resolve the name
    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    async def connect() -> None:
        _, writer = await asyncio.open_connection(host, port, happy_eyeballs_delay=0.25)
        writer.close()

    def knock() -> None:
        try:
            asyncio.run(connect())
            answers.put(None)
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=knock, daemon=True).start()
    try:
        error = answers.get(timeout=seconds)
    except queue.Empty:
        error = TimeoutError(f"no answer within {seconds:g} seconds")
    if error is not None:
        raise Broken(str(error)) from error
