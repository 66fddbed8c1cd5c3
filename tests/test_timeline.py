"""Packets of parts with clocks of their own, in the order in which a file may hold them, on one clock."""

from fractions import Fraction
from types import SimpleNamespace

import pytest

from vidcolor.video import timeline

PICTURE, SOUND, WORDS = 0, 1, 2
KINDS = ("video", "audio", "subtitle")


def packet(index, seconds):
    stream = SimpleNamespace(index=index, type=KINDS[index])
    return SimpleNamespace(stream=stream, pts=seconds, dts=seconds, duration=1, time_base=Fraction(1))


def follow(*given):
    """(stream, seconds) in file order -> the same of all but the picture, and what was said to be lost."""
    lost = []
    moved = timeline.Timeline(PICTURE, lost.append).follow(packet(*one) for one in given)
    return [(one.stream.index, one.pts) for one in moved], lost


def part(index, start, seconds):
    return [(index, start + second) for second in range(seconds)]


def test_sound_that_comes_before_the_picture_of_its_part_waits_for_it():
    parts = [*part(PICTURE, 100, 5), *part(SOUND, 100, 3), (SOUND, 51), *part(PICTURE, 50, 5), (SOUND, 52)]
    assert follow(*parts) == ([(SOUND, 100), (SOUND, 101), (SOUND, 102), (SOUND, 106), (SOUND, 107)], [])


def test_a_part_without_picture_begins_where_the_picture_ended():
    parts = [*part(PICTURE, 100, 5), *part(SOUND, 100, 3), *part(SOUND, 50, 2)]
    assert follow(*parts)[0][-2:] == [(SOUND, 105), (SOUND, 106)]


def test_no_more_than_a_few_packets_wait(monkeypatch):
    monkeypatch.setattr(timeline, "MOST_EARLY", 3)
    given = iter([*part(PICTURE, 100, 5), (SOUND, 104), *part(SOUND, 50, 4), None])
    moved = timeline.Timeline(PICTURE, pytest.fail).follow(packet(*one) for one in given)
    assert [next(moved).pts for _ in range(5)] == [104, 105, 106, 107, 108]
    assert next(given) is None


def test_a_line_goes_with_the_picture_that_it_is_nearer_to():
    parts = [*part(PICTURE, 0, 20), (WORDS, 2), *part(PICTURE, 0, 20), (WORDS, 18)]
    assert follow(*parts)[0] == [(WORDS, 2), (WORDS, 38)]
    parts = [*part(PICTURE, 0, 20), (WORDS, 18), *part(PICTURE, 0, 3), (WORDS, 19)]
    assert follow(*parts)[0] == [(WORDS, 18), (WORDS, 19)]


def test_sound_that_goes_on_over_the_next_part_cuts_it_and_is_named_once():
    parts = [*part(PICTURE, 0, 5), *part(SOUND, 0, 7), *part(PICTURE, 0, 5), *part(SOUND, 0, 5)]
    moved, lost = follow(*parts)
    assert [seconds for _, seconds in moved] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert len(lost) == 1


@pytest.mark.parametrize("sound_first", [False, True])
def test_a_part_whose_clock_lies_far_ahead_is_joined_on(sound_first):
    first, second = part(PICTURE, 9000, 3), part(SOUND, 9000, 3)
    parts = [*part(PICTURE, 0, 5), *part(SOUND, 0, 5), *(second + first if sound_first else first + second)]
    assert follow(*parts) == ([(SOUND, second) for second in range(8)], [])


def test_a_silence_of_any_length_is_no_other_part():
    parts = [(SOUND, 0), (WORDS, 0), *part(PICTURE, 0, 2000), (SOUND, 1999), (WORDS, 1998)]
    assert follow(*parts) == ([(SOUND, 0), (WORDS, 0), (SOUND, 1999), (WORDS, 1998)], [])
