"""Turn this package's errors into messages for the browser and for API clients."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from nst.errors import NSTError
from nst.hub import weights
from nst.page.texts import say

log = logging.getLogger(__name__)


def refusal(request: gr.Request | None, key: str, **values: object) -> gr.Error:
    """The sentence ``key`` as an error for the visitor, without a traceback in the log."""
    return gr.Error(say(request, key, **values), print_exception=False)


@contextmanager
def sentences(request: gr.Request | None) -> Iterator[None]:
    """Turn errors inside into messages for the visitor; unexpected ones also go to the log."""
    try:
        yield
    except gr.Error:
        raise
    except NSTError as error:
        key = f"error_{type(error).__name__}"
        raise refusal(request, key, detail=error, source=weights.SOURCE) from error
    except Exception as error:
        log.exception("An event handler failed")
        raise refusal(request, "bug") from error


def answers(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for event handlers that take a ``request``: turns their errors into messages."""

    def asker(*args: Any, **kwargs: Any) -> gr.Request | None:
        return next((value for value in (*args, *kwargs.values()) if isinstance(value, gr.Request)), None)

    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def streaming(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with sentences(asker(*args, **kwargs)):
                yield from handler(*args, **kwargs)

        return streaming

    @functools.wraps(handler)
    def answering(*args: Any, **kwargs: Any) -> Any:
        with sentences(asker(*args, **kwargs)):
            return handler(*args, **kwargs)

    return answering
