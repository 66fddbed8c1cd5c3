"""Real signals: who is stopped where, with which exit code, and what is left to those who ignore them."""

import signal
import sys
import time
from contextlib import contextmanager, suppress

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


CARELESS = """
import signal
try:
    signal.raise_signal(signal.{name})
except BaseException:
    pass
whole = True
"""


@pytest.mark.parametrize("name", CODES)
def test_a_signal_amid_an_import_waits_for_its_end(name, tmp_path, monkeypatch):
    """Where an import is begun by C code, what is raised in it is lost, and the module stays half made."""
    (tmp_path / "careless.py").write_text(CARELESS.format(name=name))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "careless", raising=False)
    before = handlers()
    with pytest.raises(Stopped) as caught, stopped_by_signals():
        import careless

        assert careless.whole
        time.sleep(5)
    assert caught.value.exit_code == CODES[name]
    assert handlers() == before


def test_a_signal_that_was_lost_is_heard_when_it_comes_again(monkeypatch):
    monkeypatch.setattr("vidcolor.cli.signals.PATIENCE", 0.2)
    with pytest.raises(Stopped) as caught, stopped_by_signals():
        with suppress(Stopped):
            send("SIGINT")
        send("SIGTERM")
        time.sleep(0.3)
        with suppress(Stopped):
            send("SIGINT")
        time.sleep(0.3)
        send("SIGTERM")
    assert caught.value.exit_code == CODES["SIGTERM"]


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
