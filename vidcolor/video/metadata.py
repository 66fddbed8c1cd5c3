"""Titles, languages and chapters: what is carried from one container to another, and how."""

import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream

if TYPE_CHECKING:
    from av.container.core import Chapter  # exists in the stub only

MAX_TIMESCALE = 100_000_000
"""Units a second up to which an mp4's own clock is made finer; its durations are 64-bit."""
MOV_FAMILY = frozenset({".mp4", ".m4v", ".mov"})
TIMECODE = "timecode"
"""The key of SMPTE 12M's hours, minutes, seconds and frames of the first frame."""
WITH_CHAPTERS = frozenset({"mp4", "ipod", "mov", "matroska", "webm"})

# ISO 639-2 that FFmpeg writes into a .mov, whose own list of languages is shorter.
_LANGUAGES = (
    "alb amh ara arm asm aym aze baq bel ben bul bur cat ces chi dan dut dzo eng epo est fin fra geo ger gre grn guj "
    "heb hin hun ice ind iri ita jav jpn kan kas kaz khm kin kir kor kur lao lat lav lit mac mal mar may mlg mlt mol "
    "mon nep nor nya ori orm per pol por pus que ron run rus san sin slk slv smi snd som spa sve swa tam tat tel tgk "
    "tgl tha tib tir tuk tur uig ukr urd uzb vie wel yid"
)
_OF_THREE_LETTERS = re.compile("[a-z]{3}")
_OF_QUICKTIME = frozenset(_LANGUAGES.split())
_NAMED_OTHERWISE = {
    "cym": "wel", "cze": "ces", "deu": "ger", "eus": "baq", "ell": "gre", "fas": "per", "fre": "fra", "gle": "iri",
    "hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac", "msa": "may", "mya": "bur", "nld": "dut", "nob": "nor",
    "nno": "nor", "rum": "ron", "slo": "slk", "sqi": "alb", "swe": "sve", "zho": "chi",
}  # fmt: skip
_LOST_ROLES = {
    "mov": ("dub", "original", "comment", "forced", "hearing_impaired", "visual_impaired"),
    "mp4": ("original",), "ipod": ("original",),
}  # fmt: skip
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


def remove_timecode(described: Iterable[dict[str, str]]) -> bool:
    """Out of the metadata of a file and its streams; True where there was one."""
    found = [(entries, key) for entries in described for key in entries if key.lower() == TIMECODE]
    for entries, key in found:
        del entries[key]
    return bool(found)


def fitted(metadata: Mapping[str, str], format_name: str) -> tuple[dict[str, str], list[str]]:
    """The entries of a stream or a file that stay true, as one of FFmpeg's formats holds them; names of the others."""
    entries = kept(metadata)
    if format_name == "mpegts":
        lost = [key for key in entries if key.lower() not in ("language", "handler_name")]
        return {key: value for key, value in entries.items() if key not in lost}, lost
    language = entries.get("language", "und")
    if format_name in ("mp4", "ipod") and not _OF_THREE_LETTERS.fullmatch(language):
        return entries, [f"language {language}"]
    known = _NAMED_OTHERWISE.get(language, language)
    if format_name != "mov" or language == "und":
        return entries, []
    if known not in _OF_QUICKTIME:
        return entries, [f"language {language}"]
    return entries | {"language": known}, []


def lost_roles(stream: Stream, format_name: str) -> list[str]:
    """What a stream is for, as far as one of FFmpeg's formats does not hold it."""
    return [f"role {role}" for role in _LOST_ROLES.get(format_name, ()) if stream.disposition & Disposition[role]]


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
