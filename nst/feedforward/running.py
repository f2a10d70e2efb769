"""Runs of the feed-forward network with ONNX Runtime: a picture or its tiles in, and an end in the middle if wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import onnxruntime

from nst.errors import Cancelled
from nst.feedforward import tiles
from nst.feedforward.field import stroke_field

ASK_AGAIN = 0.05  # seconds between two calls of ``cancelled``


@contextmanager
def stopping(cancelled: Callable[[], bool] | None) -> Iterator[onnxruntime.RunOptions]:
    """Yield options for runs that end, even midway, once ``cancelled`` returns True; then raise Cancelled."""
    options = onnxruntime.RunOptions()
    options.log_severity_level = 4
    if cancelled is None:
        yield options
        return
    over = threading.Event()

    def ask() -> None:
        while not over.wait(ASK_AGAIN):
            if cancelled():
                options.terminate = True
                return

    asking = threading.Thread(target=ask, daemon=True, name="nst-fast-cancel")
    asking.start()
    try:
        yield options
    except Exception as error:  # ONNX Runtime has no exception class for a terminated run
        if options.terminate:
            raise Cancelled("The picture was no longer wanted.") from error
        raise
    finally:
        over.set()
        asking.join()


def runner(
    session: onnxruntime.InferenceSession,
    style: Callable[[list[tiles.Place], int, int], Mapping[str, np.ndarray]],
    seed: int,
    stop: onnxruntime.RunOptions | None,
    noise: Callable[..., np.ndarray] = stroke_field,
) -> tiles.Run:
    """Return a function that runs the network, in the form that ``tiles`` expects. ``style(places, height, width)``
    gives the inputs that say in what style tiles of this size are painted."""
    unknown = np.zeros(next(i.shape for i in session.get_inputs() if i.name == "given"), np.float32)

    def run(pictures: np.ndarray, places: list[tiles.Place], known: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        photo = pictures.transpose(0, 3, 1, 2).astype(np.float32) / 255
        high, wide = photo.shape[2:]
        field = np.stack([noise(high, wide, seed, top, left) for top, left in places])
        given, share = (unknown, 0) if known is None else (known, 1)
        inputs = {"photo": photo, "field": field, "given": given, "share": np.array(share, np.float32)}
        painting, statistics = session.run(None, inputs | dict(style(places, high, wide)), stop)
        return (painting.transpose(0, 2, 3, 1) * 255 + 0.5).astype(np.uint8), statistics

    return run
