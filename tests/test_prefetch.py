"""Order, errors and threads of `prefetch`."""

import threading
from contextlib import closing

import pytest
import torch

from vidcolor.prefetch import prefetch


def worker_threads():
    return [thread for thread in threading.enumerate() if thread.name == "vidcolor-prefetch"]


def test_items_come_in_order():
    assert list(prefetch(iter(range(100)), 3)) == list(range(100))
    assert not worker_threads()


def test_an_error_arrives_after_the_items_before_it():
    def items():
        yield 1
        raise OSError("broken")

    got = []
    with pytest.raises(OSError, match="broken"):
        got.extend(prefetch(items()))
    assert not worker_threads()


def test_closing_early_stops_the_thread_and_closes_the_source():
    closed = []

    def items():
        try:
            yield from range(10**9)
        finally:
            closed.append(True)

    with closing(prefetch(items())) as ahead:
        assert next(ahead) == 0
        assert worker_threads()
    assert closed == [True]
    assert not worker_threads()


def test_it_runs_no_further_ahead_than_asked():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    with closing(prefetch(items(), 2)) as ahead:
        next(ahead)
        threading.Event().wait(0.2)
        assert len(taken) <= 5


def test_an_interrupt_while_the_thread_starts_still_stops_it(monkeypatch):
    start = threading.Thread.start

    def interrupted(thread):
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(prefetch(iter(range(10**9))))
    assert not worker_threads()


def test_torch_has_its_threads_there_and_keeps_them_elsewhere():
    usual = torch.get_num_threads()
    within = list(prefetch((torch.get_num_threads() for _ in range(2)), processors=usual + 1))
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert within == [usual + 1] * 2
    assert torch.get_num_threads() == usual and later == [usual]
