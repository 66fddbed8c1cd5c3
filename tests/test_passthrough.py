"""Sound, subtitles, chapters, attachments and titles: kept, or named where they could not be."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.clips import QUICK, Line, Tone, join_parts, make_film, make_picture, packets, pattern, rewrite, shown
from vidcolor.video import Encoding, Span, probe

SHARED = Path(__file__).parents[2] / "shared"
WEBM = Encoding(codec="libvpx-vp9", crf=50, preset=None, options={"deadline": "realtime", "cpu-used": "8"})


def heard_at(path):
    """Seconds from the first decoded picture to the first decoded sound."""
    with av.open(str(path)) as container:
        sound = next(container.decode(audio=0))
        return sound.pts * sound.time_base - shown(path)[0].seconds


@pytest.mark.parametrize(("before", "after"), [(".mp4", ".mp4"), (".mkv", ".mkv"), (".mkv", ".mp4"), (".mp4", ".mkv")])
def test_all_sound_is_kept_packet_for_packet(tmp_path, before, after):
    tones = [Tone(), Tone("ac3"), Tone("libmp3lame", 44_100)]
    source = make_film(tmp_path / f"in{before}", count=20, tones=tones)
    writer = rewrite(source, tmp_path / f"out{after}")
    assert writer.warnings == []
    old, new = packets(source, "audio"), packets(tmp_path / f"out{after}", "audio")
    assert len(new) == 3
    for track, copy in zip(old, new, strict=True):
        assert [packet.data for packet in track] == [packet.data for packet in copy]


@pytest.mark.parametrize("offset", [Fraction(0), Fraction(1, 3), Fraction(12_345, 48_000)])
@pytest.mark.parametrize("rate", [25, Fraction(30_000, 1001)])
def test_the_offset_of_sound_and_picture_is_kept_to_the_tick(tmp_path, offset, rate):
    source = make_film(tmp_path / "in.mp4", count=20, rate=rate, tones=[Tone(offset=offset)])
    rewrite(source, tmp_path / "out.mp4", Encoding(preset="medium"))
    old, new = packets(source, "audio")[0], packets(tmp_path / "out.mp4", "audio")[0]
    tick = Fraction(1, 48_000)
    assert all(abs(a.seconds - b.seconds) <= tick for a, b in zip(old, new, strict=True))
    assert abs(heard_at(source) - heard_at(tmp_path / "out.mp4")) <= tick


def test_a_picture_that_begins_late_stays_late(tmp_path):
    source = make_film(
        tmp_path / "in.mp4", time_base=Fraction(1, 12_800), pts=[5120 + 512 * i for i in range(12)], tones=[Tone()]
    )
    rewrite(source, tmp_path / "out.mp4")
    assert shown(tmp_path / "out.mp4")[0].seconds == shown(source)[0].seconds == Fraction(2, 5)
    assert heard_at(source) == heard_at(tmp_path / "out.mp4")


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_parts_put_end_to_end_keep_their_sound_in_step(tmp_path, suffix):
    lengths = (1.5, 2.0, 1.2, 2.0)
    parts = [make_film(tmp_path / f"{i}.ts", count=50, tones=[Tone(seconds=s)]) for i, s in enumerate(lengths)]
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    rewrite(source, tmp_path / f"out{suffix}")
    begins = [frame.seconds for frame in shown(tmp_path / f"out{suffix}")][::50]
    sound = [packet.seconds for packet in packets(tmp_path / f"out{suffix}", "audio")[0]]
    for part, begin in zip(parts, begins, strict=True):
        alone = packets(part, "audio")[0]
        expected = alone[0].seconds - shown(part)[0].seconds
        assert abs(sound[0] - begin - expected) < 0.03  # codecs pad what they are given
        sound = sound[len(alone) :]
    assert sound == []


@pytest.mark.parametrize(("suffix", "encoding"), [(".mkv", QUICK), (".webm", WEBM)])
def test_sound_that_outlasts_its_part_does_not_shift_the_next(tmp_path, suffix, encoding):
    parts = [make_film(tmp_path / f"{i}.ts", count=50, tones=[Tone(seconds=2.6 - i / 2)]) for i in range(2)]
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    writer = rewrite(source, tmp_path / f"out{suffix}", encoding)
    assert len([warning for warning in writer.warnings if "the beginning of a part is left out" in warning]) == 1
    sound = [packet.seconds for packet in packets(tmp_path / f"out{suffix}", "audio")[0]]
    assert sound == sorted(sound) and abs(sound[-1] - 4.1) < 0.15


@pytest.mark.parametrize("suffix", [".ts", ".vob"])
@pytest.mark.parametrize("start", [18, 22])
def test_a_span_of_parts_has_the_sound_of_the_whole(tmp_path, suffix, start):
    source = join_parts(tmp_path, suffix)
    rewrite(source, tmp_path / "whole.mkv")
    rewrite(source, tmp_path / "out.mkv", span=Span(Fraction(start), Fraction(start + 2)))
    whole, sound = packets(tmp_path / "whole.mkv", "audio")[0], packets(tmp_path / "out.mkv", "audio")[0]
    first = whole.index(next(packet for packet in whole if packet.data == sound[0].data))
    assert 80 < len(sound) < 90 and abs(whole[first].seconds - sound[0].seconds - start) < 0.1
    assert [packet.data for packet in sound] == [packet.data for packet in whole[first : first + len(sound)]]


def test_a_part_without_sound_is_silent(tmp_path):
    parts = [make_film(tmp_path / f"{i}.ts", count=50, tones=[Tone(seconds=2)]) for i in range(3)]
    with av.open(str(parts[1])) as film, av.open(str(tmp_path / "mute.ts"), "w") as mute:
        stream = mute.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = stream
                mute.mux(packet)
    parts[1] = tmp_path / "mute.ts"
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    rewrite(source, tmp_path / "out.mkv")
    begins = [frame.seconds for frame in shown(tmp_path / "out.mkv")][::50]
    sound = [packet.seconds for packet in packets(tmp_path / "out.mkv", "audio")[0]]
    assert [float(begin) for begin in begins] == pytest.approx([0, 2, 4], abs=0.1)
    assert max(time for time in sound if time < 3) < 2.1 and min(time for time in sound if time > 3) > 3.9


def test_sound_is_cut_with_the_picture(tmp_path):
    source = make_film(tmp_path / "in.mp4", count=50, tones=[Tone(seconds=2)], options={"g": "10"})
    writer = rewrite(source, tmp_path / "out.mp4", span=Span(Fraction("0.8"), Fraction("1.2")))
    assert writer.warnings == []
    old, new = packets(source, "audio")[0], packets(tmp_path / "out.mp4", "audio")[0]
    expected = [packet.data for packet in old if Fraction("0.8") <= packet.seconds < Fraction("1.2")]
    assert [packet.data for packet in new] == expected
    start = next(packet.seconds for packet in old if packet.seconds >= Fraction("0.8"))
    assert abs(new[0].seconds - (start - Fraction("0.8"))) <= Fraction(1, 48_000)


@pytest.mark.parametrize("span", [Span(), Span(Fraction("0.2"))])
@pytest.mark.parametrize("tones", [1, 2])
def test_sound_that_is_cut_off_is_told(tmp_path, tones, span):
    source = tmp_path / "in.mp4"
    make_film(source, tones=[Tone(seconds=2.5)] * tones, container_options={"movflags": "faststart"})
    whole = packets(source, "audio")
    source.write_bytes(source.read_bytes()[:-3000])
    missing = sum(map(len, whole)) - sum(map(len, packets(source, "audio")))
    writer = rewrite(source, tmp_path / "out.mp4", span=span)
    assert writer.warnings == [
        f"sound and subtitles: the file is cut off or unreadable from here on ({missing} packets)"
    ]
    assert missing > 2 * tones


@pytest.mark.parametrize(
    ("tone", "suffix", "encoding", "codec"),
    [
        (Tone("aac"), ".webm", WEBM, "opus"),
        (Tone("wavpack", 44_100), ".mp4", QUICK, "aac"),
        (Tone("pcm_s16le"), ".ts", QUICK, "aac"),
        (Tone("pcm_s24le"), ".mp4", QUICK, "aac"),
        (Tone("pcm_s16le", layout="mono"), ".mp4", QUICK, "pcm_s16le"),
    ],
)
def test_sound_that_the_container_refuses_is_converted(tmp_path, tone, suffix, encoding, codec):
    source = make_film(tmp_path / "in.mkv", tones=[tone])
    writer = rewrite(source, tmp_path / f"out{suffix}", encoding)
    sound = next(stream for stream in probe(tmp_path / f"out{suffix}").streams if stream.kind == "audio")
    assert sound.codec == codec
    assert any(f"converted to {codec}" in warning for warning in writer.warnings) == (codec != tone.codec)
    assert abs(heard_at(tmp_path / f"out{suffix}") - heard_at(source)) < Fraction(1, 15)


@pytest.mark.parametrize(
    ("tone", "suffix", "encoding", "layout", "places"),
    [
        (Tone("ac3", layout="5.1(side)"), ".webm", WEBM, "5.1", "FL FR FC LFE BL BR"),
        (Tone("flac", layout="5.1(side)"), ".ts", QUICK, "5.1", "FL FR FC LFE BL BR"),
        (Tone("flac", layout="quad(side)"), ".ts", QUICK, "quad", "FL FR BL BR"),
        (Tone("flac", layout="2.1"), ".webm", WEBM, "5.1", "FL FR LFE"),
        (Tone("flac", layout="5.0"), ".webm", WEBM, "5.1", "FL FR FC BL BR"),
        (Tone("flac", layout="4.0"), ".webm", WEBM, "7.1", "FL FR FC BL BR"),
        (Tone("flac", layout="4.0"), ".ts", QUICK, "4.0", "FL FR FC BC"),
    ],
)
def test_channels_keep_their_places_where_sound_is_converted(tmp_path, tone, suffix, encoding, layout, places):
    source = make_film(tmp_path / "in.mkv", tones=[tone])
    rewrite(source, tmp_path / f"out{suffix}", encoding)
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert next(container.decode(audio=0)).layout.name == layout
    loud = np.abs(samples(tmp_path / f"out{suffix}")).max(1) > 0.05
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    assert [name for name, is_loud in zip(names, loud, strict=True) if is_loud] == places.split()


@pytest.mark.parametrize(
    ("codec", "rate", "before", "after"),
    [
        ("pcm_s16le", 48_000, ".mkv", ".mp4"),
        ("pcm_s24le", 44_100, ".mkv", ".mov"),
        ("pcm_u8", 22_050, ".mkv", ".mov"),
        ("pcm_mulaw", 8_000, ".flv", ".mov"),
    ],
)
def test_gaps_of_sound_stay_where_a_container_counts_samples(tmp_path, codec, rate, before, after):
    begin = make_film(tmp_path / f"begin{before}", count=100, tones=[Tone(codec, rate, 0.5, layout="mono")])
    end = make_film(tmp_path / f"end{before}", tones=[Tone(codec, rate, 1, Fraction(3), layout="mono")])
    source = tmp_path / f"in{before}"
    with av.open(str(begin)) as first, av.open(str(end)) as second, av.open(str(source), "w") as whole:
        copies = {stream.index: whole.add_stream_from_template(stream, opaque=True) for stream in first.streams}
        for packet in [*first.demux(), *second.demux(second.streams.audio[0])]:
            if packet.size:
                packet.stream = copies[packet.stream.index]
                whole.mux(packet)
    assert [warning for warning in rewrite(source, tmp_path / f"out{after}").warnings if "audio" in warning] == []
    loud = np.abs(samples(tmp_path / f"out{after}")[0]) > 0.1
    assert abs(len(loud) - 4 * rate) <= rate / 100
    assert loud[: rate // 2].mean() > 0.5 and not loud[rate : 5 * rate // 2].any()
    assert loud[25 * rate // 8 :].mean() > 0.5


def test_sound_of_24_bits_keeps_them_where_it_is_converted(tmp_path):
    source = make_film(tmp_path / "in.mov", tones=[Tone("pcm_f32be")])
    rewrite(source, tmp_path / "out.mkv")
    old, new = (samples(path) for path in (source, tmp_path / "out.mkv"))
    assert old.shape == new.shape and np.abs(old - new).max() <= 2.0**-23


def samples(path):
    """All sound of the first track between -1 and 1, (channels, samples)."""
    with av.open(str(path)) as container:
        packed = av.AudioResampler("flt")  # PyAV reads beyond the planes of eight channels
        found = [fit.to_ndarray()[0] for frame in container.decode(audio=0) for fit in packed.resample(frame)]
        return np.concatenate(found).reshape(-1, container.streams.audio[0].channels).T


def test_sound_that_an_edit_list_cuts_away_does_not_come_back(tmp_path):
    whole = make_film(tmp_path / "whole.mp4", count=75, tones=[Tone(seconds=3)], options={"g": "10"})
    rewrite(whole, tmp_path / "cut.mp4", span=Span(Fraction("1.0")))
    with av.open(str(whole)) as old, av.open(str(tmp_path / "in.mp4"), "w") as new:
        ways = {stream.index: new.add_stream_from_template(stream, opaque=True) for stream in old.streams}
        for packet in old.demux():
            if packet.size:
                zero = round(1 / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - zero, packet.dts - zero, ways[packet.stream.index]
                new.mux(packet)
    with av.open(str(tmp_path / "in.mp4")) as container:
        hidden = [packet for packet in container.demux(audio=0) if packet.is_discard]
    assert len(hidden) > 10
    assert rewrite(tmp_path / "in.mp4", tmp_path / "out.mkv").warnings == []
    assert heard_at(tmp_path / "out.mkv") < Fraction(1, 20)
    assert shown(tmp_path / "out.mkv")[0].seconds < Fraction(1, 20)


def test_a_last_frame_of_sound_without_a_time_follows_the_one_before(tmp_path):
    """As the decoder of WMA gives it; FLAC would give it a time before all others, at which the film ended."""
    source = make_film(tmp_path / "in.wmv", count=50, codec="wmv2", tones=[Tone("wmav2", seconds=2)])
    writer = rewrite(source, tmp_path / "out.mkv")
    assert any("converted to flac" in warning for warning in writer.warnings)
    heard = [
        sum(frame.samples for frame in av.open(str(path)).decode(audio=0)) for path in (source, tmp_path / "out.mkv")
    ]
    assert heard[0] == heard[1] > 90_000
    assert abs(heard_at(tmp_path / "out.mkv") - heard_at(source)) < Fraction(1, 15)


def test_sound_that_does_not_decode_is_silent_and_counted_where_it_is_converted(tmp_path):
    source = make_film(tmp_path / "in.mkv", tones=[Tone(seconds=1)])
    track, data = packets(source, "audio")[0], source.read_bytes()
    for packet in track[10:13]:
        data = data.replace(packet.data, b"\xff" * len(packet.data))
    source.write_bytes(data)
    writer = rewrite(source, tmp_path / "out.webm", WEBM)
    assert "damaged packets of sound or subtitles left out: 3" in writer.warnings
    assert abs(heard_at(tmp_path / "out.webm") - heard_at(source)) < Fraction(1, 15)


@pytest.mark.parametrize("then", [Tone(seconds=2, layout="mono"), Tone(rate=44_100, seconds=2)])
def test_sound_that_changes_midway_is_converted_to_its_end(tmp_path, then):
    parts = [make_film(tmp_path / f"{i}.ts", count=50, tones=[tone]) for i, tone in enumerate((Tone(seconds=2), then))]
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    writer = rewrite(source, tmp_path / "out.webm", WEBM)
    assert [warning for warning in writer.warnings if "damaged" in warning] == []
    with av.open(str(tmp_path / "out.webm")) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert abs(samples / 48_000 - 4) < 0.1


def test_subtitles_are_copied_and_converted(tmp_path):
    lines = [Line(100, 200, "one"), Line(250, 400, "two")]
    source = make_film(tmp_path / "in.mkv", lines=lines)
    assert rewrite(source, tmp_path / "same.mkv").warnings == []
    assert packets(tmp_path / "same.mkv", "subtitle") == packets(source, "subtitle")

    writer = rewrite(source, tmp_path / "out.mp4")
    assert any("converted to mov_text" in warning for warning in writer.warnings)
    spoken = [(p.data[2:], p.seconds) for p in packets(tmp_path / "out.mp4", "subtitle")[0] if len(p.data) > 2]
    assert spoken == [(b"one", Fraction(1, 10)), (b"two", Fraction(1, 4))]

    rewrite(tmp_path / "out.mp4", tmp_path / "back.mkv")
    words = packets(tmp_path / "back.mkv", "subtitle")[0]
    assert [(p.data, p.seconds) for p in words if p.data] == [(b"one", Fraction(1, 10)), (b"two", Fraction(1, 4))]

    rewrite(source, tmp_path / "out.webm", WEBM)
    assert [p.data for p in packets(tmp_path / "out.webm", "subtitle")[0]] == [b"one", b"two"]
    languages = {stream.language for stream in probe(tmp_path / "out.webm").streams if stream.kind == "subtitle"}
    assert languages == {"deu"}


@pytest.mark.parametrize(("suffix", "encoding"), [(".mp4", QUICK), (".mov", QUICK), (".webm", WEBM)])
def test_a_line_that_does_not_convert_is_left_out_and_counted(tmp_path, suffix, encoding):
    lines = [Line(100, 200, "one"), Line(210, 240, "fuenf"), Line(250, 400, "zwölf")]
    source = make_film(tmp_path / "in.mkv", lines=lines)
    source.write_bytes(source.read_bytes().replace(b"fuenf", "fünf!".encode("latin-1")))
    writer = rewrite(source, tmp_path / f"out{suffix}", encoding)
    assert "damaged packets of sound or subtitles left out: 1" in writer.warnings
    with av.open(str(tmp_path / f"out{suffix}")) as film:
        stream = film.streams.subtitles[0]
        spoken = [(line.ass, p.pts * p.time_base) for p in film.demux(stream) if p.size for line in p.decode()]
    assert [(text.split(b",")[-1].decode(), seconds) for text, seconds in spoken if not text.endswith(b",")] == [
        ("one", Fraction(1, 10)),
        ("zwölf", Fraction(1, 4)),
    ]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_subtitles_of_an_mp4_are_not_doubled(tmp_path, suffix):
    lines = [Line(100, 200, "one"), Line(250, 400, "two")]
    source = make_film(tmp_path / f"in{suffix}", lines=lines, tones=[Tone()])
    rewrite(source, tmp_path / f"out{suffix}")
    assert len(packets(source, "subtitle")[0]) == 4  # two, and an empty one before each
    assert packets(tmp_path / f"out{suffix}", "subtitle") == packets(source, "subtitle")


def test_subtitles_move_with_a_span(tmp_path):
    lines = [Line(0, 100, "gone"), Line(300, 500, "cut in"), Line(600, 700, "whole"), Line(900, 950, "behind")]
    source = make_film(tmp_path / "in.mkv", count=30, lines=lines)
    rewrite(source, tmp_path / "out.mkv", span=Span(Fraction("0.4"), Fraction("0.8")))
    found = [(p.data, p.seconds) for p in packets(tmp_path / "out.mkv", "subtitle")[0]]
    assert found == [(b"cut in", 0), (b"whole", Fraction(1, 5))]


def test_a_line_is_on_screen_until_the_end_of_a_span_at_the_longest(tmp_path):
    source = make_film(tmp_path / "in.mkv", count=30, lines=[Line(300, 1100, "long"), Line(600, 700, "short")])
    rewrite(source, tmp_path / "out.mkv", span=Span(Fraction("0.2"), Fraction("0.8")))
    with av.open(str(tmp_path / "out.mkv")) as film:
        found = [(bytes(p), p.pts, p.duration) for p in film.demux(film.streams.subtitles[0]) if p.size]
    assert found == [(b"long", 100, 500), (b"short", 400, 100)]


def test_a_line_from_before_the_key_frame_stays_on_screen(tmp_path):
    lines = [Line(0, 90, "gone"), Line(100, 1800, "long"), Line(1700, 1750, "short"), Line(1900, 3000, "late")]
    source = make_film(tmp_path / "in.mkv", count=50, options={"g": "5"}, tones=[Tone(seconds=2.5)], lines=lines)
    assert rewrite(source, tmp_path / "out.mkv", span=Span(Fraction("1.6"))).warnings == []
    with av.open(str(tmp_path / "out.mkv")) as film:
        found = [(bytes(p), p.pts, p.duration) for p in film.demux(film.streams.subtitles[0]) if p.size]
    assert found == [(b"long", 0, 200), (b"short", 100, 50), (b"late", 300, 1100)]
    old, new = packets(source, "audio")[0], packets(tmp_path / "out.mkv", "audio")[0]
    assert [p.data for p in new] == [p.data for p in old if p.seconds >= Fraction("1.6")]


def chapters_of(path):
    with av.open(str(path)) as container:
        return [
            (float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"]), c["metadata"].get("title"))
            for c in container.chapters()
        ]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_chapters_are_kept(tmp_path, suffix):
    chapters = [(0, 200, "One"), (200, 480, "Two")]
    source = make_film(tmp_path / "in.mkv", chapters=chapters)
    assert rewrite(source, tmp_path / f"out{suffix}").warnings == []
    assert chapters_of(tmp_path / f"out{suffix}") == [(0, 0.2, "One"), (0.2, 0.48, "Two")]
    again = rewrite(tmp_path / f"out{suffix}", tmp_path / f"again{suffix}")
    assert again.warnings == []
    assert chapters_of(tmp_path / f"again{suffix}") == [(0, 0.2, "One"), (0.2, 0.48, "Two")]


def test_chapters_move_with_a_span(tmp_path):
    source = make_film(
        tmp_path / "in.mkv", count=30, chapters=[(0, 300, "One"), (300, 600, "Two"), (600, 1200, "Three")]
    )
    rewrite(source, tmp_path / "out.mkv", span=Span(Fraction("0.4"), Fraction("0.8")))
    assert chapters_of(tmp_path / "out.mkv") == [(0, 0.2, "Two"), (0.2, 0.4, "Three")]


def test_attachments_are_kept_or_named(tmp_path):
    font = ("font.ttf", "application/x-truetype-font", b"not really a font")
    source = make_film(tmp_path / "in.mkv", attachments=[font])
    assert rewrite(source, tmp_path / "out.mkv").warnings == []
    with av.open(str(tmp_path / "out.mkv")) as container:
        attachment = container.streams.attachments[0]
        assert (attachment.name, attachment.mimetype, attachment.data) == font
    for name, encoding in (("out.mp4", QUICK), ("out.webm", WEBM)):
        assert any("attachment" in warning for warning in rewrite(source, tmp_path / name, encoding).warnings)


def test_cover_art_is_kept_both_ways(tmp_path):
    art = make_picture(tmp_path / "art.png", pattern(1, 20, 30)[0]).read_bytes()
    source = make_film(tmp_path / "in.mkv", attachments=[("cover.png", "image/png", art)], tones=[Tone()])
    assert rewrite(source, tmp_path / "out.mp4").warnings == []
    assert rewrite(tmp_path / "out.mp4", tmp_path / "back.mkv").warnings == []
    for name in ("out.mp4", "back.mkv"):
        with av.open(str(tmp_path / name)) as container:
            cover = next(s for s in container.streams.video if s.disposition & av.stream.Disposition.attached_pic)
            assert bytes(next(p for p in container.demux(cover) if p.size)) == art
        assert np.array_equal(shown(tmp_path / name)[0].luma.shape, (48, 64))
    for suffix in (".ts", ".mov"):
        assert any("(the cover)" in warning for warning in rewrite(source, tmp_path / f"out{suffix}").warnings)


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov"])
def test_free_titles_are_kept_or_named_beside_a_cover(tmp_path, suffix):
    art = make_picture(tmp_path / "art.png", pattern(1, 20, 30)[0]).read_bytes()
    described = {"title": "Früh", "ARCHIVE_ID": "7", "DIRECTOR": "Guy"}
    source = make_film(tmp_path / "in.mkv", attachments=[("cover.png", "image/png", art)], metadata=described)
    (warning,) = rewrite(source, tmp_path / f"out{suffix}").warnings
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        kept = described.items() & container.metadata.items()
    if suffix != ".mp4":
        assert "(the cover) is left out" in warning and kept == described.items()
    else:
        assert warning == f"{suffix} with a cover holds no ARCHIVE_ID, DIRECTOR" and kept == {("title", "Früh")}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("hours", [1, 8])
def test_parts_whose_clocks_lie_apart_are_joined_on(tmp_path, suffix, hours):
    parts = []
    for name, start in (("0.ts", 0), ("1.ts", 3600 * hours)):
        times = [start * 25 + frame for frame in range(50)]
        tone = Tone("mp2", seconds=2, offset=Fraction(start))
        parts.append(make_film(tmp_path / name, count=50, time_base=Fraction(1, 25), pts=times, tones=[tone]))
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    (warning,) = rewrite(source, tmp_path / f"out{suffix}").warnings
    assert warning.startswith("the clock jumps from 1.9") and warning.endswith("joined on, as another part")
    made = shown(tmp_path / f"out{suffix}")
    assert len(made) == 100
    assert float(made[-1].seconds - made[0].seconds) == pytest.approx(99 / 25, abs=0.01)
    (sound,) = packets(tmp_path / f"out{suffix}", "audio")
    assert len(sound) == sum(len(packets(part, "audio")[0]) for part in parts)
    assert float(sound[-1].seconds) == pytest.approx(4, abs=0.1)


def test_a_track_of_timecode_is_made_anew(tmp_path):
    source = make_film(tmp_path / "in.mov", metadata={"timecode": "01:00:00:00"})
    assert [stream["type"] for stream in timecodes(source)] == ["video", "data"]
    for suffix in (".mov", ".mp4", ".mkv"):
        assert rewrite(source, tmp_path / f"out{suffix}").warnings == []
        made = timecodes(tmp_path / f"out{suffix}")
        assert {stream["timecode"] for stream in made} == {"01:00:00:00"}
        assert len(made) == (1 if suffix == ".mkv" else 2)
    for suffix in (".mov", ".mkv"):
        writer = rewrite(source, tmp_path / f"span{suffix}", span=Span(Fraction(1, 5), None))
        assert writer.warnings == ["the timecode is left out: it is that of the film's first frame"]
        assert timecodes(tmp_path / f"span{suffix}") == []


def timecodes(path):
    """The kind of every stream that has one, and what it says."""
    with av.open(str(path)) as container:
        described = [(s.type, {key.lower(): value for key, value in s.metadata.items()}) for s in container.streams]
    return [{"type": kind, **entries} for kind, entries in described if "timecode" in entries]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_titles_languages_and_roles_are_kept(tmp_path, suffix):
    source = make_film(
        tmp_path / f"in{suffix}",
        metadata={"title": "Früh", "comment": "a = b; c", "MY_OWN_KEY": "kept"},
        container_options={"movflags": "use_metadata_tags"} if suffix != ".mkv" else {},
        tones=[Tone(metadata={"language": "fra"}), Tone(metadata={"language": "eng", "title": "Comment"})],
    )
    assert rewrite(source, tmp_path / f"out{suffix}").warnings == []
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.metadata["title"] == "Früh"
        assert {key.lower(): value for key, value in container.metadata.items()}["my_own_key"] == "kept"
        assert [stream.language for stream in container.streams.audio] == ["fra", "eng"]


def test_languages_have_the_names_that_a_mov_knows_or_are_named(tmp_path):
    tones = [Tone(metadata={"language": language}) for language in ("deu", "fre", "nob", "hrv", "und")]
    source = make_film(tmp_path / "in.mkv", tones=tones)
    assert rewrite(source, tmp_path / "out.mov").warnings == ["audio stream 4: mov holds no language hrv"]
    with av.open(str(tmp_path / "out.mov")) as container:
        assert [stream.language for stream in container.streams.audio[:3]] == ["ger", "fra", "nor"]
    assert rewrite(source, tmp_path / "out.mp4").warnings == []
    short = make_film(tmp_path / "short.mkv", tones=[Tone(metadata={"language": "en"})])
    assert rewrite(short, tmp_path / "short.mp4").warnings == ["audio stream 1: mp4 holds no language en"]


def test_titles_that_a_transport_stream_does_not_hold_are_named(tmp_path):
    source = make_film(
        tmp_path / "in.mkv",
        metadata={"title": "Früh", "COPYRIGHT": "ours"},
        tones=[Tone(metadata={"language": "eng", "title": "Comment"})],
    )
    assert rewrite(source, tmp_path / "out.ts").warnings == [
        "audio stream 1: mpegts holds no title",
        "mpegts holds no title, COPYRIGHT",
    ]
    with av.open(str(tmp_path / "out.ts")) as container:
        assert container.streams.audio[0].language == "eng"


def test_dispositions_are_kept(tmp_path):
    source = tmp_path / "in.mkv"
    make_film(tmp_path / "plain.mkv", tones=[Tone(), Tone()])
    with av.open(str(tmp_path / "plain.mkv")) as old, av.open(str(source), "w") as new:
        copies = {s.index: new.add_stream_from_template(s, opaque=True) for s in old.streams}
        copies[1].disposition = 0
        copies[2].disposition = av.stream.Disposition.default | av.stream.Disposition.comment
        for packet in old.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                new.mux(packet)
    assert rewrite(source, tmp_path / "out.mp4").warnings == []
    assert rewrite(source, tmp_path / "out.mov").warnings == ["audio stream 2: mov holds no role comment"]
    assert rewrite(source, tmp_path / "out.mkv").warnings == []
    with av.open(str(source)) as old, av.open(str(tmp_path / "out.mkv")) as new:
        assert [s.disposition for s in new.streams] == [s.disposition for s in old.streams]
        assert new.streams[2].disposition & av.stream.Disposition.comment


def test_streams_keep_their_order(tmp_path):
    source = tmp_path / "in.mkv"
    make_film(tmp_path / "plain.mkv", tones=[Tone()])
    with av.open(str(tmp_path / "plain.mkv")) as old, av.open(str(source), "w") as new:
        copies = {s.index: new.add_stream_from_template(s, opaque=True) for s in reversed(list(old.streams))}
        for packet in old.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                new.mux(packet)
    rewrite(source, tmp_path / "out.mkv")
    assert [stream.kind for stream in probe(tmp_path / "out.mkv").streams] == ["audio", "video"]


def test_sound_is_interleaved_with_the_picture(tmp_path):
    source = make_film(tmp_path / "in.mkv", count=100, tones=[Tone(seconds=4)])
    rewrite(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        kinds = [(p.stream.type, float(p.dts * p.time_base)) for p in container.demux() if p.size]
    latest = 0.0
    for _, seconds in kinds:
        assert seconds > latest - 1.2
        latest = max(latest, seconds)


def test_a_second_moving_picture_is_copied(tmp_path):
    source = tmp_path / "in.mkv"
    make_film(tmp_path / "a.mkv", count=5)
    make_film(tmp_path / "b.mkv", count=5, width=32, height=32)
    with av.open(str(tmp_path / "a.mkv")) as a, av.open(str(tmp_path / "b.mkv")) as b, av.open(str(source), "w") as new:
        copies = [new.add_stream_from_template(part.streams.video[0], opaque=True) for part in (a, b)]
        for part, copy in zip((a, b), copies, strict=True):
            for packet in part.demux():
                if packet.size:
                    packet.stream = copy
                    new.mux(packet)
    assert rewrite(source, tmp_path / "out.mkv").warnings == []
    old, new = packets(source, "video"), packets(tmp_path / "out.mkv", "video")
    assert [p.data for p in old[1]] == [p.data for p in new[1]]


@pytest.mark.skipif(not (SHARED / "videos").is_dir(), reason="needs the shared clips")
@pytest.mark.parametrize("name", ["videos/pancake_kitchen_handheld.mkv", "awkward/awesome'movie.mov"])
def test_films_from_the_wild(tmp_path, name):
    source = SHARED / name
    rewrite(source, tmp_path / "out.mp4")
    old, new = shown(source), shown(tmp_path / "out.mp4")
    assert [a.seconds - old[0].seconds for a in old] == [b.seconds - new[0].seconds for b in new]
    tracks, copies = packets(source, "audio"), packets(tmp_path / "out.mp4", "audio")
    assert [[p.data for p in track] for track in tracks] == [[p.data for p in track] for track in copies]
    assert abs(heard_at(source) - heard_at(tmp_path / "out.mp4")) < Fraction(1, 10_000)
