"""What tests of several rooms stand on."""

from pathlib import Path

import pytest
from hub import Hub
from huggingface_hub import close_session, constants
from small_weights import FILE, SMALL, at, small

from nst.hub import ranges, weights


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, a small layout, and no waiting. The Hub's client reads its environment when it is
    imported, so that within this process only its constants can be changed; some tests start a fresh one."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(weights, "SHAPES", SMALL)
    monkeypatch.setattr(ranges, "PAUSE", 0.0)
    monkeypatch.setattr(ranges, "CHUNK", 4096)
    monkeypatch.setattr(ranges, "WORTHWHILE", 4096)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    return tmp_path / "hub"


@pytest.fixture
def hub(cache, monkeypatch):
    with Hub({FILE: small()}) as running:
        at(running.url, monkeypatch)
        yield running
    close_session()
