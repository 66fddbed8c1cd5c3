"""What is done to training pictures."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data as photos

from vidcolor.data import ZOOM, PhotoViews, View, crop, film_look, to_network, worn
from vidcolor.errors import InputError
from vidcolor.photos import find_photos


def encoded(picture, suffix=".png"):
    return cv2.imencode(suffix, picture[..., ::-1])[1].tobytes()


@pytest.fixture(scope="module")
def cat():
    return photos.cat()


def test_a_view_is_always_the_same_and_others_differ(tmp_path, cat):
    (tmp_path / "cat.png").write_bytes(encoded(cat))
    views = PhotoViews(find_photos([tmp_path]), 64, seed=3)
    first, again, other = views[View(0, 1)], views[View(0, 1)], views[View(0, 2)]
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])
    assert first[0].shape == (1, 64, 64) and first[1].shape == (3, 64, 64)


def test_the_plain_view_is_the_middle_with_its_own_luma(tmp_path, cat):
    (tmp_path / "cat.png").write_bytes(encoded(cat))
    views = PhotoViews(find_photos([tmp_path]), 96, film_look=1.0)
    luma, rgb = views[View(0, None)]
    expected = (rgb.float() * torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)).sum(0).round()
    assert (luma[0].float() - expected).abs().max() <= 1
    middle = crop(cat, 96, None)
    assert np.array_equal(rgb.permute(1, 2, 0).numpy(), middle)


def test_broken_and_tiny_pictures_are_passed_over(tmp_path, cat):
    (tmp_path / "a.png").write_bytes(b"not a picture")
    (tmp_path / "b.png").write_bytes(encoded(cat[:20]))
    (tmp_path / "c.png").write_bytes(encoded(cat))
    found = find_photos([tmp_path])
    views = PhotoViews(found, 64)
    assert torch.equal(views[View(0, None)][1], views[View(2, None)][1])
    with pytest.raises(InputError, match="none of the training pictures"):
        PhotoViews(found[:2], 64)[View(0, None)]


def test_a_picture_that_went_away_is_passed_over(tmp_path, cat):
    for name in ("gone.png", "kept.png"):
        cv2.imwrite(str(tmp_path / name), cat)
    views = PhotoViews(find_photos([tmp_path]), 64)
    (tmp_path / "gone.png").unlink()
    assert torch.equal(views[View(0, None)][1], views[View(1, None)][1])


@pytest.mark.parametrize("zoom", [1, ZOOM, 3])
def test_crops_are_zoomed_into_up_to_a_limit(tmp_path, zoom):
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8)[:, None, None], (200, 300, 3))
    (tmp_path / "ramp.png").write_bytes(encoded(np.ascontiguousarray(ramp)))
    views = PhotoViews(find_photos([tmp_path]), 64, zoom=zoom)
    rows = [views[View(0, number)][1][0, :, 0].float() for number in range(40)]
    seen = [200 / (64 / 63 * (column[-1] - column[0]).item()) for column in rows]
    assert min(seen) == pytest.approx(1, abs=0.04 + 0.1 * (zoom - 1))
    assert max(seen) == pytest.approx(zoom, rel=0.1)


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


def test_wear_is_thin_light_and_dark_and_the_same_for_the_same_seed():
    luma = np.full((160, 160), 100, np.float32)
    pictures = [worn(luma, np.random.default_rng(seed)) for seed in range(40)]
    touched = [np.abs(picture - luma) > 4 for picture in pictures]
    assert all(picture.dtype == np.float32 and 0 <= picture.min() <= picture.max() <= 255 for picture in pictures)
    assert 0.005 < np.mean(touched) < 0.05 and max(map(np.mean, touched)) < 0.15
    assert min(map(np.min, pictures)) < 50 and max(map(np.max, pictures)) > 180
    assert np.array_equal(pictures[7], worn(luma, np.random.default_rng(7)))


def test_scratches_stand_upright():
    luma = np.full((160, 160), 100, np.float32)
    touched = np.mean([np.abs(worn(luma, np.random.default_rng(seed)) - luma) > 4 for seed in range(40)], axis=0)
    assert touched.mean(0).std() > 2 * touched.mean(1).std()


def test_wear_leaves_the_colours_alone(tmp_path, cat):
    (tmp_path / "cat.png").write_bytes(encoded(cat))
    for number in range(8):
        views = [PhotoViews(find_photos([tmp_path]), 96, film_look=look)[View(0, number)] for look in (0.0, 1.0)]
        assert torch.equal(views[0][1], views[1][1])


def test_what_the_network_sees():
    luma = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1)
    rgb = torch.tensor([[255, 0, 0], [128, 128, 128]], dtype=torch.uint8).view(2, 3, 1, 1)
    lightness, lab = to_network(luma, rgb)
    assert lightness.flatten().tolist() == pytest.approx([-1, 1], abs=1e-4)
    assert lab[0, 1:].flatten().tolist() == pytest.approx([80.1, 67.2], abs=0.2)
    assert lab[1, 1:].abs().max() < 0.01
