"""Frames into packets: luma as it came beside the new chroma."""

from __future__ import annotations  # Packet is generic in its stub only

from io import BytesIO
from pathlib import Path

import av
from av import FFmpegError, Packet
from av.container import OutputContainer
from av.video.stream import VideoStream

from vidcolor.errors import OutputError
from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo
from vidcolor.video import planes
from vidcolor.video.encoding import Encoding, choose_pixel_format
from vidcolor.video.metadata import MOV_FAMILY
from vidcolor.video.picture import describe_picture, name_matrix
from vidcolor.video.planes import Plane
from vidcolor.video.reader import VideoReader
from vidcolor.video.source import reason
from vidcolor.video.suffixes import is_animation

CENTRED = frozenset({"mjpeg", "mpeg1video"})
"""Encoders whose chroma is shown as lying between the columns of luma."""


class Encoder:
    """Encodes the picture of `reader`, which comes as `info` says, for a stream that it adds to `container`.

    `target` is named in what is raised: OutputError for what the container or the encoder does not take.
    """

    def __init__(
        self, container: OutputContainer, target: Path, reader: VideoReader, encoding: Encoding, info: VideoInfo
    ) -> None:
        codec = encoding.find_codec()
        self._target, self._info, self._encoding = target, info, encoding
        self._pixels = choose_pixel_format(codec, info.planes, info.width, info.height)
        self.planes = PlaneFormat(
            self._pixels.bit_depth,
            self._pixels.full_range,
            info.planes.matrix,
            self._pixels.chroma_shift,
            left_sited=codec.name not in CENTRED,
        )
        """What the chroma of every batch has to be."""
        self._durations: dict[int, int] = {}
        self._end = 0
        """Of the latest frame, in ticks."""
        self._delay: int | None = None
        """Ticks from when the first packet is decoded to when it is shown."""
        options = encoding.options_for(codec, reader.tags.field_order)
        if is_animation(reader.source) and target.suffix.lower() in MOV_FAMILY:
            options = {"bf": "0"} | options  # with B frames its muxer forgets how long the last picture stands
        try:
            self.stream: VideoStream = container.add_stream(  # type: ignore[assignment]
                codec.name, info.usual_rate, options, width=info.width, height=info.height, time_base=info.time_base
            )
        except ValueError as error:
            way_out = "another codec" if target.suffix.lower() == ".mkv" else "another codec or .mkv as the target"
            raise OutputError(f"{target}: {target.suffix} files take no {encoding.codec}, choose {way_out}") from error
        self.stream.codec_context.pix_fmt = self._pixels.encoded
        self.stream.codec_context.thread_type = "AUTO"
        is_same_size = (info.width, info.height) == (reader.info.width, reader.info.height)
        tags = reader.tags if is_same_size else name_matrix(reader.tags, info.planes)
        self.warnings = [warning for warning in (encoding.warning, *self._pixels.warnings) if warning]
        self.warnings += describe_picture(self.stream, tags, self.planes)

    @property
    def header(self) -> bytes:
        """What a decoder has to know before the first packet; empty where the packets say it."""
        return bytes(self.stream.codec_context.extradata or b"")

    def open(self) -> None:
        """Get ready. Raises OutputError for settings that the encoder does not take, and where it needs a card."""
        try:
            self.stream.codec_context.open()
        except FFmpegError as error:
            problem = f"{self._encoding.codec} does not open with these settings ({reason(error)})"
            raise OutputError(
                f"{self._target}: cannot be written, {problem}: check its preset and options, or choose another codec"
            ) from error
        unknown = sorted(set(self.stream.codec_context.options) & set(self._encoding.options))
        if unknown:
            raise OutputError(f"{self._encoding.codec} has no option {', '.join(map(repr, unknown))}, leave it out")

    def encode(self, batch: FrameBatch) -> list[Packet[VideoStream]]:
        """The packets that are ready once these frames, chroma (N, 2, Hc, Wc) as `planes` says, are in."""
        if batch.chroma is None:
            raise ValueError("a batch must have chroma before it can be written")
        packets: list[Packet[VideoStream]] = []
        luma, chroma = batch.luma.cpu().numpy(), batch.chroma.cpu().numpy()
        for y, cbcr, pts, duration in zip(luma, chroma, batch.pts, batch.durations, strict=True):
            packets += self.encode_frame(y[0], cbcr, pts, duration)
        return packets

    def encode_frame(self, luma: Plane, chroma: Plane, pts: int, duration: int) -> list[Packet[VideoStream]]:
        """The packets that are ready once this frame is in: luma (H, W) as it came, chroma (2, Hc, Wc)."""
        luma = planes.change_levels(luma, self._info.planes, self.planes)
        frame = planes.build_frame(luma, chroma, self._pixels.planar)
        frame.pts, frame.time_base = pts, self._info.time_base
        self._durations[pts] = duration or self._info.usual_duration
        self._end = pts + self._durations[pts]
        return self._timed(self.stream.encode(frame))

    def finish(self) -> list[Packet[VideoStream]]:
        """The packets that the encoder still holds."""
        packets = self._timed(self.stream.encode(None))
        if packets and self._target.suffix.lower() in MOV_FAMILY:
            last = packets[-1]  # ends the film, though with B-frames it holds another picture than the last one shown
            last.duration = max(last.duration or 0, self._end - (self._delay or 0) - (last.dts or 0))
        return packets

    def _timed(self, packets: list[Packet[VideoStream]]) -> list[Packet[VideoStream]]:
        for packet in packets:
            if self._delay is None:
                self._delay = (packet.pts or 0) - (packet.dts or 0)
            packet.duration = self._durations.pop(packet.pts or 0, 0)
        return packets


def lone_encoder(target: Path, reader: VideoReader, encoding: Encoding, info: VideoInfo) -> Encoder:
    """One like that of a writer of `target`, ready, whose packets are yet to find their way there."""
    nowhere = BytesIO()
    nowhere.name = target.name  # by which PyAV chooses the format
    encoder = Encoder(av.open(nowhere, "w"), target, reader, encoding, info)
    encoder.open()
    return encoder
