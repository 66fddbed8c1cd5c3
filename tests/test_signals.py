"""Real signals: who is stopped where, with which exit code, and what is left to those who ignore them."""

import signal
import sys
from contextlib import contextmanager

import pytest

from vidcolor.cli.signals import Stopped, stopped_between_steps, stopped_by_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGHUP")

CODES = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}


@contextmanager
def handled(number, handler):
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.fixture(autouse=True)
def free():
    """As a program finds them that nobody runs under nohup or in the background."""
    with handled(signal.SIGHUP, signal.SIG_DFL), handled(signal.SIGINT, signal.default_int_handler):
        yield


def handlers():
    return [signal.getsignal(getattr(signal, name)) for name in CODES]


def send(name):
    signal.raise_signal(getattr(signal, name))


@pytest.mark.parametrize("name", CODES)
def test_a_signal_stops_at_once_and_the_next_is_not_heard(name):
    before = handlers()
    with pytest.raises(Stopped) as caught, stopped_by_signals():
        try:
            send(name)
        finally:
            send("SIGTERM")
    assert caught.value.exit_code == CODES[name]
    assert handlers() == before


@pytest.mark.parametrize("name", CODES)
def test_a_signal_waits_for_the_end_of_a_step(name):
    shown, before = [], handlers()
    with pytest.raises(Stopped) as caught, stopped_by_signals(), stopped_between_steps(shown.append) as on_step:
        on_step(1)
        send(name)
        shown.append("the rest of the step")
        on_step(2)
    assert shown == [1, "the rest of the step", 2]
    assert caught.value.exit_code == CODES[name]
    assert handlers() == before


@pytest.mark.parametrize("name", CODES)
def test_the_second_signal_does_not_wait_and_the_third_is_not_heard(name):
    with pytest.raises(Stopped) as caught, stopped_by_signals(), stopped_between_steps(print) as on_step:
        on_step(1)
        send("SIGTERM")
        try:
            send(name)
        finally:
            send("SIGTERM")
    assert caught.value.exit_code == CODES[name]


def test_before_the_first_step_and_after_the_last_nothing_waits():
    with pytest.raises(Stopped), stopped_by_signals(), stopped_between_steps(print):
        send("SIGHUP")
    with stopped_by_signals():
        with stopped_between_steps(print) as on_step:
            on_step(1)
        with pytest.raises(Stopped):
            send("SIGHUP")


def test_what_is_ignored_or_handled_stays_so():
    heard = []
    with (
        handled(signal.SIGINT, signal.SIG_IGN),
        handled(signal.SIGTERM, lambda *_: heard.append("SIGTERM")),
        stopped_by_signals(),
        stopped_between_steps(print) as on_step,
    ):
        on_step(1)
        send("SIGINT")
        send("SIGTERM")
        on_step(2)
    assert heard == ["SIGTERM"]
