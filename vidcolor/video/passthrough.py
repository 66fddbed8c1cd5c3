"""Everything of the source but its picture: sound, subtitles, attachments, chapters, titles."""

from __future__ import annotations  # Packet is generic in its stub only

import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
from av import FFmpegError, Packet
from av.container import InputContainer, OutputContainer
from av.stream import Discard, Stream

from vidcolor.video import metadata, timeline
from vidcolor.video.clock import CLOCK_RESTART
from vidcolor.video.conversion import AudioConversion, Copy, SubtitleConversion, converts
from vidcolor.video.decoding import read_packets
from vidcolor.video.limits import Limits
from vidcolor.video.reader import VideoReader
from vidcolor.video.silence import silence
from vidcolor.video.source import codec_name, is_cover, open_container, opened

_END_MARGIN = 10
"""Seconds behind the end of a span after which no packet of it is expected any more."""
_WITH_COVERS = {".mp4": "mp4", ".m4v": "ipod"}
"""FFmpeg's name of the format, by suffix."""
# The transport stream muxer takes any codec as private data, which nothing can play.
_IN_TRANSPORT_STREAMS = {
    "aac", "aac_latm", "ac3", "dts", "dvb_subtitle", "dvb_teletext", "eac3", "hdmv_pgs_subtitle", "mp2", "mp3", "opus",
    "truehd",
}  # fmt: skip


class Passthrough:
    """Feeds the other streams of what `reader` reads into an output, as the picture gets on.

    The source is opened a second time and read in step with the picture, so memory stays bounded. What cannot be kept
    is named in `warnings`.
    """

    def __init__(self, reader: VideoReader, warnings: list[str]) -> None:
        self._source, self._limits, self._picture = reader.source, reader.limits, reader.tags.stream_index
        self._origin, self._start, self._end = reader.origin, reader.start, reader.end
        self._begins_later = bool(reader.span.start)
        self._warnings = warnings
        self._container = open_container(self._source, self._limits)
        self._routes: dict[int, Copy | AudioConversion | SubtitleConversion] = {}
        self._covers: list[Packet[Any]] = []
        self._waiting: Iterator[Packet[Any]] | None = None
        self._next: Packet[Any] | None = None

    @property
    def streams(self) -> Sequence[Stream]:
        """All streams of the source in its order, the picture among them."""
        return list(self._container.streams)

    @property
    def refused(self) -> int:
        """Packets of sound and lines of subtitles that could not be converted so far."""
        return sum(route.refused for route in self._routes.values() if not isinstance(route, Copy))

    def close(self) -> None:
        """Let go of the source."""
        self._container.close()

    def container_options(self, suffix: str) -> dict[str, str]:
        """What to open the output with, so that all metadata fit."""
        of_format = _WITH_COVERS.get(suffix.lower())
        has_cover = of_format is not None and any(is_cover(one) and _accepts(of_format, one) for one in self.streams)
        if has_cover and (lost := metadata.custom_keys(self._container.metadata)):
            self._warnings.append(f"{suffix} with a cover holds no {', '.join(lost)}")
        return metadata.container_options(self._container, suffix, has_cover, self._start is not None)

    def add(self, output: OutputContainer, stream: Stream) -> None:
        """Make room in `output` for one stream of the source: copied, converted, or left out with a warning."""
        if stream.type == "data" and (stream.discard == Discard.all or metadata.TIMECODE in stream.metadata):
            return  # the text track of chapters, or a track of timecode: both are made anew from the metadata
        if is_cover(stream):
            self._add_cover(output, stream)
        elif _accepts(output.format.name, stream):
            self._route(stream, Copy(_add_copy(output, stream), stream))
        elif _converts(output.format.name, stream):
            conversion = _add_conversion(output, stream)
            self._route(stream, conversion)
            self._warn(output, stream, f"is converted to {conversion.stream.codec_context.codec.canonical_name}")
        else:
            self._warn(output, stream, "is left out")

    def describe(self, output: OutputContainer) -> None:
        """Carry over titles and chapters of the whole file. After all streams, before the header is written."""
        entries, lost = metadata.fitted(self._container.metadata, output.format.name)
        output.metadata.update(entries)
        if lost:
            self._warnings.append(f"{output.format.name} holds no {', '.join(lost)}")
        chapters = metadata.moved_chapters(self._container, self._origin, self._end)
        if chapters and output.format.name in metadata.WITH_CHAPTERS:
            output.set_chapters(chapters)
        elif chapters:
            self._warnings.append(f"{output.format.name} has no chapters: {len(chapters)} left out")
        if self._begins_later and metadata.remove_timecode([output.metadata, *(s.metadata for s in output.streams)]):
            self._warnings.append("the timecode is left out: it is that of the film's first frame")

    def carry(self, until: Fraction | None) -> Iterator[Packet[Any]]:
        """The packets that are due up to `until` (seconds, counted from `origin`), all that are left for None."""
        if self._waiting is None:
            self._waiting = self._read()
            self._next = next(self._waiting, None)
        while self._next is not None:
            packet = self._next
            if until is not None and _seconds(packet) > until:
                return
            yield from self._routes[packet.stream.index].feed(packet)
            self._next = next(self._waiting, None)
        if until is None:
            for route in self._routes.values():
                yield from route.feed(None)

    def _read(self) -> Iterator[Packet[Any]]:
        """The routed packets, their times counted from `origin`, each stream's rising."""
        yield from self._covers
        wanted = [self._container.streams[index] for index in self._routes]
        if not wanted:
            return
        if self._start is not None and _is_searchable(self._container, wanted):
            with suppress(FFmpegError):  # not seekable: read from the beginning
                self._container.seek(int(self._start * av.time_base))
        clocks: dict[int, _Clock] = {}
        for packet in self._on_one_clock(wanted):
            if not self._move(packet):
                continue
            if self._is_behind(packet, _END_MARGIN):
                return
            if self._is_behind(packet, 0):
                continue
            self._cut_line(packet)
            clock = clocks.setdefault(packet.stream.index, _Clock())
            clock.steady(packet)
            yield packet

    def _on_one_clock(self, wanted: Sequence[Stream]) -> Iterator[Packet[Any]]:
        if self._container.format.name not in timeline.FORMATS:
            return read_packets(self._container, wanted, self._lose)
        watched = [*wanted, self._container.streams[self._picture]]
        one_clock = timeline.Timeline(self._picture, partial(self._lose, None))
        return one_clock.follow(read_packets(self._container, watched, self._lose))

    def _move(self, packet: Packet[Any]) -> bool:
        """Count the packet's times from `origin`; False where it lies before the start, or has no time."""
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None:
            return False
        zero = round(self._origin / packet.time_base)
        packet.pts = pts - zero
        packet.dts = (packet.dts if packet.dts is not None else pts) - zero
        if self._start is None or packet.pts >= 0:
            return True
        duration = packet.duration or 0
        if packet.stream.type != "subtitle" or packet.pts + duration <= 0:
            return False
        packet.duration, packet.pts, packet.dts = packet.pts + duration, 0, 0
        return True

    def _cut_line(self, packet: Packet[Any]) -> None:
        """A line of subtitles is on screen until the end of a span at the longest."""
        if self._end is not None and packet.stream.type == "subtitle" and packet.duration:
            left = math.floor((self._end - self._origin) / packet.time_base) - (packet.pts or 0)
            packet.duration = min(packet.duration, left)

    def _is_behind(self, packet: Packet[Any], margin: int) -> bool:
        return self._end is not None and _seconds(packet) >= self._end - self._origin + margin

    def _add_cover(self, output: OutputContainer, stream: Stream) -> None:
        packet, format_name = _cover(self._source, self._limits, stream.index), output.format.name
        if packet is not None and format_name == "matroska":
            kind = "png" if codec_name(stream) == "png" else "jpeg"
            name = stream.metadata.get("filename") or f"cover.{kind.replace('jpeg', 'jpg')}"
            output.add_attachment(name, stream.metadata.get("mimetype") or f"image/{kind}", bytes(packet))
        elif packet is not None and format_name in _WITH_COVERS.values() and _accepts(format_name, stream):
            self._route(stream, Copy(_add_copy(output, stream), stream))
            packet.stream, packet.pts, packet.dts = stream, 0, 0
            self._covers.append(packet)
        else:
            self._warn(output, stream, "(the cover) is left out")

    def _route(self, stream: Stream, route: Copy | AudioConversion | SubtitleConversion) -> None:
        self._routes[stream.index] = route
        self._warnings += describe(stream, route.stream)

    def _warn(self, output: OutputContainer, stream: Stream, what: str) -> None:
        stream_name = f"{stream.type} stream {stream.index} ({codec_name(stream)})"
        self._warnings.append(f"{stream_name} {what}: {output.format.name} does not take it")

    def _lose(self, pts: int | None, what: str) -> None:
        self._warnings.append(f"sound and subtitles: {what}")


def describe(source: Stream, target: Stream) -> list[str]:
    """Carry over a stream's language, title and role; one line where some of it cannot be kept."""
    format_name = target.container.format.name
    entries, lost = metadata.fitted(source.metadata, format_name)
    lost += metadata.lost_roles(source, format_name)
    target.metadata.update(entries)
    target.disposition = source.disposition
    return [f"{source.type} stream {source.index}: {format_name} holds no {', '.join(lost)}"] if lost else []


def _accepts(format_name: str, stream: Stream) -> bool:
    """True where a file of this format can really be begun with a copy of the stream, and ended if it holds PCM."""
    if format_name == "mpegts" and codec_name(stream) not in _IN_TRANSPORT_STREAMS:
        return False
    if format_name == "webm" and stream.type == "attachment":  # its muxer begins the file, and leaves it out
        return False
    return _holds(format_name, lambda trial: _add_copy(trial, stream), silence(stream, 1))


def _converts(format_name: str, stream: Stream) -> bool:
    """True where one can be begun with the stream converted; a damaged stream may not even open."""
    return converts(format_name, stream) and _holds(format_name, lambda trial: _add_conversion(trial, stream))


def _holds(format_name: str, add: Callable[[OutputContainer], Any], packet: Packet[Any] | None = None) -> bool:
    """Whether a file can be begun with what `add` adds to it, and ended if a packet of that is at hand.

    MP4 learns at its end only that it cannot hold channels without names.
    """
    trial = av.open(io.BytesIO(), "w", format=format_name)
    try:
        added = add(trial)
        trial.start_encoding()
        if packet is not None:
            packet.stream = added
            trial.mux(packet)
            trial.close()
    except (ValueError, FFmpegError):
        return False
    finally:
        with suppress(FFmpegError):
            trial.close()
    return True


def _add_copy(output: OutputContainer, stream: Stream) -> Stream:
    # opaque: PyAV would else look for an encoder of the same name.
    return output.add_stream_from_template(stream, opaque=True)


def _add_conversion(output: OutputContainer, stream: Stream) -> AudioConversion | SubtitleConversion:
    if stream.type == "audio":
        return AudioConversion(output, stream)  # type: ignore[arg-type]
    return SubtitleConversion(output, stream)  # type: ignore[arg-type]


def _cover(source: Path, limits: Limits, index: int) -> Packet[Any] | None:
    with opened(source, limits) as container:
        return next((packet for packet in container.demux(container.streams[index]) if packet.size), None)


def _is_searchable(container: InputContainer, wanted: Sequence[Stream]) -> bool:
    """False where the place found may lie in another part, or behind lines that are on screen.

    Matroska is searched by the picture alone.
    """
    hides_lines = "matroska" in container.format.name and any(stream.type == "subtitle" for stream in wanted)
    return container.format.name not in timeline.FORMATS and not hides_lines


def _seconds(packet: Packet[Any]) -> Fraction:
    return (packet.dts or 0) * packet.time_base


class _Clock:
    """Makes the times of one stream rise, which muxers insist on."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._expected = 0
        self._offset = 0

    def steady(self, packet: Packet[Any]) -> None:
        """Lift a packet above the one before it; carry on where the clock starts anew."""
        pts, dts = (packet.pts or 0) + self._offset, (packet.dts or 0) + self._offset
        if self._last is not None and dts < self._last - CLOCK_RESTART / packet.time_base:
            self._offset += self._expected - dts
            pts, dts = pts + self._expected - dts, self._expected
        if self._last is not None and dts <= self._last:
            dts = self._last + 1
        packet.pts, packet.dts = max(pts, dts), dts
        self._last, self._expected = dts, dts + (packet.duration or 1)
