"""Titles, languages and chapters: what is carried from one container to another, and how."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream

if TYPE_CHECKING:
    from av.container.core import Chapter  # exists in the stub only

MAX_TIMESCALE = 100_000_000
"""Units a second up to which an mp4's own clock is made finer; its durations are 64-bit."""
MOV_FAMILY = frozenset({".mp4", ".m4v", ".mov"})
WITH_CHAPTERS = frozenset({"mp4", "ipod", "mov", "matroska", "webm"})

_OF_THE_OLD_FILE = frozenset({
    "alpha_mode", "compatible_brands", "duration", "encoder", "major_brand", "minor_version", "vendor_id"
})  # fmt: skip
# Matroska's statistics are wrong for a stream that was encoded anew.
_STATISTICS = ("bps", "number_of_frames", "number_of_bytes", "_statistics")
# What iTunes-style tags can name; any other key of an mp4 needs QuickTime's free keys.
_ITUNES = {
    "album", "album_artist", "artist", "comment", "compilation", "composer", "copyright", "creation_time", "date",
    "description", "disc", "episode_id", "episode_sort", "gapless_playback", "genre", "grouping", "hd_video",
    "keywords", "lyrics", "media_type", "network", "rating", "season_number", "show", "synopsis", "timecode", "title",
    "track",
}  # fmt: skip


def kept(metadata: Mapping[str, str]) -> dict[str, str]:
    """The entries that stay true in a new file."""
    return {
        key: value
        for key, value in metadata.items()
        if key.lower() not in _OF_THE_OLD_FILE and not key.lower().startswith(_STATISTICS)
    }


def container_options(container: InputContainer, suffix: str, has_cover: bool, is_cut: bool) -> dict[str, str]:
    """Options of the muxer that are needed to keep all metadata and the streams' offsets."""
    if suffix.lower() not in MOV_FAMILY:
        return {}
    options = {}
    if custom_keys(container.metadata) and not has_cover:
        options["movflags"] = "use_metadata_tags"
    if is_cut or any(stream.start_time != 0 for stream in container.streams):
        # An offset between sound and picture is stored in this unit; the default rounds it down to milliseconds.
        ticks = [_ticks_a_second(stream) for stream in container.streams]
        exact = math.lcm(*ticks)
        options["movie_timescale"] = str(exact if exact <= MAX_TIMESCALE else max(ticks))
    return options


def _ticks_a_second(stream: Stream) -> int:
    if isinstance(stream, AudioStream) and stream.codec_context is not None:
        return stream.rate
    return stream.time_base.denominator if stream.time_base else 1


def custom_keys(metadata: Mapping[str, str]) -> list[str]:
    """Keys that iTunes-style tags do not know."""
    return sorted(key for key in kept(metadata) if key.lower() not in _ITUNES)


def moved_chapters(container: InputContainer, origin: Fraction, end: Fraction | None) -> "list[Chapter]":
    """The chapters between `origin` and `end` (seconds on the source's clock), counted from `origin`."""
    moved: list[Chapter] = []
    for chapter in container.chapters():
        tick = chapter["time_base"] or Fraction(1, 1000)
        zero = round(origin / tick)
        first, last = max(chapter["start"], zero), chapter["end"]
        if end is not None:
            last = min(last, round(end / tick))
        if first < last or (origin == 0 and end is None):
            moved.append({**chapter, "start": first - zero, "end": last - zero, "time_base": tick})
    return moved
