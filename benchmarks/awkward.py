"""Every awkward container and picture through the whole pipeline, compared with its source.

    python -m benchmarks.awkward [--from DIR] [--only NAME ...] [--json FILE]

The files of DIR and those that tests/awkward.py makes are coloured by a stub colorizer with a lossless encoder, into a
container of the same kind where vidcolor writes that, else into .mkv or .png. A plain decoder then looks at both.

- correct: the same frames, times, luma, depth, rotation, pixel aspect, tags and streams of each kind, or a warning that
  names what is missing. Of a JPEG, which is lossy, the luma is within 1.5 levels on average.
- refused: one line, for a file of which the plain decoder gets nothing, either, or that goes beyond the limits.
- wrong: anything else.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import PIL
from av.stream import Disposition
from PIL import Image

from benchmarks.stub import stub_colorizer
from tests import awkward
from vidcolor.colorizer import Colorizer
from vidcolor.errors import VidcolorError
from vidcolor.jobs import plan_jobs
from vidcolor.pipeline import RunReport, RunSettings, colorize_video
from vidcolor.smooth import Smoother
from vidcolor.video import Encoding, holds_one_picture
from vidcolor.video.planes import REC709, is_rgb, read_luma

X264 = Encoding("libx264", None, "ultrafast", {"qp": "0"})
VP9 = Encoding("libvpx-vp9", None, None, {"lossless": "1", "cpu-used": "8"})
FFV1 = Encoding("ffv1", None, None)
OF_X264 = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray"})
ORIENTATION = 274


class NoPictureError(Exception):
    """A container opens and holds no picture that decodes."""


NOTHING_DECODES = (NoPictureError, av.FFmpegError, OSError, SyntaxError)
"""What a plain decoder says of a file it gets nothing out of; Pillow calls a broken PNG a SyntaxError."""


@dataclass
class Film:
    """What a plain decoder finds."""

    lumas: list[Any] = field(default_factory=list)
    times: list[Fraction | None] = field(default_factory=list)
    tick: Fraction = Fraction(1)
    depth: int = 8
    is_rgb: bool = False
    has_alpha: bool = False
    errors: int = 0
    clock_is_arbitrary: bool = False
    shape: dict[str, Any] = field(default_factory=dict)
    """Rotation, pixel aspect, colour tags and fields: what has to be the same."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Streams of each kind, chapters among them."""
    sound: list[list[bytes]] = field(default_factory=list)


@dataclass(frozen=True)
class Verdict:
    """What became of one file."""

    file: str
    outcome: str
    """correct, refused or wrong."""
    frames: int = 0
    worst_time_error_ticks: float = 0
    """Of the output's time base, once the start of the source's clock is taken off."""
    streams: dict[str, int] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    losses: int = 0
    message: str = ""


def look(path: Path) -> Film:
    """Decode everything, over errors."""
    if path.suffix == ".webp":
        return _look_at_webp(path)
    # As the reader has it: what is guessed of damage depends on the threads. But PyAV loses frames with several.
    several, one = _look(path, 0), _look(path, 1)
    return several if len(several.lumas) >= len(one.lumas) else one


def _look(path: Path, threads: int) -> Film:
    film = Film(kinds=_kinds(path))
    with av.open(f"file:{path}", metadata_errors="replace") as container:
        picture: Any = container.streams.best("video")
        if picture is None:
            raise NoPictureError
        picture.thread_type, picture.codec_context.thread_count = "AUTO", threads
        film.tick, first = picture.time_base, None
        film.clock_is_arbitrary = container.format.name in ("mpegts", "mpeg")
        film.sound = [[] for _ in container.streams.audio]
        places = {stream.index: place for place, stream in enumerate(container.streams.audio)}
        for packet in container.demux(picture, *container.streams.audio):
            if packet.stream.index in places:
                film.sound[places[packet.stream.index]] += [bytes(packet)] if packet.size else []
                continue
            try:
                frames = packet.decode()
            except av.FFmpegError:
                film.errors += 1
                continue
            for frame in frames:
                first = first or frame
                film.lumas.append(read_luma(frame).copy())
                film.times.append(Fraction(frame.pts) * film.tick if frame.pts is not None else None)
                film.errors += frame.is_corrupt
        if first is None:
            raise NoPictureError
        film.is_rgb = is_rgb(first.format)
        film.depth = first.format.components[0].bits
        film.has_alpha = _shows_through(first) or picture.metadata.get("alpha_mode") == "1"
        film.shape = _shape(first, picture)
    return film


def _kinds(path: Path) -> Counter[str]:
    """Streams of each kind that hold anything, and chapters."""
    with av.open(f"file:{path}", metadata_errors="replace") as container:
        full = {packet.stream.index for packet in container.demux() if packet.size}
        kinds = Counter({"chapter": len(container.chapters())})
        for stream in container.streams:
            is_cover = stream.type == "video" and stream.disposition & Disposition.attached_pic
            if stream.index in full or stream.type == "attachment":
                kinds["cover" if is_cover else stream.type] += 1
    return kinds


def _look_at_webp(path: Path) -> Film:
    """Pillow's view of an animation that FFmpeg does not read."""
    film = Film(is_rgb=True, kinds=Counter(video=1))
    with Image.open(path) as image:
        start = Fraction(0)
        for index in range(image.n_frames):
            image.seek(index)
            film.lumas.append(np.rint(np.asarray(image.convert("RGB")) @ REC709).astype(np.uint8))
            film.times.append(start)
            start += Fraction(image.info["duration"], 1000)
    return film


def _shows_through(frame: av.VideoFrame) -> bool:
    names = ("rgba", "bgra", "argb", "abgr", "yuva", "ya", "gbrap")
    return frame.format.name.startswith(names) and frame.to_ndarray(format="rgba")[..., 3].min() < 255


def _shape(frame: av.VideoFrame, stream: Any) -> dict[str, Any]:
    matrices = [
        np.frombuffer(bytes(s), np.int32)[[0, 1, 3, 4]] for s in frame.side_data if s.type.name == "DISPLAYMATRIX"
    ]
    return {
        "size": (frame.width, frame.height),
        "rotation": frame.rotation,
        "mirrored": any(a * d - b * c < 0 for a, b, c, d in (matrix.astype(float) for matrix in matrices)),
        "pixel aspect": stream.sample_aspect_ratio or Fraction(1),
        "transfer": frame.color_trc,
        "primaries": frame.color_primaries,
        "interlaced": frame.interlaced_frame,
    }


NAMED = {
    "rotation": "rotation",
    "mirrored": "mirroring",
    "pixel aspect": "pixel aspect",
    "interlaced": "interlaced",
    "alpha": "alpha",
    "depth": "bit",
    "audio": "audio stream",
    "subtitle": "subtitle stream",
    "attachment": "attachment stream",
    "data": "data stream",
    "cover": "cover",
    "chapter": "chapters",
    "sound": "is converted",
}
"""What may be missing, and the word of the warning that then has to be there."""


def compare_films(source: Path, target: Path, report: RunReport) -> tuple[list[str], float, Film]:
    """Everything that differs and is not named in a warning; the worst error of a time, in ticks; the source."""
    old, new = look(source), look(target)
    found = list(_differences(old, new))
    if len(old.lumas) != len(new.lumas) and not (old.errors and report.losses):
        found.append(("frames", f"{len(old.lumas)} -> {len(new.lumas)}"))
    worst = _worst_time(old, new)
    if worst > Fraction(1, 2):
        found.append(("times", f"off by {float(worst):.2f} ticks"))
    unnamed = [
        f"{what}: {how}"
        for what, how in found
        if what not in NAMED or not any(NAMED[what] in warning for warning in report.warnings)
    ]
    return unnamed, float(worst), old


def _differences(old: Film, new: Film) -> Iterator[tuple[str, str]]:
    for what in old.shape:
        before, after = old.shape[what], new.shape[what]
        if before != after and not (old.is_rgb and what in ("transfer", "primaries")):
            yield what, f"{before} -> {after}"
    for kind in old.kinds | new.kinds:
        if old.kinds[kind] != new.kinds[kind]:
            yield kind, f"{old.kinds[kind]} -> {new.kinds[kind]}"
    if old.depth > new.depth:
        yield "depth", f"{old.depth} -> {new.depth}"
    if old.has_alpha:
        yield "alpha", "left out"
    if len(old.lumas) == len(new.lumas):
        exact = all(map(np.array_equal, old.lumas, new.lumas))
        if not exact:
            yield "luma", f"differs by {max(_gap(*pair) for pair in zip(old.lumas, new.lumas, strict=True))}"
    if old.sound != new.sound:
        yield "sound", "packets differ"


def _gap(one: Any, other: Any) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max()) if one.shape == other.shape else -1


def _worst_time(old: Film, new: Film) -> Fraction:
    """Frames without a time of their own left out; MPEG's clocks count from anywhere, so their start may move."""
    if len(old.times) != len(new.times):
        return Fraction(0)
    pairs = [(a, b) for a, b in zip(old.times, new.times, strict=True) if a is not None]
    shift = pairs[0][1] - pairs[0][0] if old.clock_is_arbitrary else 0
    return max(abs(after - before - shift) for before, after in pairs) / new.tick


def look_at_still(path: Path, own_luma: bool | None = None) -> dict[str, Any]:
    """As Pillow and OpenCV see it; `own_luma`: of the Y' plane, as JPEGs are read that have one, or of Rec. 709."""
    deep = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    with Image.open(path) as image:
        image.load()
        orientation = image.getexif().get(ORIENTATION, 1)
        profile, resolution, mode = image.info.get("icc_profile"), image.info.get("dpi"), image.mode
        has_alpha = mode in ("LA", "PA", "RGBA") or "transparency" in image.info
        alpha = np.asarray(image.convert("RGBA").getchannel("A")) if has_alpha else None
        own_luma = image.format == "JPEG" and image.mode in ("RGB", "L") if own_luma is None else own_luma
        luma = _luma(image, deep, own_luma)
    is_deep = deep is not None and deep.dtype == np.uint16
    if is_deep and deep.ndim == 3 and deep.shape[2] == 4:
        alpha = deep[..., 3]
    return {
        "luma": luma,
        "own luma": own_luma,
        "alpha": alpha,
        "depth": 16 if is_deep else 8,
        "orientation": orientation,
        "profile": profile,
        "resolution": resolution and tuple(round(value) for value in resolution),
    }


def _luma(image: Image.Image, deep: Any, own: bool) -> Any:
    if own:
        with Image.open(image.filename) as planes:
            planes.draft("YCbCr", planes.size)
            return np.asarray(planes.getchannel(0)).astype(float)
    if deep is not None and deep.dtype == np.uint16:
        return deep.astype(float) if deep.ndim == 2 else deep[..., 2::-1] @ REC709
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L")).astype(float)
    return np.asarray(image.convert("RGB")) @ REC709


def compare_stills(source: Path, target: Path, report: RunReport) -> list[str]:
    """Everything that differs and is not named in a warning."""
    old = look_at_still(source)
    new = look_at_still(target, old["own luma"] and target.suffix == ".jpg")
    words = {"alpha": "alpha", "depth": "bits", "profile": "ICC profile", "resolution": "resolution"}
    found = []
    for what in ("depth", "orientation", "profile", "resolution"):
        if old[what] is not None and old[what] != new[what]:
            found.append((what, f"{str(old[what])[:20]} -> {str(new[what])[:20]}"))
    if old["alpha"] is not None and not np.array_equal(old["alpha"], new["alpha"]):
        found.append(("alpha", "differs"))
    scale = 257 if old["depth"] < new["depth"] else 1
    if old["luma"].shape != new["luma"].shape:
        found.append(("size", f"{old['luma'].shape} -> {new['luma'].shape}"))
    else:
        gaps = np.abs(old["luma"] * scale - new["luma"])
        gap = gaps.mean() if target.suffix == ".jpg" else gaps.max()
        found += [("luma", f"differs by {gap:.2f}")] if gap > 1.5 else []
    return [f"{w}: {how}" for w, how in found if w not in words or not any(words[w] in x for x in report.warnings)]


def lossless(source: Path, suffix: str) -> Encoding:
    """An encoder for the container that keeps every sample of this film.

    x264 tells Matroska the pixel aspect and the fields, which FFV1 does not; but that has odd sizes and any depth.
    """
    if suffix != ".mkv":
        return VP9 if suffix == ".webm" else X264
    with av.open(f"file:{source}", metadata_errors="replace") as container:
        stream = container.streams.video[0]
        is_even = stream.width % 2 == 0 and stream.height % 2 == 0
        return X264 if (stream.pix_fmt or "").removesuffix("10le") in OF_X264 and is_even else FFV1


def decodes(source: Path) -> bool:
    """Whether a plain decoder gets anything out of a file."""
    try:
        look_at_still(source) if holds_one_picture(source) else look(source)
    except NOTHING_DECODES:
        return False
    return True


def judge(source: Path, folder: Path, colorizer: Colorizer) -> Verdict:
    """Colour one file and compare."""
    target = plan_jobs([str(source)], folder)[0].target
    try:
        encoding = X264 if holds_one_picture(source) else lossless(source, target.suffix)
    except (av.FFmpegError, IndexError):
        encoding = X264
    try:
        report = colorize_video(
            source, target, colorizer, RunSettings(smoother=Smoother(0), encoding=encoding, overwrite=True)
        )
    except VidcolorError as error:
        message = str(error).replace(f"{source.parent}/", "")
        is_clear = "\n" not in message and source.name in message and ("--max-" in message or not decodes(source))
        return Verdict(source.name, "refused" if is_clear else "wrong", message=message)
    try:
        if holds_one_picture(source):
            wrong, worst, streams = compare_stills(source, target, report), 0.0, {}
        else:
            wrong, worst, film = compare_films(source, target, report)
            streams = {kind: count for kind, count in sorted(film.kinds.items()) if count}
    finally:
        target.unlink()
    outcome = "wrong" if wrong else "correct"
    return Verdict(
        source.name,
        outcome,
        report.frames,
        round(worst, 4),
        streams,
        tuple(wrong),
        tuple(warning.replace(f"{source.parent}/", "") for warning in report.warnings),
        len(report.losses),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folder", type=Path)
    parser.add_argument("--only", nargs="+", default=())
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    colorizer, verdicts = stub_colorizer(), []
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as out:
        wild = sorted(path for path in options.folder.iterdir() if path.suffix != ".md") if options.folder else []
        for source in wild + [awkward.make(name, Path(made)) for name in awkward.MAKERS]:
            if options.only and source.name not in options.only:
                continue
            verdict = judge(source, Path(out), colorizer)
            verdicts.append(verdict)
            print(verdict.outcome, verdict.file, *verdict.wrong, verdict.message, flush=True)
    counted = Counter(verdict.outcome for verdict in verdicts)
    print(dict(counted))
    if options.json:
        summary = {
            "command": "python -m benchmarks.awkward",
            "tried": len(verdicts),
            **{outcome: counted[outcome] for outcome in ("correct", "refused", "wrong")},
            "wild": len(wild),
            "files": [asdict(verdict) for verdict in verdicts],
            "versions": {
                "av": av.__version__,
                "ffmpeg": av.ffmpeg_version_info,
                "pillow": PIL.__version__,
                "opencv": cv2.__version__,
                "python": platform.python_version(),
            },
            "machine": f"{platform.system()} {platform.machine()}",
        }
        options.json.write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", "utf-8")
    sys.exit(1 if counted["wrong"] else 0)


if __name__ == "__main__":
    main()
