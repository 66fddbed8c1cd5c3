"""Where pictures come from: folders, tar and zip archives, and films."""

import io
import shutil
import tarfile
import zipfile
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from tests.clips import make_film
from tests.scenes import glide, photo, write_film
from vidcolor.errors import InputError, OutputError
from vidcolor.photos import find_photos
from vidcolor.reel import ALIKE
from vidcolor.shots import distance
from vidcolor.video import VideoReader


def encoded(picture, suffix=".png"):
    return cv2.imencode(suffix, picture[..., ::-1])[1].tobytes()


@pytest.fixture(scope="module")
def cat():
    return data.cat()


@pytest.fixture
def pictures(tmp_path, cat):
    """A folder with one picture at its top, one deep in it, and one file that is none."""
    folder = tmp_path / "pictures"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "cat.png").write_bytes(encoded(cat))
    (folder / "deep" / "er" / "dog.jpg").write_bytes(encoded(cat[:, ::-1], ".jpg"))
    (folder / "deep" / "notes.txt").write_text("no picture")
    return folder


def pack(archive, folder, **options):
    with zipfile.ZipFile(archive, "w", **options) as made:
        for path in sorted(folder.rglob("*")):
            made.write(path, path.relative_to(folder))
    return archive


def test_pictures_are_found_in_folders_archives_and_films(tmp_path, pictures):
    with tarfile.open(tmp_path / "cats.tar", "w") as archive:
        archive.add(pictures, "cats")
    pack(tmp_path / "cats.zip", pictures)
    make_film(tmp_path / "film.mp4", count=30, rate=25)
    found = find_photos([tmp_path / "pictures", tmp_path / "cats.tar", tmp_path / "cats.zip"])
    assert [photo.path.name for photo in found] == ["cat.png", "dog.jpg", *["cats.tar"] * 2, *["cats.zip"] * 2]
    assert [photo.name for photo in found] == ["cat.png", "dog.jpg"] * 3
    everything = find_photos([tmp_path], tmp_path / "spool")
    assert set(found) <= set(everything)
    assert {photo.path.parent.parent.name for photo in everything if photo not in found} == {"spool"}
    assert find_photos([tmp_path], tmp_path / "spool") != find_photos([tmp_path])


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_archive_is_as_good_as_the_folder(tmp_path, pictures, compression, cat):
    packed = find_photos([pack(tmp_path / "cats.zip", pictures, compression=compression)])
    lying = find_photos([pictures])
    assert len(packed) == len(lying) == 2
    assert all(np.array_equal(one.decode(), other.decode()) for one, other in zip(packed, lying, strict=True))
    assert np.array_equal(packed[0].decode(), cat)


def test_a_zip_bomb_is_no_picture(tmp_path, pictures, monkeypatch):
    (photo, *_) = find_photos([pack(tmp_path / "cats.zip", pictures, compression=zipfile.ZIP_DEFLATED)])
    monkeypatch.setattr("vidcolor.photos.MOST_BYTES", 100)
    assert photo.decode() is None


def test_a_zip_archive_may_begin_with_something_else(tmp_path, pictures, cat):
    plain = pack(tmp_path / "cats.zip", pictures, compression=zipfile.ZIP_DEFLATED).read_bytes()
    (tmp_path / "cats.zip").write_bytes(b"#!/bin/sh\n" + plain)
    assert np.array_equal(find_photos([tmp_path / "cats.zip"])[0].decode(), cat)


def test_what_is_hidden_is_no_picture_in_folders_nor_in_archives(tmp_path, pictures):
    lying = find_photos([pictures])
    for name in ("._cat.png", ".cat.partial-0a.png", ".dog.mp4.vidcolor/cat.png", "__MACOSX/deep/._dog.jpg"):
        (pictures / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures / "cat.png", pictures / name)
    with tarfile.open(tmp_path / "cats.tar", "w") as archive:
        archive.add(pictures, ".")
    pack(tmp_path / "cats.zip", pictures)
    assert find_photos([pictures]) == lying
    for packed in ("cats.tar", "cats.zip"):
        assert [photo.name for photo in find_photos([tmp_path / packed])] == [photo.name for photo in lying]


@pytest.mark.parametrize("name, content", [("empty", None), ("absent.tar", None), ("text.tar", "no archive at all")])
def test_sources_without_pictures_are_refused(tmp_path, name, content):
    source = tmp_path / name
    if content:
        source.write_text(content)
    elif "." not in name:
        source.mkdir()
    with pytest.raises(InputError, match=name):
        find_photos([source])


def test_packed_archives_are_refused(tmp_path, pictures):
    for name, mode in (("cats.tar.gz", "w:gz"), ("cats.tar", "w:gz"), ("cats.tgz", "w:gz")):
        with tarfile.open(tmp_path / name, mode) as archive:
            archive.add(pictures, "cats")
        with pytest.raises(InputError, match="uncompressed"):
            find_photos([tmp_path / name])


def test_zip_archives_that_cannot_be_read_are_refused_in_one_line(tmp_path, pictures):
    sound = pack(tmp_path / "sound.zip", pictures).read_bytes()
    (tmp_path / "half.zip").write_bytes(sound[: len(sound) // 2])
    locked = bytearray(sound)
    locked[sound.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    pack(tmp_path / "bz2.zip", pictures, compression=zipfile.ZIP_BZIP2)
    for name, complaint in (("half", "damaged"), ("locked", "encrypted"), ("bz2", "method 12")):
        with pytest.raises(InputError, match=rf"{name}\.zip.*{complaint}") as raised:
            find_photos([tmp_path / f"{name}.zip"])
        assert "\n" not in str(raised.value)


def test_what_is_no_picture_decodes_to_nothing(tmp_path, cat):
    for name, content in (("empty.png", b""), ("text.png", b"no picture"), ("cut.png", encoded(cat)[:40])):
        (tmp_path / name).write_bytes(content)
    archive = pack(tmp_path / "cats.zip", tmp_path, compression=zipfile.ZIP_DEFLATED)
    noise = np.random.default_rng(0).bytes(20)
    buffer = io.BytesIO(archive.read_bytes())
    first = find_photos([archive])[0]
    buffer.seek(first.offset)
    buffer.write(noise[: first.size])
    archive.write_bytes(buffer.getvalue())
    assert [photo.decode() for photo in find_photos([tmp_path])] == [None] * 6


def test_a_quarter_is_decoded_in_the_same_colours(tmp_path, cat):
    for suffix in (".png", ".jpg", ".webp"):
        (tmp_path / f"cat{suffix}").write_bytes(encoded(cat, suffix))
    for found in find_photos([tmp_path]):
        small = found.decode(quartered=True)
        assert small.shape[0] == 75 and small.shape[1] in (112, 113)
        assert np.abs(small.mean((0, 1)) - cat.mean((0, 1))).max() < 2


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Three shots of 2, 5 and 3 seconds; the second stands still, the others move."""
    shots = [
        glide("coffee", 50, 72, 96),
        photo("astronaut", 72, 96).expand(125, -1, -1, -1),
        glide("chelsea", 75, 72, 96),
    ]
    return write_film(tmp_path_factory.mktemp("film") / "film.mkv", torch.cat(shots))


def resembles(picture, name):
    other = cv2.resize(picture, (96, 72)).astype(np.float32)
    wanted = 255 * photo(name, 72, 96).movedim(0, -1).numpy()
    return np.abs(other.mean((0, 1)) - wanted.mean((0, 1))).max() < 15


def test_a_film_gives_frames_of_every_shot_and_none_twice(film, tmp_path):
    frames = [found.decode() for found in find_photos([film], tmp_path)]
    names = [next(name for name in ("coffee", "astronaut", "chelsea") if resembles(f, name)) for f in frames]
    assert names == ["coffee", "astronaut", "chelsea", "chelsea"]
    thumbnails = [cv2.resize(frame.mean(-1), (32, 18)).ravel().astype(np.float32) / 255 for frame in frames]
    assert min(distance(*pair) for pair in pairwise(thumbnails)) > ALIKE


def test_a_film_keeps_its_colours(film, tmp_path):
    second = find_photos([film], tmp_path)[1].decode()
    assert second.shape == (72, 96, 3)
    truth = 255 * photo("astronaut", 72, 96).movedim(0, -1).numpy()
    assert np.abs(second - truth).mean() < 4


def test_frames_are_spooled_once_and_whole(film, tmp_path, monkeypatch):
    film = shutil.copy(film, tmp_path / "film.mkv")
    first = find_photos([film], tmp_path / "spool")
    with monkeypatch.context() as patched:
        patched.setattr(VideoReader, "frames", lambda reader: pytest.fail("decoded again"))
        assert find_photos([film], tmp_path / "spool") == first

    make_film(film, count=30, rate=25)
    other = find_photos([film], tmp_path / "spool")
    assert not set(other) & set(first)
    assert not list((tmp_path / "spool").glob("*.partial"))


def test_a_broken_off_spool_is_made_anew(film, tmp_path, monkeypatch):
    whole = VideoReader.frames

    def interrupted(reader):
        for number, frame in enumerate(whole(reader)):
            if number == 100:
                raise KeyboardInterrupt
            yield frame

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(VideoReader, "frames", interrupted)
        find_photos([film], tmp_path)
    assert len(find_photos([film], tmp_path)) == 4
    assert len(list(tmp_path.iterdir())) == 1


def test_frames_are_upright_and_at_most_512_on_the_short_side(tmp_path):
    quarter = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    make_film(tmp_path / "tall.mp4", count=12, width=1200, height=600, matrix=quarter)
    frames = find_photos([tmp_path / "tall.mp4"], tmp_path / "spool")
    assert frames[0].decode().shape == (1024, 512, 3)


def test_a_spool_that_cannot_be_written_is_refused(film, tmp_path):
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        find_photos([film], tmp_path / "spool")
