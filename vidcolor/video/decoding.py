"""Packets and decoded frames out of an open container, read on over damage for as long as anything comes."""

from __future__ import annotations  # Packet is generic in its stub only

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from av import FFmpegError, Packet, VideoFrame
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from vidcolor.video.source import reason

MAX_READ_ERRORS = 100
"""Unreadable packets in a row after which the file counts as cut off."""
CLOCK_RESTART = 1
"""Seconds by which times must fall back to mean that the source's clock began anew."""

_SKIPPED = {"hevc": "frame dropped (one that it refers to is missing)"}
"""Codecs with a frame in every packet whose decoders leave some out without a word, and what is then said of these."""

Lose = Callable[[int | None, str], None]
"""Called with the pts (stream time base, None where unknown) and the kind of every loss."""


def decode(container: InputContainer, stream: VideoStream, lose: Lose) -> Iterator[VideoFrame]:
    """Frames from the container's present position on; every frame that is missing or guessed goes to `lose`."""
    if not stream.codec_context.is_open:
        stream.codec_context.thread_type = "AUTO"
    awaited: set[int] = set()
    """pts of the packets whose frames have not come out yet."""
    lost: set[int] = set()
    failure = usual = _SKIPPED.get(stream.codec_context.codec.canonical_name)
    suspect: set[int] = set()
    """pts of packets that came damaged."""
    for packet in _with_flush(stream, read_packets(container, [stream], lose)):
        if packet.pts is not None and not packet.is_discard:
            awaited.add(packet.pts)
            if packet.is_corrupt:
                suspect.add(packet.pts)
        try:
            frames = stream.decode(packet)
        except FFmpegError as error:
            failure = f"frame dropped ({reason(error)})"
            continue
        for frame in frames:
            # Frames come in the order of their times: what lies before this one and has not come is lost. Without a
            # failure nothing is: packets of most codecs may hold no frame of their own.
            passed = {pts for pts in awaited if frame.pts is not None and pts <= frame.pts}
            awaited -= passed
            if failure and (gone := sorted(passed - {frame.pts})):
                _lose_all(gone, failure, lose)
                lost.update(gone)
                failure = usual
            if frame.pts in lost:
                continue  # it came after all, but behind later frames
            if frame.is_corrupt or frame.pts in suspect:
                lose(frame.pts, "damaged frame, parts of it are guessed")
            yield frame
    if failure and (awaited or failure != usual):
        _lose_all(sorted(awaited) or [None], failure, lose)


def decode_from(container: InputContainer, stream: VideoStream, pts: int, lose: Lose) -> Iterator[VideoFrame]:
    """Frames from the key frame before `pts` on; from the beginning where the file cannot be searched."""
    try:
        container.seek(pts, stream=stream)
    except FFmpegError:
        container.seek(0)
    return decode(container, stream, lose)


def read_packets(container: InputContainer, streams: Sequence[Stream], lose: Lose) -> Iterator[Packet[Any]]:
    """The packets of `streams` in file order, without the empty ones that flush; unreadable parts go to `lose`."""
    errors = 0
    knows_all = True
    last: Packet[Any] | None = None
    while errors < MAX_READ_ERRORS:
        try:
            for packet in container.demux(*streams):
                if packet.size == 0 and packet.dts is None:
                    continue
                if errors:
                    lose(last.pts if last else None, "a part of the file is unreadable")
                    errors = 0
                last = packet
                yield packet
            break
        except FFmpegError:
            errors += 1
        except IndexError:  # PyAV on a packet of a stream that it did not meet when it opened the file
            if knows_all:
                lose(last.pts if last else None, "a stream that begins in the middle of the file is left out")
            knows_all = False
    missing = _missing_at_end(container, last)
    if errors or missing:
        count = f" ({missing} packets)" if missing else ""
        lose(last.pts if last else None, f"the file is cut off or unreadable from here on{count}")


def _missing_at_end(container: InputContainer, last: Packet[Any] | None) -> int:
    """Packets that an mp4's index promises behind the last one; its demuxer ends without a word where the file does."""
    if last is None or last.dts is None or "mov" not in container.format.name:
        return 0
    return sum(entry.timestamp > last.dts and not entry.is_discard for entry in last.stream.index_entries)


def _with_flush(stream: VideoStream, packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """The packets and the empty one that makes the decoder hand out what it still holds."""
    yield from packets
    # `decode(None)` would do the same, but the frames would come without a time base.
    packet = Packet()
    packet.stream = stream
    packet.time_base = stream.time_base or stream.codec_context.framerate
    yield packet


def _lose_all(places: Sequence[int | None], what: str, lose: Lose) -> None:
    for place in places:
        lose(place, what)
