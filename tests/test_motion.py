"""What moved is fetched to where it is now, and believed only where the luma agrees."""

import pytest
import torch

from tests.scenes import glide, moved_pair, seeded, texture, with_grain
from vidcolor import motion
from vidcolor.color import luma_of
from vidcolor.flow import lucas_kanade, sampling_grid, search
from vidcolor.frames import FrameBatch, Motion
from vidcolor.motion import find_motion, follow_motion, resemblance

HEIGHT, WIDTH = 96, 128
INSIDE = (..., slice(10, -10), slice(10, -10))


@pytest.fixture(params=[search, lucas_kanade], autouse=True)
def finder(request, monkeypatch):
    """Everything here is so on a CPU and on a GPU."""
    monkeypatch.setattr(motion, "find_flow", request.param)


def rest(height=HEIGHT, width=WIDTH):
    return sampling_grid(torch.zeros(1, 2, height, width))


def columns_and_rows():
    """(1, 2, HEIGHT, WIDTH): each pixel's own x and y."""
    return torch.stack(torch.meshgrid(torch.arange(float(WIDTH)), torch.arange(float(HEIGHT)), indexing="xy"))[None]


@pytest.mark.parametrize("shift", [(1, 0), (-3, 2), (7, 0), (0.5, -1.5)])
def test_what_moved_is_fetched_to_its_place(shift):
    one, two = moved_pair(*shift)
    found = find_motion(one, two)
    assert (found.fetch(two) - one).abs()[INSIDE].mean() < 0.006 < (two - one).abs()[INSIDE].mean()
    moved = (found.fetch(columns_and_rows()) - columns_and_rows())[INSIDE]
    assert moved.mean((0, 2, 3)).tolist() == pytest.approx(shift, abs=0.3)
    assert found.confidence[INSIDE].mean() > 0.95


def test_every_picture_moves_by_itself():
    pairs = [moved_pair(*shift) for shift in ((0, 0), (3, 0), (0, -2))]
    found = find_motion(*map(torch.cat, zip(*pairs, strict=True)))
    for index, pair in enumerate(pairs):
        alone, one = find_motion(*pair), found[index : index + 1]
        assert torch.allclose(one.places, alone.places, atol=1e-4)
        assert torch.allclose(one.confidence, alone.confidence, atol=1e-3)


def scene(place, side=40):
    """A square with its left side at `place`, over dark ground with a bright strip at 48 to 53."""
    picture = 0.4 * texture(HEIGHT, WIDTH)
    picture[..., 28:72, 48:54] = 0.95
    picture[..., 30 : 30 + side, place : place + side] = 0.4 + 0.4 * texture(side, side, seed=7)
    return picture


def test_nothing_is_believed_where_something_was_uncovered():
    """The square goes to the right, off the strip, which the frame before does not show."""
    found = find_motion(scene(54), scene(48))
    strip, square = found.confidence[0, 0, 32:68, 48:54], found.confidence[0, 0, 34:66, 62:90]
    elsewhere = found.confidence[0, 0, :, 110:]
    assert strip.mean() < 0.05
    assert square.mean() > 0.75 and elsewhere.mean() > 0.99


@pytest.mark.parametrize("levels", [1, 2.5])
def test_grain_does_not_move(levels):
    still = texture(HEIGHT, WIDTH)
    found = find_motion(with_grain(still, levels), with_grain(still, levels, seed=1))
    assert torch.equal(found.places, rest())
    assert found.confidence.mean() > 0.85


def test_the_same_picture_is_believed_wholly_and_rests():
    still = texture(HEIGHT, WIDTH)
    found = find_motion(still, still)
    assert torch.equal(found.places, rest())
    assert torch.equal(found.confidence, torch.ones(1, 1, HEIGHT, WIDTH))


@pytest.mark.parametrize("offset", [-0.1, 0.05])
def test_a_brighter_film_is_believed_and_rests(offset):
    still = 0.2 + 0.6 * texture(HEIGHT, WIDTH)
    found = find_motion(still, still + offset)
    assert torch.equal(found.places, rest())
    assert found.confidence.min() > 0.99


@pytest.mark.parametrize("gain", [0.85, 1.2])
def test_a_film_in_another_light_is_believed_and_rests(gain):
    """Of a full range, where an offset does not explain it."""
    still = 0.02 + 0.8 * texture(HEIGHT, WIDTH)
    found = find_motion(still, gain * still)
    assert torch.equal(found.places, rest())
    assert found.confidence.mean() > 0.97


def test_another_picture_is_not_believed():
    found = find_motion(texture(HEIGHT, WIDTH), texture(HEIGHT, WIDTH, seed=100))
    assert found.confidence.mean() < 0.3


def test_through_a_dissolve_less_and_less_is_alike():
    one, other = texture(HEIGHT, WIDTH), texture(HEIGHT, WIDTH, seed=100)
    alike = [float(resemblance(torch.lerp(one, other, share), one)) for share in (0.0, 0.2, 0.5, 1.0)]
    assert alike[0] == pytest.approx(1) and alike == sorted(alike, reverse=True) and alike[-1] < 0.4
    assert all(float(resemblance(0.02 + 0.8 * one, light)) > 0.9 for light in (0.12 + 0.8 * one, 0.7 * one, 0.95 * one))


def test_what_comes_from_outside_is_not_believed():
    found = find_motion(*moved_pair(12, 0))
    assert found.confidence[..., 20:-20, -10:].mean() < 0.5
    assert found.confidence[INSIDE][..., :-10].mean() > 0.95


def test_what_is_fetched_from_outside_is_nothing():
    flow = torch.tensor([10.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, HEIGHT, WIDTH)
    fetched = Motion(sampling_grid(flow), torch.ones(1, 1, HEIGHT, WIDTH)).fetch(columns_and_rows() + 1)
    assert torch.allclose(fetched[..., :-10], columns_and_rows()[..., 10:] + 1, atol=1e-3)
    assert fetched[..., -10:].abs().max() < 1e-2


def test_every_pixel_of_so_many_is_the_same_motion():
    found = find_motion(*moved_pair(-3, 2))
    coarse, planes = found.every(4), torch.rand(1, 2, HEIGHT, WIDTH, generator=seeded())
    assert coarse.places.shape == (1, HEIGHT // 4, WIDTH // 4, 2)
    assert coarse.confidence.shape == (1, 1, HEIGHT // 4, WIDTH // 4)
    assert torch.equal(coarse.fetch(planes), found.fetch(planes)[..., ::4, ::4])
    assert torch.equal(coarse.confidence, found.confidence[..., ::4, ::4])


@pytest.mark.parametrize(("height", "width"), [(33, 33), (45, 63), (32, 400)])
def test_any_size_has_its_motion(height, width):
    found = find_motion(texture(height, width), texture(height, width, seed=1))
    assert found.places.shape == (1, height, width, 2) and found.confidence.shape == (1, 1, height, width)
    assert found.places.isfinite().all() and 0 <= found.confidence.min() <= found.confidence.max() <= 1


def test_goes_on_from_its_memory_as_if_nothing_had_happened():
    guide = luma_of(glide("coffee", 8, 54, 96))
    first, second = (
        FrameBatch((part * 255).byte(), times, times, guide=part, memory={})
        for part, times in zip(guide.split(4), ((0, 1, 2, 3), (4, 5, 6, 7)), strict=True)
    )
    before, whole = follow_motion([first, second])
    (rest,), (anew,) = follow_motion([second], before.memory), follow_motion([second])
    for found, expected in ((rest.to_previous, whole.to_previous), (rest.from_previous, whole.from_previous)):
        assert torch.equal(found.places, expected.places) and torch.equal(found.confidence, expected.confidence)
    assert not torch.equal(anew.to_previous.places[0], whole.to_previous.places[0])
