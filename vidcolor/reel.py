"""The frames of a film that are worth training on: spread over its shots, none nearly like the one before it."""

import hashlib
import shutil
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import cv2

from vidcolor.errors import OutputError
from vidcolor.shots import Thumbnail, distance, find_cuts, to_thumbnails
from vidcolor.video import ColorFrame, Span, VideoReader, read_colors

SETTLED = 0.2
"""Seconds after a cut before which a dissolve or a flash may still lie over the shot."""
EVERY = 2.0
"""Seconds between two frames of a shot."""
ALIKE = 0.03
"""Structural distance of thumbnails (`shots.distance`) up to which a frame shows nothing new."""
SHORT_SIDE, QUALITY = 512, 95


def spool_film(film: Path, spool: Path) -> list[Path]:
    """The frames of `film` as JPEG files in a folder of their own below `spool`, in order; made if not there yet.

    The folder's name says which state of the film it was made of, its being there that it is complete.
    Raises InputError, and OutputError where it cannot be written.
    """
    stat = film.stat()
    state = f"{film.absolute()}|{stat.st_size}|{stat.st_mtime_ns}"
    folder = spool / f"{film.stem}-{hashlib.sha256(state.encode()).hexdigest()[:12]}"
    if not folder.is_dir():
        _fill(folder, choose_frames(VideoReader(film, Span())))
    return sorted(folder.glob("*.jpg"))


def choose_frames(reader: VideoReader) -> Iterator[ColorFrame]:
    """The first settled frame of every shot and one every EVERY seconds from there, but for those that are ALIKE.

    The film is decoded once; of its frames no more are held than `find_cuts` looks ahead.
    """
    waiting: deque[tuple[ColorFrame, Thumbnail]] = deque()
    last: Thumbnail | None = None
    due = 0.0
    for is_cut in find_cuts(_thumbnails(reader, waiting)):
        frame, thumbnail = waiting.popleft()
        if is_cut:
            due = frame.seconds + SETTLED
        if frame.seconds < due:
            continue
        due = frame.seconds + EVERY
        if last is None or distance(last, thumbnail) > ALIKE:
            last = thumbnail
            yield frame


def _thumbnails(reader: VideoReader, waiting: deque[tuple[ColorFrame, Thumbnail]]) -> Iterator[Thumbnail]:
    for frame in read_colors(reader):
        thumbnail = to_thumbnails(frame.luma, reader.info.planes)[0]
        waiting.append((frame, thumbnail))
        yield thumbnail


def _fill(folder: Path, frames: Iterator[ColorFrame]) -> None:
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for number, frame in enumerate(frames):
            picture = cv2.cvtColor(frame.picture(SHORT_SIDE), cv2.COLOR_RGB2BGR)
            _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            (partial / f"{number:06d}.jpg").write_bytes(data.tobytes())
        partial.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); check the free space") from None
