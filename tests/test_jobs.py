"""Long runs: newest first, stoppable, closable, one at a time, errors handed over."""

import gc
import itertools
import math
import threading
import weakref

import pytest

from nst.jobs import Job, idle

LONG = 20  # seconds; a test that waits this long has failed


def news(job):
    return (item for item in job if item is not None)


def counting(emitted: threading.Event | None = None, pause: float = 0.005):
    ended = threading.Event()

    def work(emit, stopping):
        try:
            for number in itertools.count(1):
                emit(number)
                if emitted:
                    emitted.set()
                threading.Event().wait(pause)
        finally:
            ended.set()

    return work, ended


def test_a_finished_run_gives_its_last_item():
    def work(emit, stopping):
        for number in range(1000):
            emit(number)

    assert list(news(Job(work)))[-1] == 999


def test_a_slow_reader_gets_the_newest_item_and_no_backlog():
    finished = threading.Event()

    def work(emit, stopping):
        for number in range(100):
            emit(number)
        finished.set()

    job = iter(Job(work))
    first = next(item for item in job if item is not None)
    assert finished.wait(LONG)
    assert [first, *(item for item in job if item is not None)] in ([99], [first, 99])


def test_a_quiet_run_says_so_instead_of_blocking():
    go_on = threading.Event()
    job = Job(lambda emit, stopping: go_on.wait(LONG), patience=0.01)
    iteration = iter(job)
    assert next(iteration) is None
    iteration.close()
    go_on.set()


def test_stop_delivers_the_newest_item_and_ends():
    emitted = threading.Event()
    work, ended = counting(emitted)
    job = Job(work)
    received = []
    for item in news(job):
        received.append(item)
        if item >= 3:
            job.stop()
    assert ended.wait(LONG)
    assert received == sorted(set(received))
    assert received[-1] >= 3


def test_stop_does_not_wait_for_the_step_that_is_running():
    emitted, go_on = threading.Event(), threading.Event()

    def work(emit, stopping):
        emit("preview")
        emitted.set()
        go_on.wait(LONG)
        emit("too late")

    job = Job(work, grace=0.05)
    iteration = news(job)
    assert next(iteration) == "preview"
    job.stop()
    assert list(iteration) == []
    go_on.set()


def test_work_that_notices_the_stop_still_hands_over_its_best():
    def work(emit, stopping):
        emit("preview")
        while not stopping():
            threading.Event().wait(0.005)
        emit("best")

    job = Job(work, grace=LONG)
    iteration = news(job)
    assert next(iteration) == "preview"
    job.stop()
    assert list(iteration) == ["best"]


def test_a_job_stopped_before_it_began_does_nothing():
    began = threading.Event()
    job = Job(lambda emit, stopping: began.set())
    job.stop()
    assert list(job) == []
    assert not began.is_set()


def test_closing_the_iteration_ends_the_work():
    work, ended = counting()
    iteration = news(Job(work))
    next(iteration)
    iteration.close()
    assert ended.wait(LONG)


def test_an_error_in_the_work_reaches_the_reader_after_the_last_item():
    def work(emit, stopping):
        emit("preview")
        raise ValueError("no more paint")

    iteration = news(Job(work))
    assert next(iteration) == "preview"
    with pytest.raises(ValueError, match="no more paint"):
        next(iteration)


def test_the_next_job_waits_for_the_last_step_of_a_stopped_one():
    inside, most = [], []
    go_on = threading.Event()

    def work(emit, stopping):
        inside.append(1)
        most.append(len(inside))
        emit("preview")
        go_on.wait(LONG)
        inside.pop()

    first, second = Job(work), Job(work, patience=0.01)
    next(news(first))
    first.stop()
    waiting = iter(second)
    assert next(waiting) is None
    go_on.set()
    assert "preview" in list(waiting)
    assert most == [1, 1]


def test_a_stopped_job_frees_what_it_held():
    class Canvas:
        pass

    canvas = Canvas()
    freed = weakref.ref(canvas)
    ended = threading.Event()

    def work(emit, stopping, canvas=canvas):
        try:
            while True:
                emit(canvas)
        finally:
            ended.set()

    iteration = news(Job(work))
    next(iteration)
    iteration.close()
    assert ended.wait(LONG)
    del canvas, work, iteration
    for thread in threading.enumerate():
        if thread.name == "nst-job":
            thread.join(LONG)
    gc.collect()
    assert freed() is None


def test_a_stop_in_line_ends_at_once_however_long_a_last_item_may_take():
    with idle() as alone:
        assert alone  # so the job waits for the device
        job = Job(lambda emit, stopping: emit(1), grace=math.inf)
        running = iter(job)
        assert next(running) is None
        job.stop()
        assert list(running) == []
