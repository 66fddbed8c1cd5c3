"""How one stream is handed on: as it is, or made anew where the target container refuses the source's codec."""

from __future__ import annotations  # Packet is generic in its stub only

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import Any

from av import Codec, FFmpegError, Packet
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from vidcolor.video.silence import MOV_FORMATS, Filler
from vidcolor.video.source import codec_name

AUDIO_CODEC = {"webm": "libopus", "matroska": "flac"}
"""Container to the codec its sound is turned into; aac everywhere else."""
SUBTITLE_CODEC = {"mp4": "mov_text", "ipod": "mov_text", "mov": "mov_text", "webm": "webvtt", "matroska": "subrip"}
"""Container to the codec its text subtitles are turned into."""
BITS_PER_CHANNEL = 96_000
"""Bits a second spent on each channel of newly encoded sound."""

_NO_TEXT = b"\0\0"
"""A mov_text packet that clears the screen. Its muxer writes one after every line by itself, and would double these."""

# PCM often counts its channels without naming them, which encoders refuse.
_NAMES = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
# What decoders of these find again, FLAC's any: of 5.0 and 6.1, FFmpeg puts Opus' channels into wrong places.
_LAYOUTS = {
    "aac": ("mono", "stereo", "2.1", "3.0", "3.0(back)", "4.0", "quad", "5.0", "5.1", "7.1"),
    "libopus": ("mono", "stereo", "3.0", "quad", "5.1", "7.1"),
}


class AudioConversion:
    """Decodes one audio stream and encodes it with another codec, times kept."""

    def __init__(self, container: OutputContainer, source: AudioStream) -> None:
        codec = Codec(AUDIO_CODEC.get(container.format.name, "aac"), "w")
        rates = codec.audio_rates
        rate = source.rate if not rates or source.rate in rates else 48_000
        self.source = source
        self.stream: AudioStream = container.add_stream(codec.name, rate)  # type: ignore[assignment]
        self.stream.codec_context.layout = _fitting_layout(source.layout, codec.name)
        if codec.lossy:
            self.stream.codec_context.bit_rate = BITS_PER_CHANNEL * source.channels
        elif source.format is not None and source.format.bytes > 2:
            self.stream.codec_context.format = "s32"  # else FLAC takes 16 bits
        self.stream.codec_context.open()
        self.refused = 0
        """Packets that did not decode so far."""
        self._kind: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None
        self._end: tuple[int, Fraction] | None = None
        """Of the latest frame: ticks, and the seconds of one."""

    def feed(self, packet: Packet[Any] | None) -> list[Packet[Any]]:
        """Encoded packets for one of the source's; None flushes. Packets that do not decode fall silent."""
        try:
            frames = [self._timed(frame) for frame in self.source.decode(packet)]
        except FFmpegError:
            frames = []
            self.refused += packet is not None
        fitting = [fit for frame in frames for fit in self._fit(frame)]
        if packet is None:
            fitting += self._rest()
        encoded = [done for frame in fitting for done in self.stream.encode(frame)]
        return encoded if packet is not None else encoded + self.stream.encode(None)

    def _timed(self, frame: AudioFrame) -> AudioFrame:
        """Some decoders give their last frame no time: it follows the one before."""
        if frame.pts is None and self._end is not None:
            frame.pts, frame.time_base = self._end
        if frame.pts is not None and frame.time_base:
            ticks = round(frame.samples / (frame.sample_rate * frame.time_base))
            self._end = frame.pts + ticks, frame.time_base
        return frame

    def _fit(self, frame: AudioFrame) -> list[AudioFrame]:
        """As the encoder takes it, whatever the frames before it were like: broadcasts change from 5.1 to stereo."""
        kind, rest = (frame.format.name, frame.layout.name, frame.sample_rate), []
        if kind != self._kind:
            rest = self._rest()
            context = self.stream.codec_context
            self._kind, self._resampler = kind, AudioResampler(context.format, context.layout, context.sample_rate)
        assert self._resampler is not None
        return rest + self._resampler.resample(frame)

    def _rest(self) -> list[AudioFrame]:
        """What the resampler still holds back."""
        return self._resampler.resample(None) if self._resampler is not None else []


class SubtitleConversion:
    """Turns text subtitles of one kind into another, packet by packet."""

    def __init__(self, container: OutputContainer, source: SubtitleStream) -> None:
        source.codec_context.open(strict=False)
        self.source = source
        self.stream: SubtitleStream = container.add_stream(SUBTITLE_CODEC[container.format.name])  # type: ignore[assignment]
        self.stream.codec_context.subtitle_header = source.codec_context.subtitle_header
        self.stream.codec_context.time_base = source.time_base  # type: ignore[assignment]
        self.stream.codec_context.open()
        self.refused = 0
        """Packets left out so far: damaged, or not in UTF-8."""

    def feed(self, packet: Packet[Any] | None) -> list[Packet[Any]]:
        """The converted packet, with the times of the source's; none where it holds no text or is refused."""
        if packet is None:
            return []
        try:
            text = self.source.decode2(packet)
            if text is None or not len(text):
                return []
            converted = self.stream.codec_context.encode_subtitle(text)
        except FFmpegError:
            self.refused += 1
            return []
        converted.stream = self.stream
        converted.time_base = packet.time_base
        converted.pts, converted.dts, converted.duration = packet.pts, packet.pts, packet.duration
        return [converted]


class Copy:
    """Hands packets on as they are."""

    def __init__(self, stream: Stream, source: Stream) -> None:
        self.stream = stream
        self._is_of_mov = stream.container.format.name in MOV_FORMATS
        counts = self._is_of_mov and codec_name(source).startswith("pcm_")
        self._filler = Filler(source) if counts else None

    def feed(self, packet: Packet[Any] | None) -> Iterator[Packet[Any]]:
        """The packet itself, now of the output's stream, behind the silence that its muxer would leave out."""
        if packet is None or self._is_nothing(packet):
            return
        for one in chain(self._filler.before(packet) if self._filler else (), [packet]):
            one.stream = self.stream
            yield one

    def _is_nothing(self, packet: Packet[Any]) -> bool:
        """True of a cleared screen, and of sound that an edit list cuts away, which only the MOV family can hide."""
        if self.stream.type == "subtitle":
            return bytes(packet) == _NO_TEXT
        is_hidden = packet.is_discard and (packet.pts or 0) + (packet.duration or 0) < 0
        return self.stream.type == "audio" and is_hidden and not self._is_of_mov


def converts(format_name: str, source: Stream) -> bool:
    """True where a stream that the container refuses can be made into one that it takes."""
    if source.codec_context is None:
        return False
    if source.type == "audio":
        return True
    return source.type == "subtitle" and source.codec_context.codec.text_sub and format_name in SUBTITLE_CODEC


def _fitting_layout(layout: AudioLayout, codec: str) -> AudioLayout:
    """The encoder's first layout with all channels of this one, those at the sides as well at the back; or its last."""
    if layout.nb_channels > len(_NAMES):
        return layout
    if layout.name == f"{layout.nb_channels} channels":
        layout = AudioLayout(_NAMES[layout.nb_channels - 1])
    if codec not in _LAYOUTS:
        return layout
    choice = [AudioLayout(name) for name in _LAYOUTS[codec]]
    return next((one for one in choice if _places(one) >= _places(layout)), choice[-1])


def _places(layout: AudioLayout) -> set[str]:
    """Its channels; the pair beside or behind the listener by one name where there is but one."""
    names = {channel.name for channel in layout.channels}
    return names if {"BL", "SL"} <= names else {name.replace("SL", "BL").replace("SR", "BR") for name in names}
