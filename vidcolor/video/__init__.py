"""Films and stills in and out: the only home of PyAV."""

from pathlib import Path

from vidcolor.errors import OutputError
from vidcolor.files import Partial
from vidcolor.frames import VideoInfo
from vidcolor.video.animation import holds_one_picture
from vidcolor.video.colors import ColorFrame, read_colors
from vidcolor.video.encoder import Encoder, lone_encoder
from vidcolor.video.encoding import Encoding, find_encoders
from vidcolor.video.limits import USUAL, Limits
from vidcolor.video.loss import Loss
from vidcolor.video.moments import searchable_length
from vidcolor.video.packets import PacketFile, join_packets
from vidcolor.video.pictures import read_pictures
from vidcolor.video.pillow import check_size
from vidcolor.video.probe import MediaSummary, StreamSummary, probe
from vidcolor.video.reader import CHANGE, VideoReader
from vidcolor.video.sequence import files_of, find_patterns, find_sequence
from vidcolor.video.snapshot import check_snapshot, check_snapshot_size, save_snapshot
from vidcolor.video.source import check_source
from vidcolor.video.span import WHOLE, Span
from vidcolor.video.specimen import make_specimen
from vidcolor.video.still_writer import StillWriter
from vidcolor.video.stills import StillReader
from vidcolor.video.suffixes import STILLS, WRITABLE_FILMS, is_media, is_still
from vidcolor.video.target import check_target, translated
from vidcolor.video.transcode import transcode
from vidcolor.video.writer import VideoWriter

__all__ = [
    "CHANGE",
    "STILLS",
    "USUAL",
    "WRITABLE_FILMS",
    "ColorFrame",
    "Encoder",
    "Encoding",
    "Limits",
    "Loss",
    "MediaSummary",
    "PacketFile",
    "Span",
    "StillReader",
    "StillWriter",
    "StreamSummary",
    "VideoReader",
    "VideoWriter",
    "check_size",
    "check_snapshot",
    "check_snapshot_size",
    "check_target",
    "files_of",
    "find_encoders",
    "find_patterns",
    "find_sequence",
    "holds_one_picture",
    "is_media",
    "is_still",
    "join_packets",
    "make_specimen",
    "open_encoder",
    "open_reader",
    "open_writer",
    "probe",
    "read_colors",
    "read_pictures",
    "save_snapshot",
    "searchable_length",
    "transcode",
    "translated",
]


def open_reader(source: Path, span: Span = WHOLE, limits: Limits = USUAL) -> VideoReader | StillReader:
    """A reader for a film or a still, as `holds_one_picture` says; a context manager. Raises InputError in one line."""
    check_source(source)
    return StillReader(source, limits) if holds_one_picture(source) else VideoReader(source, span, limits)


def open_writer(
    target: Path,
    reader: VideoReader | StillReader,
    *,
    encoding: Encoding,
    overwrite: bool = False,
    info: VideoInfo | None = None,
    partial: Partial | None = None,
) -> VideoWriter | StillWriter:
    """A writer for what `reader` reads; a context manager. Raises OutputError before anything is created.

    `info` says how pictures come where they are no longer like the reader's: another size, another depth of luma.
    `partial` is where a film lies until it is whole; None: beside the target.
    """
    check_target(target, reader.source, overwrite)
    if isinstance(reader, StillReader):
        if not is_still(target):
            raise OutputError(f"{target}: a still cannot be written as a film, use .png, .jpg, .tif or .webp")
        return StillWriter(Partial(target, overwrite), reader, info or reader.info)
    _check_film(target)
    return VideoWriter(partial or Partial(target, overwrite), reader, encoding.fit(target.suffix), info or reader.info)


def open_encoder(target: Path, reader: VideoReader, encoding: Encoding, info: VideoInfo) -> Encoder:
    """What `open_writer` would encode the picture with, for packets that are joined later. Raises OutputError."""
    _check_film(target)
    with translated(target):
        return lone_encoder(target, reader, encoding.fit(target.suffix), info)


def _check_film(target: Path) -> None:
    if is_still(target):
        raise OutputError(f"{target}: a film cannot be written as a still, use .mp4, .mov, .mkv or .webm")
    if (suffix := target.suffix.lower()) not in WRITABLE_FILMS:
        raise OutputError(f"{target}: {suffix or 'no suffix'} cannot be written, use .mp4, .mov, .mkv, .webm or .ts")
