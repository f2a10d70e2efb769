"""The API functions as tools for assistants: Gradio's MCP server, with three changes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradio import mcp

from nst.page.visitors import place, sweep

SENT = "assistants"  # the folder for `data:` URLs from assistants, next to those of visitors


class Tools(mcp.GradioMCPServer):
    """Gradio's MCP server for the endpoints, with three changes: pictures sent to it are deleted after a day, the work
    stops when the assistant disconnects, and several results remain several even if no progress was requested."""

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
    """Cancel the job when the assistant disconnects; in a thread, as that is a request to this very server."""
    try:
        yield
    except asyncio.CancelledError:
        threading.Thread(target=job.cancel, daemon=True, name="nst-cancel").start()
        raise


def admit() -> None:
    """Make Gradio start ``Tools`` instead of its own server if the package ``mcp`` is installed."""
    mcp.GradioMCPServer, mcp.DEFAULT_TEMP_DIR = Tools, str(place() / SENT)
