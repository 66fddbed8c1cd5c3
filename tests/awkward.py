"""Makers of containers and pictures that break tools, by name; the wild ones lie in ../shared/awkward."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image, ImageCms

from tests import bombs
from tests.clips import Line, Tone, make_film, make_picture, pattern

PHONE = Fraction(1, 90_000)
RIGHT = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
MIRROR = (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
MIRROR_RIGHT = (0, 65536, 0, 65536, 0, 0, 0, 0, 1 << 30)
PQ, HLG = ({"color_trc": trc, "color_primaries": 9, "colorspace": 9, "color_range": 1} for trc in (16, 18))
SAR = {"sample_aspect_ratio": Fraction(16, 15)}
FIELDS = {"flags": "+ildct+ilme"}
ONE_FONT = ("font.ttf", "application/x-truetype-font", b"not really a font")
COLOR = np.stack([pattern(1, 40, 50)[0], pattern(1, 40, 50)[0][::-1], pattern(1, 40, 50)[0][:, ::-1]], axis=-1)
DEEP = pattern(1, 40, 50, 16)[0]
WORDS = {"ass": b"0,0,Default,,0,0,0,,A line", "hdmv_pgs_subtitle": b"\x80\0\0"}
"""What a subtitle of a codec holds; PGS, which the muxer looks into, the end of a picture."""
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _steps(count: int) -> list[int]:
    """Times of a phone: about 30 frames a second, never evenly, with a gap."""
    dice = random.Random(6)
    steps = [dice.choice((2999, 3000, 3003, 3600, 4500)) for _ in range(count - 1)]
    steps[count // 2] = 90_000
    return [0, *accumulate(steps)]


def _film(**options: Any) -> Callable[[Path], Any]:
    return lambda path: make_film(path, **({"count": 8} | options))


def _still(pixels: Any, **options: Any) -> Callable[[Path], Any]:
    return lambda path: make_picture(path, pixels, **options)


def _turned_jpeg(orientation: int) -> Callable[[Path], Any]:
    exif = Image.Exif()
    exif[274], exif[315] = orientation, "Somebody"
    return _still(COLOR, exif=exif, icc_profile=PROFILE, dpi=(300, 300))


def _mode(mode: str) -> Callable[[Path], Any]:
    return lambda path: Image.fromarray(COLOR).convert(mode).save(path)


def _two_pictures(path: Path) -> None:
    parts = [make_film(path.with_name(f"part{n}.mkv"), count=5, width=n, height=n) for n in (48, 32)]
    with av.open(str(parts[0])) as a, av.open(str(parts[1])) as b, av.open(str(path), "w") as new:
        copies = [new.add_stream_from_template(part.streams.video[0], opaque=True) for part in (a, b)]
        for part, copy in zip((a, b), copies, strict=True):
            for packet in part.demux():
                if packet.size:
                    packet.stream = copy
                    new.mux(packet)
    for part in parts:
        part.unlink()


def _covered(path: Path) -> None:
    plain, art = make_film(path.with_name("plain.mkv"), count=8, tones=[Tone()]), io.BytesIO()
    Image.fromarray(COLOR).save(art, "PNG")
    with av.open(str(plain)) as source, av.open(str(path), "w") as new:
        copies = {stream.index: new.add_stream_from_template(stream, opaque=True) for stream in source.streams}
        cover: Any = new.add_stream("png", width=50, height=40)
        cover.pix_fmt, cover.disposition = "rgb24", av.stream.Disposition.attached_pic
        new.start_encoding()
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                new.mux(packet)
        picture = av.Packet(art.getvalue())
        picture.stream, picture.pts, picture.dts, picture.time_base = cover, 0, 0, Fraction(1, 90_000)
        new.mux(picture)
    plain.unlink()


def _subtitled(*codecs: str) -> Callable[[Path], None]:
    """Subtitles of each kind; those that are pictures hold bytes that nobody looks at."""

    def make(path: Path) -> None:
        plain = make_film(path.with_name(f"plain{path.suffix}"), count=8, tones=[Tone()])
        with av.open(str(plain)) as source, av.open(str(path), "w") as new:
            copies = {stream.index: new.add_stream_from_template(stream, opaque=True) for stream in source.streams}
            words = [new.add_mux_stream(codec, time_base=Fraction(1, 1000)) for codec in codecs]
            for packet in source.demux():
                if packet.size:
                    packet.stream = copies[packet.stream.index]
                    new.mux(packet)
            for stream, codec in zip(words, codecs, strict=True):
                packet = av.Packet(WORDS.get(codec, b"A line"))
                packet.stream, packet.time_base = stream, Fraction(1, 1000)
                packet.pts, packet.dts, packet.duration = 40, 40, 100
                new.mux(packet)
        plain.unlink()

    return make


def junk_at_the_end(path: Path, **options: Any) -> Path:
    """A film behind whose last packet comes one that is none."""
    plain = make_film(path.with_name(f"plain{path.suffix}"), **({"count": 8} | options))
    with av.open(str(plain)) as source, av.open(str(path), "w") as new:
        stream = source.streams.video[0]
        copy = new.add_stream_from_template(stream, opaque=True)
        packets = [packet for packet in source.demux(stream) if packet.size]
        last, junk = packets[-1], av.Packet(b"A line")
        junk.pts, junk.dts = (
            max(packet.pts for packet in packets) + last.duration,
            last.dts and last.dts + last.duration,
        )
        junk.time_base = last.time_base
        for packet in [*packets, junk]:
            packet.stream = copy
            new.mux(packet)
    plain.unlink()
    return path


def _animated(alpha: int | None = None) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        bands = [np.roll(COLOR[..., channel], 0, 0) for channel in range(3)]
        bands += [] if alpha is None else [np.full((40, 50), alpha, np.uint8)]
        pictures = [Image.fromarray(np.roll(np.stack(bands, -1), 5 * shift, axis=1)) for shift in range(4)]
        kind = "PNG" if path.suffix == ".apng" else None
        options = {"lossless": True, "exact": True} if path.suffix == ".webp" else {}
        times = [100, 50, 200, 120]
        pictures[0].save(path, kind, save_all=True, append_images=pictures[1:], duration=times, loop=0, **options)

    return make


def _cut(share: Fraction, **options: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        make_film(path, count=60, **options)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return make


def _bytes_of(suffix: str, pixels: Any) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(cv2.imencode(suffix, pixels)[1].tobytes()) and None


MAKERS: dict[str, Callable[[Path], Any]] = {
    "variable_rate.mp4": _film(pts=_steps(40), time_base=PHONE, tones=[Tone(seconds=1)]),
    "variable_rate.mkv": _film(pts=_steps(40), time_base=Fraction(1, 1000), tones=[Tone(seconds=1)]),
    "edit_list_delay.mp4": _film(pts=[n * 1000 for n in range(5, 13)], time_base=Fraction(1, 25_000), tones=[Tone()]),
    "edit_list_cut.mp4": _film(pts=[n * 1000 for n in range(-3, 9)], time_base=Fraction(1, 25_000), tones=[Tone()]),
    "negative_pts.ts": _film(pts=range(-4, 8), container_options={"avoid_negative_ts": "disabled", "muxdelay": "0"}),
    "unordered_pts.mov": _film(count=20, options={"bf": "3"}),
    "one_frame.mp4": _film(count=1),
    "turned.mp4": _film(matrix=RIGHT),
    "turned.mkv": _film(matrix=RIGHT),
    "mirrored.mp4": _film(matrix=MIRROR),
    "turned_and_mirrored.mov": _film(matrix=MIRROR_RIGHT),
    "anamorphic.mp4": _film(tags=SAR),
    "anamorphic.mkv": _film(tags=SAR),
    "anamorphic_dv.avi": _film(count=3, codec="dvvideo", width=720, height=576),
    "anamorphic_dv_size.mp4": _film(count=3, width=720, height=576, tags=SAR),
    "odd_853x481.mp4": _film(count=3, width=853, height=481, pix_fmt="yuv444p"),
    "odd_53x37.webm": _film(width=53, height=37, codec="libvpx-vp9"),
    "odd_53x37.mkv": _film(width=53, height=37, codec="ffv1"),
    "ten_bits.mp4": _film(pix_fmt="yuv420p10le"),
    "twelve_bits.mkv": _film(pix_fmt="yuv420p12le", codec="ffv1"),
    "pq.mkv": _film(pix_fmt="yuv420p10le", tags=PQ),
    "hlg.mp4": _film(pix_fmt="yuv420p10le", tags=HLG),
    "full_range.mp4": _film(pix_fmt="yuvj420p", tags={"color_range": 2}),
    "422.mp4": _film(pix_fmt="yuv422p"),
    "422_ten_bits.mov": _film(pix_fmt="yuv422p10le", codec="prores_ks"),
    "444.mp4": _film(pix_fmt="yuv444p"),
    "411.mkv": _film(pix_fmt="yuv411p", codec="ffv1"),
    "410.mkv": _film(pix_fmt="yuv410p", codec="ffv1"),
    "gray8.mkv": _film(pix_fmt="gray", codec="ffv1"),
    "gray10.mkv": _film(pix_fmt="gray10le", codec="ffv1"),
    "gray16.mkv": _film(pix_fmt="gray16le", codec="ffv1"),
    "gray_h264.mp4": _film(pix_fmt="gray"),
    "rgb.mkv": _film(pix_fmt="bgr0", codec="ffv1"),
    "rgb_ten_bits.mkv": _film(pix_fmt="gbrp10le", codec="ffv1"),
    "palette.mov": _film(pix_fmt="rgb24", codec="qtrle"),
    "alpha.mkv": _film(pix_fmt="yuva420p", codec="ffv1"),
    "interlaced.mkv": _film(options=FIELDS | {"x264-params": "tff=1"}, tags={"field_order": 2}),
    "interlaced_bottom.mp4": _film(options=FIELDS | {"x264-params": "bff=1"}, tags={"field_order": 3}),
    "interlaced.ts": _film(codec="mpeg2video", options=FIELDS, tags={"field_order": 2}, tones=[Tone("mp2")]),
    "two_pictures.mkv": _two_pictures,
    "cover.mp4": _covered,
    "three_sounds.mkv": _film(tones=[Tone(), Tone("mp3"), Tone("flac")], lines=[Line(0, 90, "A line")]),
    "three_sounds.mp4": _film(tones=[Tone(metadata={"language": name}) for name in ("fra", "deu", "eng")]),
    "pcm.mov": _film(tones=[Tone("pcm_s16le")]),
    "subtitles.mkv": _subtitled("subrip", "ass", "webvtt", "dvd_subtitle", "dvb_subtitle", "hdmv_pgs_subtitle"),
    "subtitles.mp4": _subtitled("mov_text"),
    "chapters.mkv": _film(chapters=[(0, 100, "One"), (100, 320, "Two")]),
    "chapters.mp4": _film(chapters=[(0, 100, "One"), (100, 320, "Two")], tones=[Tone()]),
    "attachments.mkv": _film(attachments=[ONE_FONT, ("two.txt", "text/plain", b"words")]),
    "animated.gif": _animated(),
    "animated.png": _animated(),
    "animated.apng": _animated(alpha=128),
    "animated.webp": _animated(),
    "mjpeg.avi": _film(codec="mjpeg", pix_fmt="yuvj420p", tones=[Tone("mp3")]),
    "transport.ts": _film(codec="mpeg2video", tones=[Tone("mp2")]),
    "fragments.mp4": _film(container_options={"movflags": "frag_keyframe+empty_moov"}),
    "cut_off.mp4": _cut(Fraction(2, 3), container_options={"movflags": "faststart"}),
    "cut_off.mkv": _cut(Fraction(2, 3)),
    "without_index.mp4": _cut(Fraction(2, 3)),
    "junk_at_the_end.mkv": junk_at_the_end,
    "bomb.gif": lambda path: bombs.gif(path, 60_000, 60_000),
    "bomb.png": lambda path: bombs.png(path, 60_000, 60_000, rows=99),
    "endless.mp4": lambda path: bombs.index(path, 80_000_000),
    "still.gif": _mode("P"),
    **{f"orientation_{n}.jpg": _turned_jpeg(n) for n in range(1, 9)},
    "orientation.png": _turned_jpeg(6),
    "orientation.tif": _turned_jpeg(6),
    "orientation.webp": _turned_jpeg(6),
    "grey.jpg": _still(COLOR[..., 0]),
    "cmyk.jpg": _mode("CMYK"),
    "cmyk.tif": _mode("CMYK"),
    "profile.png": _still(COLOR, icc_profile=PROFILE),
    "onebit.png": _mode("1"),
    "palette.png": _mode("P"),
    "alpha.png": _still(np.dstack([COLOR, COLOR[..., :1]])),
    "alpha.webp": _still(np.dstack([COLOR, COLOR[..., :1]]), lossless=True, exact=True),
    "alpha_grey.png": _mode("LA"),
    "deep_grey.png": _still(DEEP),
    "deep_grey.tif": _still(DEEP),
    "deep_color.png": _bytes_of(".png", np.dstack([DEEP, DEEP[::-1], DEEP])),
    "deep_alpha.png": _bytes_of(".png", np.dstack([DEEP, DEEP[::-1], DEEP, DEEP[:, ::-1]])),
    "deep_color.tif": _bytes_of(".tif", np.dstack([DEEP, DEEP[::-1], DEEP])),
    "tiny.png": _still(COLOR[:1, :1]),
    "plain.bmp": _still(COLOR),
}


def make(name: str, folder: Path) -> Path:
    """The file of that name."""
    MAKERS[name](folder / name)
    return folder / name
