"""Where training pictures come from, and what is done to them."""

import io
import tarfile

import cv2
import numpy as np
import pytest
import torch
from skimage import data as photos

from tests.clips import make_film
from vidcolor.data import Photo, PhotoViews, View, crop, film_look, find_photos, to_network
from vidcolor.errors import InputError


def encoded(picture, suffix=".png"):
    return cv2.imencode(suffix, picture[..., ::-1])[1].tobytes()


@pytest.fixture(scope="module")
def cat():
    return photos.cat()


def test_pictures_are_found_in_folders_archives_and_films(tmp_path, cat):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "cat.png").write_bytes(encoded(cat))
    (tmp_path / "deep" / "notes.txt").write_text("no picture")
    with tarfile.open(tmp_path / "cats.tar", "w") as archive:
        for name in ("a.jpg", "b.webp", "c.txt"):
            content = encoded(cat, ".jpg") if name == "a.jpg" else encoded(cat, ".webp")
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    make_film(tmp_path / "film.mp4", count=60, rate=25)
    found = find_photos([tmp_path])
    assert sorted(photo.path.name for photo in found) == ["cat.png", "cats.tar", "cats.tar"] + ["film.mp4"] * 3
    sizes = {photo.path.name: photo.decode().shape for photo in found}
    assert sizes == {"cat.png": cat.shape, "cats.tar": cat.shape, "film.mp4": (48, 64, 3)}
    png = next(photo for photo in found if photo.path.suffix == ".png")
    assert np.array_equal(png.decode(), cat)


@pytest.mark.parametrize("name, content", [("empty", None), ("absent.tar", None), ("text.tar", "no archive at all")])
def test_sources_without_pictures_are_refused(tmp_path, name, content):
    source = tmp_path / name
    if content:
        source.write_text(content)
    elif "." not in name:
        source.mkdir()
    with pytest.raises(InputError, match=name):
        find_photos([source])


def test_a_view_is_always_the_same_and_others_differ(tmp_path, cat):
    (tmp_path / "cat.png").write_bytes(encoded(cat))
    views = PhotoViews(find_photos([tmp_path]), 64, seed=3)
    first, again, other = views[View(0, 1)], views[View(0, 1)], views[View(0, 2)]
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])
    assert first[0].shape == (1, 64, 64) and first[1].shape == (3, 64, 64)


def test_the_plain_view_is_the_middle_with_its_own_luma(cat):
    views = PhotoViews([Photo(path=None, held=encoded(cat))], 96, film_look=1.0)
    luma, rgb = views[View(0, None)]
    expected = (rgb.float() * torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)).sum(0).round()
    assert (luma[0].float() - expected).abs().max() <= 1
    middle = crop(cat, 96, None)
    assert np.array_equal(rgb.permute(1, 2, 0).numpy(), middle)


def test_broken_pictures_are_passed_over(cat):
    broken = Photo(path=None, held=b"not a picture")
    views = PhotoViews([broken, Photo(path=None, held=encoded(cat))], 64)
    assert torch.equal(views[View(0, None)][1], views[View(1, None)][1])
    with pytest.raises(InputError, match="none of the training pictures"):
        PhotoViews([broken], 64)[View(0, None)]


@pytest.mark.parametrize("shape", [(300, 451), (451, 300), (70, 64), (33, 200)])
def test_crops_keep_the_aspect_and_have_the_size(shape):
    picture = np.zeros((*shape, 3), np.uint8)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    radius = min(shape) / 3
    picture[(yy - shape[0] / 2) ** 2 + (xx - shape[1] / 2) ** 2 < radius**2] = 255
    middle = crop(picture, 64, None)
    assert middle.shape == (64, 64, 3)
    inside = middle[..., 0] > 127
    across, down = inside.any(0).sum(), inside.any(1).sum()
    assert abs(across - down) <= 2
    for seed in range(5):
        assert crop(picture, 64, np.random.default_rng(seed)).shape == (64, 64, 3)


def test_film_look_changes_luma_within_its_range(cat):
    luma = cat.mean(-1).astype(np.float32)
    looks = [film_look(luma, np.random.default_rng(seed)) for seed in range(20)]
    assert all(look.shape == luma.shape and look.dtype == np.float32 for look in looks)
    assert all(look.min() >= 0 and look.max() <= 255 for look in looks)
    assert np.mean([np.abs(look - luma).mean() for look in looks]) > 3


def test_what_the_network_sees():
    luma = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1)
    rgb = torch.tensor([[255, 0, 0], [128, 128, 128]], dtype=torch.uint8).view(2, 3, 1, 1)
    lightness, lab = to_network(luma, rgb)
    assert lightness.flatten().tolist() == pytest.approx([-1, 1], abs=1e-4)
    assert lab[0, 1:].flatten().tolist() == pytest.approx([80.1, 67.2], abs=0.2)
    assert lab[1, 1:].abs().max() < 0.01
