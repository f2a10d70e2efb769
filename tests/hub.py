"""A stand-in for the Hugging Face Hub: a real web server that can misbehave, and counts what it sends.

with Hub({"model.safetensors": Content.virtual_vgg19()}) as hub:
    ...                                     # HF_ENDPOINT is hub.url
    hub.cuts = [1000]                       # breaks off the next body after 1000 bytes

python tests/hub.py [FILE]                  # serves FILE, or a made-up VGG-19 of 575 MB
"""

import hashlib
import json
import math
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Self
from urllib.parse import unquote

import numpy as np

REPO = "timm/vgg19.tv_in1k"
COMMIT = "6ee3e2c000000000000000000000000000000000"  # of main
BLOCK, PIECE = 2**20, 2**16


@dataclass(frozen=True)
class Content:
    """A file that may be too large to hold: its size, its bytes by position, and its digest."""

    size: int
    read: Callable[[int, int], bytes]
    digest: str

    @classmethod
    def of(cls, data: bytes) -> "Content":
        return cls(len(data), lambda start, stop: data[start:stop], hashlib.sha256(data).hexdigest())

    @classmethod
    def sparse(cls, size: int, pieces: dict[int, bytes], digest: str = "0" * 64) -> "Content":
        """Zeros, but for the pieces at their positions."""

        def read(start: int, stop: int) -> bytes:
            out = bytearray(stop - start)
            for at, data in pieces.items():
                low, high = max(start, at), min(stop, at + len(data))
                if low < high:
                    out[low - start : high - start] = data[low - at : high - at]
            return bytes(out)

        return cls(size, read, digest)

    @classmethod
    def virtual_vgg19(cls, digest: str = "0" * 64) -> "Content":
        """VGG-19 as published, in names, shapes, order and size: its convolutions made up, but the same
        each time, its classifier zeros. Every byte is made when it is asked for."""
        channels = [3, *2 * [64], *2 * [128], *4 * [256], *8 * [512]]
        indices = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
        shapes = {}
        for index, (inputs, outputs) in zip(indices, pairwise(channels), strict=True):
            shapes |= {f"features.{index}.weight": (outputs, inputs, 3, 3), f"features.{index}.bias": (outputs,)}
        shapes |= {"head.fc.weight": (1000, 4096), "head.fc.bias": (1000,)}
        shapes |= {"pre_logits.fc1.weight": (4096, 512, 7, 7), "pre_logits.fc1.bias": (4096,)}
        shapes |= {"pre_logits.fc2.weight": (4096, 4096, 1, 1), "pre_logits.fc2.bias": (4096,)}
        table, end, numbers = {}, 0, 0
        for name in sorted(shapes):
            begin, end = end, end + 4 * math.prod(shapes[name])
            numbers = end if name.startswith("features") else numbers
            table[name] = {"dtype": "F32", "shape": shapes[name], "data_offsets": [begin, end]}
        head = header(table)

        @lru_cache(maxsize=4)  # a block is asked for piece by piece
        def block(index: int) -> bytes:
            begin = index * BLOCK
            made = np.random.default_rng(index).random(BLOCK // 4, dtype="<f4").tobytes()
            return made[: max(0, numbers - begin)] + bytes(max(0, min(BLOCK, begin + BLOCK - numbers)))

        def read(start: int, stop: int) -> bytes:
            first, last = max(0, start - len(head)), max(0, stop - len(head))
            blocks = [
                block(index) if index * BLOCK < numbers else bytes(BLOCK)
                for index in range(first // BLOCK, -(-last // BLOCK))
            ]
            skip = first - first // BLOCK * BLOCK
            return head[start:stop] + b"".join(blocks)[skip : skip + last - first]

        return cls(len(head) + end, read, digest)


def header(table: dict) -> bytes:
    """The beginning of a safetensors file."""
    text = json.dumps({"__metadata__": {"format": "pt"}} | table).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


@dataclass(frozen=True)
class Request:
    path: str
    host: str
    range: str | None
    token: str | None


@dataclass
class Hub:
    """The server, in threads of this process from ``with`` on. Each attribute may be set while it runs;
    ``cuts`` and ``stalls`` list, for the next bodies, after how many bytes each is cut or stalls."""

    files: dict[str, Content]
    repo: str = REPO
    gone: set[str] = field(default_factory=set)  # revisions that do not exist
    commit: str = COMMIT  # that main is said to be at
    token: str | None = None  # the only one that opens this repository
    cdn: bool = False  # send the client to another host for the content, as for every large file
    status: int | None = None  # answer so, with these headers
    extra: dict[str, str] = field(default_factory=dict)
    knows_ranges: bool = True
    wrong_part: bool = False  # answer every range with the first bytes
    cuts: list[int] = field(default_factory=list)
    stalls: list[int] = field(default_factory=list)
    gate: threading.Event | None = None  # bodies wait for it
    port: int = 0
    sent: int = 0  # bytes of bodies that left the server
    log: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        hub, self.closed, self.lock = self, threading.Event(), threading.Lock()

        class Handler(_Handler):
            server_hub = hub

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.handle_error = lambda request, address: None  # clients that hang up are part of the game
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.closed.set()
        self.server.shutdown()
        self.server.socket.close()

    @property
    def asked(self) -> list[Request]:
        """Requests for files; the client also asks for other things now and then."""
        return [request for request in self.log if "/resolve/" in request.path or "/cdn/" in request.path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_hub: Hub

    def log_message(self, *args: object) -> None:
        """Quiet: ``Hub.log`` keeps what tests want to know."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub, path = self.server_hub, unquote(self.path.partition("?")[0])
        asked = Request(path, self.headers["Host"], self.headers["Range"], self.headers["Authorization"])
        hub.log.append(asked)
        if match := re.fullmatch(r"/cdn/(.+)", path):
            return self.send_file(hub.files[match[1]], {})
        match = re.fullmatch(rf"/{re.escape(hub.repo)}/resolve/([^/]+)/(.+)", path)
        if match is None:
            return self.refuse(404, "RepoNotFound")
        revision, name = match.groups()
        if hub.status is not None:
            return self.refuse(hub.status, None)
        if hub.token is not None and asked.token != f"Bearer {hub.token}":
            return self.refuse(403, "GatedRepo")
        if revision in hub.gone:
            return self.refuse(404, "RevisionNotFound")
        if name not in hub.files:
            return self.refuse(404, "EntryNotFound")
        content = hub.files[name]
        commit = hub.commit if revision == "main" else revision
        about = {"X-Repo-Commit": commit, "X-Linked-Etag": f'"{content.digest}"', "X-Linked-Size": str(content.size)}
        if hub.cdn:
            return self.answer(
                302, about | {"Location": f"http://localhost:{hub.port}/cdn/{name}", "Content-Length": "0"}
            )
        return self.send_file(content, about | {"ETag": f'"{content.digest}"'})

    def answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def refuse(self, status: int, code: str | None) -> None:
        self.answer(status, {"Content-Length": "0"} | ({"X-Error-Code": code} if code else {}) | self.server_hub.extra)

    def send_file(self, content: Content, headers: dict[str, str]) -> None:
        hub, start, stop, status = self.server_hub, 0, content.size, 200
        if hub.knows_ranges and (match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")):
            start, status = int(match[1]), 206
            stop = min(int(match[2] or stop) + 1, stop)
            start, stop = (0, stop - start) if hub.wrong_part else (start, stop)
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size}"
        self.answer(status, headers | {"Content-Length": str(stop - start)})
        if self.command == "HEAD":
            return
        if hub.gate is not None:
            hub.gate.wait(60)
        with hub.lock:
            cut = start + hub.cuts.pop(0) if hub.cuts else None
            stall = start + hub.stalls.pop(0) if hub.stalls else None
        end = min([at for at in (cut, stall, stop) if at is not None])
        with suppress(ConnectionError):
            while start < end and not hub.closed.is_set():
                piece = content.read(start, min(start + PIECE, end))
                self.wfile.write(piece)
                start += len(piece)
                with hub.lock:
                    hub.sent += len(piece)
        if end == stall:
            hub.closed.wait(60)
        self.close_connection = self.close_connection or end < stop


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    content = Content.of(path.read_bytes()) if path else Content.virtual_vgg19()
    with Hub({"model.safetensors": content}) as hub:
        print(f"HF_ENDPOINT={hub.url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
