"""The API's functions as tools for assistants: gradio's MCP server, in three things another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradio import mcp

from nst.page.visitors import place, sweep

SENT = "assistants"  # the folder of what assistants sent as `data:` URLs, beside those of visitors


class Tools(mcp.GradioMCPServer):
    """The endpoints as tools for assistants: gradio's, except that pictures sent to it go after a day, that work ends
    when the assistant hangs up, and that several results are several also where nobody asked for progress."""

    def convert_strings_to_filedata(self, value: Any, filedata_positions: list[list[str | int]]) -> Any:
        sweep(f"{SENT}/*")
        return super().convert_strings_to_filedata(value, filedata_positions)

    async def _execute_tool_with_progress(self, job: Any, progress_token: str | int) -> Any:
        with _listening(job):
            return await super()._execute_tool_with_progress(job, progress_token)

    async def _execute_tool_without_progress(self, job: Any) -> list[Any]:
        with _listening(job):
            return [await asyncio.wrap_future(job.future)]

    @staticmethod
    def pop_returned_state(components: list[Any], data: list[Any]) -> list[Any]:
        return list(data[0]) if len(data) < len(components) else data


@contextmanager
def _listening(job: Any) -> Iterator[None]:
    """Cancels the job when the assistant hangs up, in a thread: it is a request to this server, which is waiting."""
    try:
        yield
    except asyncio.CancelledError:
        threading.Thread(target=job.cancel, daemon=True, name="nst-cancel").start()
        raise


def admit() -> None:
    """Lets gradio start this server instead of its own, where the package ``mcp`` is installed."""
    mcp.GradioMCPServer, mcp.DEFAULT_TEMP_DIR = Tools, str(place() / SENT)
