"""How much memory there is to have, and how much is needed."""

from types import SimpleNamespace

import pytest
import torch

from nst import memory
from nst.optimization import memory_use

MARGIN = 80
CPU = torch.device("cpu")
AVAILABLE = 8_000_000 * 1024


def free(tmp_path, monkeypatch, **files: str) -> int | None:
    for name, text in files.items():
        (tmp_path / name.replace("_", ".")).write_text(text)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=AVAILABLE))
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    return memory.free(CPU)


def test_free_memory_is_what_the_system_says_is_available(tmp_path, monkeypatch):
    assert free(tmp_path, monkeypatch) == AVAILABLE


def test_a_containers_limit_counts_and_its_file_cache_gives_way(tmp_path, monkeypatch):
    limits = {
        "memory_max": "3000000000\n",
        "memory_current": "2500000000\n",
        "memory_stat": "anon 5\ninactive_file 1000\n",
    }
    assert free(tmp_path, monkeypatch, **limits) == 500_001_000


def test_a_container_without_a_limit_counts_as_none(tmp_path, monkeypatch):
    limits = {"memory_max": "max\n", "memory_current": "2500000000\n", "memory_stat": ""}
    assert free(tmp_path, monkeypatch, **limits) == AVAILABLE


def test_where_the_system_does_not_say_it_is_unknown():
    assert memory.free(torch.device("mps")) is None


def test_this_machine_has_some():
    assert memory.free(CPU) > 2**20


def test_a_painting_seen_larger_needs_more():
    usual, larger = (memory_use.needed(1_000_000, torch.bfloat16, stroke=stroke) for stroke in (1.0, 2.0))
    assert larger > usual


def test_what_a_run_needs_grows_with_its_pixels_its_number_format_and_its_history():
    few, many = (memory_use.needed(pixels, torch.bfloat16) for pixels in (10_000, 1_000_000))
    assert few < many < memory_use.needed(1_000_000, torch.float32) < memory_use.needed(1_000_000, torch.float32, 20)


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError(), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("shapes cannot be multiplied"), False),
    ],
)
def test_a_failed_allocation_is_told_from_other_errors(error, is_it):
    assert memory.exhausted(error) is is_it


def test_patches_need_less_than_the_whole_and_are_offered_where_they_do():
    assert memory_use.sides(512 * 384, MARGIN) == []
    large = 2048 * 1536
    needs = [
        memory_use.needed(large, torch.bfloat16, patch=side, margin=MARGIN)
        for side in (None, *memory_use.sides(large, MARGIN))
    ]
    assert len(needs) == 4
    assert needs == sorted(needs, reverse=True)
