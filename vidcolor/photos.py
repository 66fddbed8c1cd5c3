"""Pictures to train on or to measure with, found in folders, tar and zip archives, and films."""

import struct
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.errors import InputError
from vidcolor.reel import spool_film
from vidcolor.tree import is_hidden, is_locked, refuse_missing, walk_originals
from vidcolor.video import USUAL, Limits, check_size, is_media, is_still

Picture = NDArray[np.uint8]

LEAST_SIDE = 32
"""Pixels that a picture needs on either side to be of use."""
MOST_BYTES = 1 << 28
"""Of a picture that comes out of a zip archive, which may be made to fill the memory."""
ARCHIVES = frozenset({".tar", ".zip"})
PACKED = frozenset({".7z", ".bz2", ".gz", ".rar", ".tbz", ".tgz", ".txz", ".xz", ".zst"})
ENCRYPTED = 0x1
"""Bit of a zip member's flags."""


@dataclass(frozen=True, slots=True)
class Photo:
    """Where the bytes of one encoded picture lie: a whole file, or a stretch of an archive."""

    path: Path
    offset: int = 0
    size: int | None = None
    """None: to the end of the file."""
    member: str | None = None
    """Its name in an archive."""
    deflated: bool = False
    """Whether the stretch is a raw deflate stream (RFC 1951), as zip archives hold."""

    @property
    def name(self) -> str:
        """Without folders, as people know it."""
        return Path(self.member or self.path).name

    def decode(self, *, quartered: bool = False, limits: Limits = USUAL) -> Picture | None:
        """(H, W, 3) uint8 RGB, `quartered` on either side, which saves a JPEG most of the work; None if no picture.

        Raises OSError where the file cannot be read, InputError where its header claims more than the limits allow.
        """
        try:
            data = self.read()
            check_size(Path(self.name), data, limits)
            picture = cv2.imdecode(
                np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_COLOR_4 if quartered else cv2.IMREAD_COLOR_RGB
            )
        except (cv2.error, zlib.error):  # no bytes at all, too many pixels, a damaged stretch
            return None
        if picture is None:
            return None
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) if quartered else picture, np.uint8)

    def read(self) -> bytes:
        """The encoded bytes. Raises OSError, and zlib.error where they are deflated and damaged."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read(-1 if self.size is None else self.size)
        return _inflate(data) if self.deflated else data


def _inflate(data: bytes) -> bytes:
    """Raises zlib.error where the stretch is damaged, cut off or far larger than a picture."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    unpacked = unpacker.decompress(data, MOST_BYTES)
    if not unpacker.eof:
        raise zlib.error("the data do not end")
    return unpacked


def find_photos(sources: Sequence[Path], spool: Path | None = None, *, leave_out: Path | None = None) -> list[Photo]:
    """Every picture in the sources, in a stable order. Raises InputError where there is none.

    In folders and archives, what is hidden (`tree.py`) is not looked at, nor is what training runs left in folders, or
    lies below the folder `leave_out`.
    Frames of films are kept as files below `spool`, and found there the next time; without it, films are left out.
    A film or an archive in a folder that cannot be read counts as one broken picture.
    """
    photos = [photo for source in sources for photo in _photos_in(source, spool, leave_out)]
    if not photos:
        films = "" if spool is None else " or films"
        raise InputError(f"no pictures in {', '.join(map(str, sources))}: give folders, tar or zip archives{films}")
    return photos


def _photos_in(source: Path, spool: Path | None, leave_out: Path | None = None) -> Iterator[Photo]:
    refuse_missing([source])
    suffix = source.suffix.lower()
    if is_locked(source):
        raise InputError(f"{source}: is a folder that may not be looked into")
    if source.is_dir():
        for path in _files_in(source, leave_out):
            try:
                yield from list(_photos_in(path, spool))
            except InputError:
                yield Photo(path, size=0)
    elif suffix in PACKED:
        raise InputError(f"{source}: {suffix} is not read, unpack it or give a .zip or an uncompressed .tar")
    elif suffix == ".tar":
        yield from _photos_in_tar(source)
    elif suffix == ".zip":
        yield from _photos_in_zip(source)
    elif is_still(source):
        yield Photo(source)
    elif spool is not None:
        yield from map(Photo, spool_film(source, spool))


def _files_in(folder: Path, leave_out: Path | None) -> Iterator[Path]:
    left_out = leave_out.resolve() if leave_out else None
    for path in walk_originals(folder):
        wanted = is_media(path) or path.suffix.lower() in ARCHIVES
        if (is_locked(path) or (wanted and path.is_file())) and left_out not in path.resolve().parents:
            yield path


def _photos_in_tar(path: Path) -> Iterator[Photo]:
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                if member.isfile() and _is_wanted(Path(member.name)):
                    yield Photo(path, member.offset_data, member.size, member.name)
    except (tarfile.TarError, OSError) as error:
        raise InputError(f"{path}: not an uncompressed tar archive ({error})") from None


def _photos_in_zip(path: Path) -> Iterator[Photo]:
    try:
        with ZipFile(path) as archive, open(path, "rb") as file:
            for info in archive.infolist():
                if not info.is_dir() and _is_wanted(Path(info.filename)):
                    file.seek(info.header_offset)
                    yield _zip_member(path, info, file.read(30))
    except (BadZipFile, struct.error, OSError) as error:
        raise InputError(f"{path}: not a zip archive, or a damaged one ({error})") from None


def _is_wanted(place: Path) -> bool:
    """Of a file in an archive."""
    return is_still(place) and not is_hidden(place)


def _zip_member(path: Path, info: ZipInfo, header: bytes) -> Photo:
    """Its 30 bytes of local header say how far behind them the data begin (APPNOTE.TXT, 4.3.7)."""
    if info.flag_bits & ENCRYPTED:
        raise InputError(f"{path}: {info.filename} is encrypted; unpack it, or zip it without a password")
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise InputError(f"{path}: {info.filename} is packed by method {info.compress_type}; zip it stored or deflated")
    name_length, extra_length = struct.unpack("<26xHH", header)
    start = info.header_offset + len(header) + name_length + extra_length
    return Photo(path, start, info.compress_size, info.filename, info.compress_type == ZIP_DEFLATED)
