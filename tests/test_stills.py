"""Stills: films of one frame, with their luma, alpha and extras."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageOps, PngImagePlugin

from tests.clips import QUICK, leftovers, make_picture, pattern, rewrite, with_grey
from vidcolor.errors import InputError, OutputError
from vidcolor.frames import PlaneFormat
from vidcolor.video import Limits, StillReader, open_reader, open_writer, png
from vidcolor.video.still_writer import to_rgb

SHARED = Path(__file__).parents[2] / "shared"
GREY = pattern(1, 40, 50)[0]
COLOR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)
REC709 = np.array([0.2126, 0.7152, 0.0722])


def seen(path):
    """A picture as Pillow shows it, loaded and closed."""
    with Image.open(path) as image:
        image.load()
        image.getexif()
        return image


def luma_of(path):
    """(H, W) luma of a still and how it is stored."""
    with open_reader(path) as reader:
        assert isinstance(reader, StillReader)
        (batch,) = reader.batches(8)
        return batch.luma[0, 0].numpy(), reader.info.planes


def profile(space):
    """A minimal ICC profile of the given colour space."""
    return b"\0" * 12 + b"mntr" + space + b"XYZ " + b"\0" * 104


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp"])
def test_a_colour_still_gives_rec709_luma(tmp_path, suffix):
    path = make_picture(tmp_path / f"in{suffix}", COLOR, **({"lossless": True} if suffix == ".webp" else {}))
    luma, planes = luma_of(path)
    assert planes == PlaneFormat(8, True, "709", (0, 0))
    assert np.array_equal(luma, np.rint(COLOR @ REC709))


def test_a_jpeg_gives_its_own_luma(tmp_path):
    path = make_picture(tmp_path / "in.jpg", COLOR, subsampling=2)
    luma, planes = luma_of(path)
    assert planes.matrix == "601"
    with Image.open(path) as image:
        image.draft("YCbCr", image.size)
        assert np.array_equal(luma, np.asarray(image)[..., 0])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp"])
@pytest.mark.parametrize("source", ["grey.png", "color.png", "grey.jpg"])
def test_the_luma_comes_out_within_one_level(tmp_path, source, suffix):
    path = make_picture(tmp_path / source, COLOR if source.startswith("color") else GREY)
    rewrite(path, tmp_path / f"out{suffix}")
    before, after = luma_of(path)[0], luma_of(tmp_path / f"out{suffix}")[0]
    assert np.abs(before.astype(int) - after.astype(int)).max() <= 1


@pytest.mark.parametrize("depth", [8, 16])
def test_any_chroma_in_gamut_keeps_the_luma(depth):
    rng = np.random.default_rng(0)
    top = (1 << depth) - 1
    rgb = rng.integers(0, top + 1, (64, 64, 3))
    luma = np.rint(rgb @ REC709)
    chroma = [(rgb[..., 2] - luma) / 1.8556, (rgb[..., 0] - luma) / 1.5748]
    stored = np.rint(np.stack(chroma) + (1 << (depth - 1))).clip(0, top)
    dtype = np.uint8 if depth == 8 else np.uint16
    made = to_rgb(luma.astype(dtype), stored.astype(dtype), PlaneFormat(depth, True, "709", (0, 0)))
    assert np.abs(np.rint(made @ REC709) - luma).max() <= 1
    assert np.abs(made.astype(int) - rgb).max() <= 2


def test_a_jpeg_is_rewritten_on_its_own_grid(tmp_path):
    y, x = np.mgrid[:96, :120]
    photo = (120 + 60 * np.sin(x / 9) * np.cos(y / 13)).astype(np.uint8)
    path = make_picture(tmp_path / "in.jpg", photo, quality=60)
    rewrite(path, tmp_path / "out.jpg")
    before, after = luma_of(path)[0], luma_of(tmp_path / "out.jpg")[0]
    assert np.abs(before.astype(int) - after.astype(int)).max() <= 2
    assert seen(tmp_path / "out.jpg").mode == "RGB"


def test_colour_is_written(tmp_path):
    path = make_picture(tmp_path / "in.png", np.full((20, 30), 100, np.uint8))
    with open_reader(path) as reader, open_writer(tmp_path / "out.png", reader, encoding=QUICK) as writer:
        for batch in reader.batches(1):
            colored = with_grey(batch, writer.planes)
            colored.chroma[:, 1] += 30
            writer.write(colored)
    red, green, blue = np.asarray(seen(tmp_path / "out.png"))[10, 10].tolist()
    assert red > 140 > 100 > green
    assert blue == 100


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_stays_16_bit(tmp_path, suffix):
    deep = pattern(1, 40, 50, 16)[0]
    path = tmp_path / f"in{suffix}"
    path.write_bytes(cv2.imencode(suffix, deep)[1].tobytes())
    luma, planes = luma_of(path)
    assert planes.bit_depth == 16
    assert luma.dtype == np.uint16
    assert np.array_equal(luma, deep)
    rewrite(path, tmp_path / f"out{suffix}")
    made = cv2.imread(str(tmp_path / f"out{suffix}"), cv2.IMREAD_UNCHANGED)
    assert made.shape == (40, 50, 3)
    assert made.dtype == np.uint16
    assert np.array_equal(made[..., 1], deep)


def test_16_bit_colour_with_alpha_and_extras_stays(tmp_path):
    deep = np.dstack([pattern(3, 40, 50, 16)[i] for i in (0, 1, 2, 0)])
    path = tmp_path / "in.png"
    path.write_bytes(cv2.imencode(".png", deep)[1].tobytes())
    rewrite(path, tmp_path / "out.png")
    made = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(made[..., 3], deep[..., 3])
    assert np.abs(luma_of(path)[0].astype(int) - luma_of(tmp_path / "out.png")[0]).max() <= 1


@pytest.mark.parametrize("turn", [5, 6, 7, 8])
@pytest.mark.parametrize("kind", ["grey", "deep grey", "alpha"])
def test_an_uncompressed_tiff_on_its_side_is_read_upright(tmp_path, turn, kind):
    pixels = {"grey": GREY, "deep grey": pattern(1, 40, 50, 16)[0], "alpha": np.dstack([COLOR, GREY])}[kind]
    extra = {"photometric": "rgb", "extrasamples": ["unassalpha"]} if kind == "alpha" else {}
    tifffile.imwrite(tmp_path / "in.tif", pixels, extratags=[(274, "H", 1, turn, True)], **extra)
    flat = np.rint(COLOR @ REC709) if kind == "alpha" else pixels
    upright = {5: flat.T, 6: np.rot90(flat, -1), 7: np.rot90(flat.T, 2), 8: np.rot90(flat)}[turn]
    assert np.array_equal(luma_of(tmp_path / "in.tif")[0], upright)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("bands", [1, 3])
def test_colours_multiplied_by_their_alpha_are_divided_again(tmp_path, depth, bands):
    if (depth, bands) == (16, 1):
        pytest.skip("Pillow reads no grey of 16 bits with alpha")
    high, rng = (1 << depth) - 1, np.random.default_rng(0)
    straight = rng.integers(0, high, (40, 50, bands)).astype(f"uint{depth}")
    alpha = np.full((40, 50, 1), high // 2, straight.dtype)
    stored = np.dstack([(straight * 0.5).round().astype(straight.dtype), alpha])
    photometric = "rgb" if bands == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "in.tif", stored, photometric=photometric, extrasamples=["assocalpha"])
    luma, planes = luma_of(tmp_path / "in.tif")
    expected = straight @ REC709 if bands == 3 else straight[..., 0]
    assert planes.bit_depth == depth
    assert np.abs(luma - expected.astype(float)).max() <= 3
    with open_reader(tmp_path / "in.tif") as reader:
        ((shown, _, _),) = reader.frames()
    assert (shown.width, shown.height) == (50, 40)


@pytest.mark.parametrize("deep", [False, True])
def test_the_grey_that_stands_for_nothing_stays_transparent(tmp_path, deep):
    grey = pattern(1, 40, 50, 16 if deep else 8)[0]
    clear = int(grey[5, 7])
    Image.fromarray(grey).save(tmp_path / "in.png", transparency=clear)
    rewrite(tmp_path / "in.png", tmp_path / "out.png")
    made = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert made.dtype == grey.dtype
    assert np.array_equal(made[..., 3], np.where(grey == clear, 0, np.iinfo(grey.dtype).max))
    assert np.abs(made[..., 1].astype(int) - grey).max() <= 1


def test_16_bit_png_keeps_resolution_and_exif(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pattern(1, 40, 50, 16)[0]).save(tmp_path / "in.png", exif=exif, dpi=(300, 300))
    rewrite(tmp_path / "in.png", tmp_path / "out.png")
    made = seen(tmp_path / "out.png")
    assert made.getexif()[274] == 6
    assert made.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_16_bits_into_a_jpeg_say_so(tmp_path):
    Image.fromarray(pattern(1, 40, 50, 16)[0]).save(tmp_path / "in.png")
    writer = rewrite(tmp_path / "in.png", tmp_path / "out.jpg")
    assert any("8 bits" in warning for warning in writer.warnings)
    assert writer.planes.bit_depth == 8


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png_is_read(tmp_path, mode):
    image = Image.fromarray(COLOR) if mode != "I;16" else Image.fromarray(pattern(1, 40, 50, 16)[0])
    if mode == "I;16":
        image.save(tmp_path / "in.png")
    else:
        image.convert(mode).save(tmp_path / "in.png")
    writer = rewrite(tmp_path / "in.png", tmp_path / "out.png")
    assert writer.warnings == []
    assert seen(tmp_path / "out.png").size == (50, 40)


def test_a_cmyk_jpeg_is_read(tmp_path):
    Image.fromarray(COLOR).convert("CMYK").save(tmp_path / "in.jpg")
    luma, planes = luma_of(tmp_path / "in.jpg")
    assert planes.matrix == "709"
    assert np.abs(luma - COLOR @ REC709).mean() < 12


@pytest.mark.parametrize(
    ("suffix", "kept"), [(".png", True), (".webp", True), (".tif", True), (".jpg", False), (".bmp", False)]
)
def test_the_alpha_channel_is_kept_or_named(tmp_path, suffix, kept):
    alpha = np.where(GREY > 100, 255, 60).astype(np.uint8)
    path = make_picture(tmp_path / "in.png", np.dstack([COLOR, alpha]))
    writer = rewrite(path, tmp_path / f"out{suffix}")
    if kept:
        assert np.array_equal(np.asarray(seen(tmp_path / f"out{suffix}"))[..., 3], alpha)
    assert any("alpha" in warning for warning in writer.warnings) is not kept


@pytest.mark.parametrize("source", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".tif"])
def test_exif_profile_and_resolution_are_kept_or_named(tmp_path, source, target):
    exif = Image.Exif()
    exif[271] = "Maker"
    exif[274] = 1
    exif.get_ifd(34665)[36867] = "1946:01:01 00:00:00"
    exif[34665] = 0
    extras = {"exif": exif, "icc_profile": profile(b"RGB "), "dpi": (300, 300)}
    path = make_picture(tmp_path / f"in{source}", COLOR, **extras)
    writer = rewrite(path, tmp_path / f"out{target}")
    made = seen(tmp_path / f"out{target}")
    assert made.getexif().get(271) == "Maker"
    assert made.getexif().get_ifd(34665).get(36867) == "1946:01:01 00:00:00"
    assert made.info["icc_profile"] == profile(b"RGB ")
    if source != ".webp" and target != ".webp":
        assert made.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert all("resolution" in warning for warning in writer.warnings)


def test_the_orientation_stays_a_tag(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    path = make_picture(tmp_path / "in.jpg", COLOR, exif=exif)
    for suffix in (".jpg", ".png"):
        rewrite(path, tmp_path / f"out{suffix}")
        made = seen(tmp_path / f"out{suffix}")
        assert (made.size, made.getexif()[274]) == ((50, 40), 6)


def test_a_turned_tiff_shows_as_before(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    path = make_picture(tmp_path / "in.tif", COLOR, exif=exif)
    rewrite(path, tmp_path / "out.png")
    made = seen(tmp_path / "out.png")
    assert made.size == (40, 50)  # Pillow turns a TIFF upright as it loads it
    assert made.getexif().get(274, 1) == 1


def test_a_turned_tiff_with_its_colours_in_planes_shows_as_before(tmp_path):
    deep = np.stack(pattern(3, 40, 50, 16))
    turned = [(274, "H", 1, 6, True)]
    tifffile.imwrite(tmp_path / "in.tif", deep, photometric="rgb", planarconfig="separate", extratags=turned)
    luma, _ = luma_of(tmp_path / "in.tif")
    assert luma.shape == (50, 40)
    assert np.abs(luma - np.rot90(np.tensordot(REC709, deep, 1), -1)).max() <= 0.5


@pytest.mark.parametrize("depth", [8, 16])
def test_a_tiff_that_stores_a_negative_is_read_as_the_picture(tmp_path, depth):
    grey = pattern(1, 40, 50, depth)[0]
    negative = np.iinfo(grey.dtype).max - grey
    tifffile.imwrite(tmp_path / "in.tif", negative, photometric="miniswhite", byteorder="<")
    luma, planes = luma_of(tmp_path / "in.tif")
    assert planes.bit_depth == depth
    assert np.array_equal(luma, grey)


def test_a_jpeg_of_several_pictures_keeps_its_luma_like_any(tmp_path):
    """MPO, as phones write it."""
    first, second = Image.fromarray(COLOR), Image.fromarray(COLOR[::-1])
    first.save(tmp_path / "in.jpg", format="MPO", save_all=True, append_images=[second], quality=80)
    (warning,) = rewrite(tmp_path / "in.jpg", tmp_path / "out.jpg").warnings
    assert warning == "the picture is the first of 2, the others are left out"
    before, after = (luma_of(tmp_path / name)[0].astype(int) for name in ("in.jpg", "out.jpg"))
    made, source = seen(tmp_path / "out.jpg"), seen(tmp_path / "in.jpg")
    assert source.format == "MPO" and made.quantization[0] == source.quantization[0]
    assert np.abs(before - after).max() <= 1


def test_a_grey_profile_is_dropped_by_name(tmp_path):
    path = make_picture(tmp_path / "in.png", GREY, icc_profile=profile(b"GRAY"))
    writer = rewrite(path, tmp_path / "out.png")
    assert any("ICC profile" in warning for warning in writer.warnings)
    assert "icc_profile" not in seen(tmp_path / "out.png").info


def test_xmp_is_kept_or_named(tmp_path):
    path = make_picture(tmp_path / "in.jpg", COLOR, xmp=b"<x:xmpmeta/>")
    for suffix in (".jpg", ".png", ".webp"):
        assert not any("XMP" in warning for warning in rewrite(path, tmp_path / f"out{suffix}").warnings)
        assert b"<x:xmpmeta/>" in (tmp_path / f"out{suffix}").read_bytes()
    assert any("XMP" in warning for warning in rewrite(path, tmp_path / "out.bmp").warnings)


@pytest.mark.parametrize("kind", ["XMP", "EXIF"])
def test_what_a_jpeg_has_no_room_for_is_named(tmp_path, kind):
    exif = Image.Exif()
    exif[270] = "x" * (70_000 if kind == "EXIF" else 9)
    xmp = b"<x:xmpmeta/>" + b" " * (70_000 if kind == "XMP" else 9)
    path = make_picture(tmp_path / "in.webp", COLOR, xmp=xmp, exif=exif)
    (warning,) = rewrite(path, tmp_path / "out.jpg").warnings
    assert warning == f"the source's {kind} does not fit a colour .jpg: it is left out"
    assert ("xmp" in seen(tmp_path / "out.jpg").info) == (kind == "EXIF")


CAPTIONS = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x0a\x1c\x02\x78\0\5Home."
TEXTS = {"Title": "At home", "Description": "Großmutter"}


def noted(path):
    """A picture that says something of itself in its format's own way."""
    if path.suffix == ".jpg":
        segment = b"\xff\xed" + (len(CAPTIONS) + 2).to_bytes(2, "big") + CAPTIONS
        return make_picture(path, COLOR, comment=b"from the attic", extra=segment)
    if path.suffix == ".tif":
        tags = Image.Exif()
        tags[33723] = b"\x1c\x02\x78\0\5Home."
        return make_picture(path, COLOR, exif=tags)
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", TEXTS["Title"])
    info.add_itxt("Description", TEXTS["Description"])
    info.add(b"gAMA", (100000).to_bytes(4, "big"))
    return make_picture(path, COLOR, pnginfo=info)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_comments_captions_and_texts_stay_in_their_format(tmp_path, suffix):
    path = noted(tmp_path / f"in{suffix}")
    assert rewrite(path, tmp_path / f"out{suffix}").warnings == []
    with Image.open(tmp_path / f"out{suffix}") as made:
        made.load()
        if suffix == ".jpg":
            assert made.info["comment"] == b"from the attic"
            assert [data for kind, data in made.applist if kind == "APP13"] == [CAPTIONS]
        elif suffix == ".tif":
            assert made.tag_v2[33723] == b"\x1c\x02\x78\0\5Home."
        else:
            assert made.text == TEXTS and made.info["gamma"] == 1.0


@pytest.mark.parametrize(
    ("source", "target", "lost"),
    [
        (".jpg", ".png", ["captions (IPTC)", "comment"]),
        (".png", ".jpg", ["text", "gamma"]),
        (".tif", ".png", ["captions (IPTC)"]),
        (".jpg", ".bmp", ["captions (IPTC)", "comment"]),
    ],
)
def test_comments_captions_and_texts_are_named_where_they_do_not_fit(tmp_path, source, target, lost):
    writer = rewrite(noted(tmp_path / f"in{source}"), tmp_path / f"out{target}")
    assert writer.warnings == [f"the source's {what} does not fit a colour {target}: it is left out" for what in lost]


def test_a_deep_png_keeps_its_texts_and_a_deep_tiff_names_them(tmp_path):
    tifffile.imwrite(tmp_path / "in.tif", pattern(1, 40, 50, 16)[0], extratags=[(33723, 7, 4, b"Home", True)])
    assert any("IPTC" in warning for warning in rewrite(tmp_path / "in.tif", tmp_path / "out.tif").warnings)
    deep = cv2.imencode(".png", pattern(1, 40, 50, 16)[0])[1].tobytes()
    text = png.chunk(b"tEXt", b"Title\0At home")
    (tmp_path / "in.png").write_bytes(png.insert(deep, [text]))
    assert rewrite(tmp_path / "in.png", tmp_path / "out.png").warnings == []
    assert text in (tmp_path / "out.png").read_bytes() and seen(tmp_path / "out.png").text == {"Title": "At home"}


def test_chunks_are_read_up_to_the_first_that_is_cut_off():
    text = png.chunk(b"tEXt", b"Title\0At home")
    whole = png.insert(bytes(8) + png.chunk(b"IHDR", bytes(13)), [png.chunk(b"IDAT", bytes(99)), text, text])
    for end, found in ((None, 2), (-5, 1), (-len(text) - 5, 0), (20, 0)):
        assert list(png.chunks_of(io.BytesIO(whole[:end]), {b"tEXt"})) == [(b"tEXt", b"Title\0At home")] * found


def test_a_tiff_with_its_colours_in_planes_stays_16_bit(tmp_path):
    deep = np.stack(pattern(3, 40, 50, 16))
    tifffile.imwrite(tmp_path / "in.tif", deep, photometric="rgb", planarconfig="separate")
    luma, planes = luma_of(tmp_path / "in.tif")
    assert planes.bit_depth == 16
    assert np.abs(luma - np.tensordot(REC709, deep, 1)).max() <= 0.5
    rewrite(tmp_path / "in.tif", tmp_path / "out.tif")
    assert cv2.imread(str(tmp_path / "out.tif"), cv2.IMREAD_UNCHANGED).dtype == np.uint16


@pytest.mark.parametrize("orientation", [3, 5, 6])
def test_a_picture_is_stored_upright_where_nothing_can_say_that_it_is_turned(tmp_path, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    path = make_picture(tmp_path / "in.png", COLOR, exif=exif)
    writer = rewrite(path, tmp_path / "out.bmp")
    assert "this .bmp cannot say that the picture is turned: it is stored upright" in writer.warnings
    with Image.open(path) as turned:
        upright = np.asarray(ImageOps.exif_transpose(turned).convert("RGB")) @ REC709
    assert np.abs(np.asarray(seen(tmp_path / "out.bmp")) @ REC709 - upright).max() <= 1


def test_several_pages_give_the_first_and_say_so(tmp_path):
    images = [Image.fromarray(np.roll(COLOR, i * 7, axis=1)) for i in range(3)]
    images[0].save(tmp_path / "in.tif", save_all=True, append_images=images[1:])
    writer = rewrite(tmp_path / "in.tif", tmp_path / "out.png")
    assert any("first of 3" in warning for warning in writer.warnings)


def _truncated(path):
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)).save(data, "PNG")
    path.write_bytes(data.getvalue()[:9000])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no such file"),
        (Path.mkdir, "is a folder"),
        (Path.touch, "is empty"),
        (lambda path: path.write_text("no picture"), "is no picture"),
        (_truncated, "damaged or cut off"),
    ],
)
def test_bad_input_is_one_line_with_the_name(tmp_path, make, words):
    make(tmp_path / "bad.png")
    with pytest.raises(InputError, match=words) as caught:
        open_reader(tmp_path / "bad.png")
    assert "bad.png" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    path = make_picture(tmp_path / "in.png", GREY)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)  # the limit is our own
    open_reader(path)
    with pytest.raises(InputError, match="claims a picture of 50x40 pixels"):
        open_reader(path, limits=Limits(pixels=500))


def test_an_exception_leaves_the_old_target_and_nothing_else(tmp_path):
    path = make_picture(tmp_path / "in.png", GREY)
    (tmp_path / "out.png").write_bytes(b"old")
    with (
        pytest.raises(KeyboardInterrupt),
        open_reader(path) as reader,
        open_writer(tmp_path / "out.png", reader, encoding=QUICK, overwrite=True) as writer,
    ):
        writer.write(with_grey(next(reader.batches(1)), writer.planes))
        raise KeyboardInterrupt
    assert (tmp_path / "out.png").read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_file_that_came_to_be_meanwhile_is_left_alone(tmp_path):
    path, target = make_picture(tmp_path / "in.png", GREY), tmp_path / "out.png"
    with (
        pytest.raises(OutputError, match=r"left alone; it is in out-2\.png$"),
        open_reader(path) as reader,
        open_writer(target, reader, encoding=QUICK) as writer,
    ):
        target.write_bytes(b"precious")
        writer.write(with_grey(next(reader.batches(1)), writer.planes))
    assert target.read_bytes() == b"precious"
    assert luma_of(tmp_path / "out-2.png")[0].shape == GREY.shape
    assert leftovers(tmp_path) == []


def test_targets_that_cannot_be(tmp_path):
    path = make_picture(tmp_path / "in.png", GREY)
    (tmp_path / "old.png").write_bytes(b"old")
    with open_reader(path) as reader:
        for name, words in (("old.png", "exists already"), ("in.png", "the input itself"), ("out.mp4", "still cannot")):
            with pytest.raises(OutputError, match=words):
                open_writer(tmp_path / name, reader, encoding=QUICK)


def test_a_still_is_one_frame(tmp_path):
    with open_reader(make_picture(tmp_path / "in.png", GREY)) as reader:
        (batch,) = reader.batches(4)
        assert (batch.pts, batch.durations, batch.luma.shape, batch.luma.dtype) == (
            (0,),
            (0,),
            (1, 1, 40, 50),
            torch.uint8,
        )
        assert (reader.info.frame_count, reader.info.rate, reader.losses) == (1, None, [])


@pytest.mark.skipif(not (SHARED / "oldfilm").is_dir(), reason="needs the shared photographs")
def test_photographs_from_the_wild(tmp_path):
    paths = [
        p
        for folder in ("oldfilm", "awkward")
        for p in (SHARED / folder).iterdir()
        if p.suffix in (".jpg", ".png", ".tif")
    ]
    for path in sorted(paths):
        if path.name == "truncated.png" or path.stat().st_size > 80_000:
            continue
        rewrite(path, tmp_path / "out.png", overwrite=True)
        before, after = luma_of(path)[0].astype(int), luma_of(tmp_path / "out.png")[0].astype(int)
        assert np.abs(before - after).max() <= 1, path.name
