"""Packets and decoded frames out of an open container, read on over damage for as long as anything comes."""

from __future__ import annotations  # Packet is generic in its stub only

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import islice
from typing import Any

from av import FFmpegError, Packet, VideoFrame
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from vidcolor.video.roll import Lose, Roll, dropped

MAX_READ_ERRORS = 100
"""Unreadable packets in a row after which the file counts as cut off."""
MOST_STEPS = 250
"""Packets or frames within which the next key frame is looked for; as far as x264 sets them apart."""
KEYS_APART = 10
"""Seconds by which a key frame is sought too early where the file has no index that leads to one."""

Again = Callable[[], AbstractContextManager[InputContainer]]
"""Opens the film another time."""


def decode(
    container: InputContainer,
    stream: VideoStream,
    lose: Lose,
    again: Again | None = None,
    *,
    is_sought: bool = False,
) -> Iterator[VideoFrame]:
    """Frames from the container's present position on; every frame that is missing or guessed goes to `lose`.

    `is_sought`: as `Roll` takes it. Without `again` the decoder has one thread. With several it still holds frames when
    the packets end, and PyAV does not ask for those that lie behind an error: they are decoded once more.
    """
    if not (are_told := _tells_frames_apart(container, stream)):
        again = None
    if not stream.codec_context.is_open:
        stream.codec_context.thread_type = "AUTO"
        if again is None:
            stream.codec_context.thread_count = 1
    roll = Roll(stream.codec_context.codec.canonical_name, lose, is_sought)
    for packet in _with_flush(stream, read_packets(container, [stream], lose)):
        if are_told:
            roll.expect(packet)
        try:
            frames = stream.decode(packet)
        except FFmpegError as error:
            roll.fail(error) if are_told else lose(packet.pts, dropped(error))
            continue
        yield from filter(roll.admit, frames)
    if roll.awaited and again:
        with again() as film:
            yield from _decode_end(film, film.streams.video[container.streams.video.index(stream)], roll)
    roll.close()


def _decode_end(container: InputContainer, stream: VideoStream, roll: Roll) -> Iterator[VideoFrame]:
    """The awaited frames that lie behind the last, by one thread, which tells of an error at its own packet."""
    stream.codec_context.thread_count = 1
    last, awaited = roll.last, roll.retry()
    if last is not None:
        _seek_before(container, stream, last)
    is_end = False
    for packet in _with_flush(stream, read_packets(container, [stream], lambda pts, what: None)):
        is_end = is_end or packet.pts in awaited
        try:
            frames = stream.decode(packet)
        except FFmpegError as error:
            if is_end and packet.pts not in roll.lost:
                roll.expect(packet)
                roll.fail(error)
            continue
        for frame in frames:
            if frame.pts in awaited and (last is None or frame.pts > last) and roll.admit(frame):
                yield frame


def _seek_before(container: InputContainer, stream: VideoStream, pts: int) -> None:
    """Go to a place from which the frame at `pts` decodes, if it is the beginning."""
    early = pts - round(KEYS_APART / stream.time_base) if stream.time_base else pts
    for place in (pts, early):
        key = key_near(container, stream, place)
        if key is not None and key <= pts:
            container.seek(place, stream=stream)
            return
    container.seek(0)


def key_near(container: InputContainer, stream: VideoStream, pts: int) -> int | None:
    """pts of the key frame at or before this one, or soon behind it where the file has no index; None without one."""
    try:
        container.seek(pts, stream=stream)
        return next(
            (time_of(packet) for packet in islice(container.demux(stream), MOST_STEPS) if packet.is_keyframe), None
        )
    except FFmpegError:
        return None


def time_of(packet: Packet[VideoStream]) -> int | None:
    """pts, or what comes nearest."""
    return packet.pts if packet.pts is not None else packet.dts


def _tells_frames_apart(container: InputContainer, stream: VideoStream) -> bool:
    """True where a frame bears its packet's time: bare streams have none, AVI has H.264's in file order."""
    is_in_file_order = container.format.name == "avi" and stream.codec_context.name in ("h264", "hevc")
    return stream.start_time is not None and not is_in_file_order


def decode_from(
    container: InputContainer, stream: VideoStream, pts: int, lose: Lose, again: Again | None = None
) -> Iterator[VideoFrame]:
    """Frames from the key frame before `pts` on; from the beginning where the file cannot be searched."""
    try:
        container.seek(pts, stream=stream)
    except FFmpegError:
        with suppress(FFmpegError):  # a bare stream cannot even do this, and stays where it is
            container.seek(0)
    return decode(container, stream, lose, again, is_sought=True)


def read_packets(container: InputContainer, streams: Sequence[Stream], lose: Lose) -> Iterator[Packet[Any]]:
    """The packets of `streams` in file order, without the empty ones that flush; unreadable parts go to `lose`."""
    errors = 0
    knows_all = True
    last: int | None = None
    reached: dict[int, int] = {}
    while errors < MAX_READ_ERRORS:
        try:
            for packet in container.demux(*streams):
                if packet.size == 0 and packet.dts is None:
                    continue
                if errors:
                    lose(last, "a part of the file is unreadable")
                    errors = 0
                last = packet.pts
                if packet.dts is not None:
                    reached[packet.stream.index] = packet.dts
                yield packet  # whoever takes it may move its times
            break
        except FFmpegError:
            errors += 1
        except IndexError:  # PyAV on a packet of a stream that it did not meet when it opened the file
            if knows_all:
                lose(last, "a stream that begins in the middle of the file is left out")
            knows_all = False
    missing = _missing_at_end(container, reached)
    if errors or missing:
        count = f" ({missing} packets)" if missing else ""
        lose(last, f"the file is cut off or unreadable from here on{count}")


def _missing_at_end(container: InputContainer, reached: Mapping[int, int]) -> int:
    """Packets that an mp4's index promises behind the last ones; its demuxer ends without a word where the file does.

    `reached` is the last dts of every stream, by the stream's index.
    """
    if "mov" not in container.format.name:
        return 0
    return sum(
        entry.timestamp > last and not entry.is_discard
        for index, last in reached.items()
        for entry in container.streams[index].index_entries
    )


def _with_flush(stream: VideoStream, packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """The packets and the empty one that makes the decoder hand out what it still holds."""
    yield from packets
    # `decode(None)` would do the same, but the frames would come without a time base.
    packet = Packet()
    packet.stream = stream
    packet.time_base = stream.time_base or stream.codec_context.framerate
    yield packet
