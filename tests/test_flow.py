"""Motion that is known because it was made here is found, in OpenCV and in torch alike."""

import pytest
import torch

from tests.scenes import moved_pair, texture
from vidcolor import flow
from vidcolor.flow import find_flow, lucas_kanade, sampling_grid, search

FINDERS = pytest.mark.parametrize("find", [search, lucas_kanade])
SIZES = pytest.mark.parametrize(("height", "width"), [(8, 8), (31, 400), (32, 32), (33, 33), (45, 63), (48, 33)])


def errors(found, across, down, border=10):
    """Distance of each vector from the true one, in pixels, away from the border."""
    distance = (found - torch.tensor([across, down]).view(1, 2, 1, 1)).norm(dim=1)
    return distance[:, border:-border, border:-border].flatten()


@FINDERS
@pytest.mark.parametrize(
    ("across", "down"), [(1, 0), (0, -1), (3, 0), (-3, 2), (7, 0), (0, -7), (0.5, 0), (-0.25, 0.75), (1.5, -2.25)]
)
def test_a_shift_is_found(find, across, down):
    found = errors(find(*moved_pair(across, down)), across, down)
    assert found.mean() < 0.2
    assert found.quantile(0.95) < 0.8


@FINDERS
def test_a_photo_that_does_not_move_has_no_motion(find):
    one, _ = moved_pair(0, 0)
    assert find(one, one).abs().max() < 1e-4


@FINDERS
@pytest.mark.parametrize("offset", [-0.1, 0.05])
def test_another_brightness_of_the_whole_picture_is_no_motion(find, offset):
    one, _ = moved_pair(0, 0)
    one = 0.2 + 0.6 * one
    assert find(one, one + offset).norm(dim=1).max() < 0.3


@FINDERS
def test_what_moves_is_found_under_another_brightness(find):
    one, two = moved_pair(3, -2)
    assert errors(find(0.2 + 0.6 * one, 0.25 + 0.6 * two), 3, -2).mean() < 0.3


@FINDERS
def test_nothing_moves_where_there_is_nothing_to_see(find):
    flat = torch.full((1, 1, 48, 64), 0.5)
    assert find(flat, flat).abs().max() < 1e-4


@SIZES
def test_any_size_gives_a_finite_vector_for_every_pixel(height, width):
    pair = texture(height, width), texture(height, width, seed=1)
    finders = (find_flow, lucas_kanade) if min(height, width) < flow.LEAST_SIDE else (find_flow, lucas_kanade, search)
    for find in finders:
        found = find(*pair)
        assert found.shape == (1, 2, height, width) and found.dtype == torch.float32
        assert found.isfinite().all()


@SIZES
def test_any_size_is_still_where_nothing_changes(height, width):
    one = texture(height, width)
    for find in (find_flow, lucas_kanade):
        assert find(one, one).abs().max() < 1e-4


@pytest.mark.parametrize(("height", "width"), [(45, 63), (67, 101)])
def test_lucas_kanade_finds_a_shift_whatever_the_sizes_of_the_levels(height, width):
    """No side halves evenly, so what one level found must be stretched by a little more or less than two."""
    assert errors(lucas_kanade(*moved_pair(2, -1, height, width)), 2, -1).mean() < 0.3


@FINDERS
def test_many_pairs_at_once_are_what_each_is_alone(find):
    pairs = [moved_pair(*shift) for shift in ((0, 0), (2, 1), (-5, 0), (0.5, 3))]
    together = find(*map(torch.cat, zip(*pairs, strict=True)))
    alone = torch.cat([find(*pair) for pair in pairs])
    assert torch.allclose(together, alone, atol=1e-4)


def test_the_device_of_the_pictures_picks_the_finder(monkeypatch):
    """`meta` stands for any device that is no CPU."""
    called = []
    for name in ("search", "lucas_kanade"):
        monkeypatch.setattr(flow, name, lambda luma, other, name=name: called.append(name))
    for device in ("cpu", "meta"):
        find_flow(torch.zeros(1, 1, 64, 64, device=device), torch.zeros(1, 1, 64, 64, device=device))
    assert called == ["search", "lucas_kanade"]


def test_pictures_too_small_for_opencv_do_not_move(monkeypatch):
    monkeypatch.setattr(flow, "search", None)
    assert not find_flow(texture(31, 400), texture(31, 400, seed=1)).any()


def test_the_grid_points_where_the_flow_does():
    grid = sampling_grid(torch.tensor([2.0, -1.0]).view(1, 2, 1, 1).expand(1, 2, 5, 9))
    assert grid[0, 2, 3].tolist() == pytest.approx([(3 + 2) / 4 - 1, (2 - 1) / 2 - 1])
