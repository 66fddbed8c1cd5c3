"""The value types refuse what cannot be."""

from fractions import Fraction

import pytest
import torch

from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo

PLANES = PlaneFormat(8, False, "709")


def batch(**changes):
    values = dict(luma=torch.zeros(2, 1, 4, 6, dtype=torch.uint8), pts=(0, 1), durations=(1, 1))
    return FrameBatch(**values | changes)


def test_a_sound_batch_knows_its_length():
    assert len(batch()) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"pts": ()},
        {"luma": torch.zeros(2, 4, 6)},
        {"luma": torch.zeros(3, 1, 4, 6)},
        {"durations": (1,)},
        {"first_of_shot": (True,)},
        {"guide": torch.zeros(2, 2, 2, 3)},
        {"ab": torch.zeros(2, 3, 2, 3)},
        {"chroma": torch.zeros(1, 2, 2, 3)},
    ],
)
def test_a_batch_refuses_parts_that_do_not_fit(changes):
    with pytest.raises(ValueError):
        batch(**changes)


@pytest.mark.parametrize("depth, matrix", [(7, "709"), (17, "709"), (8, "rgb")])
def test_a_plane_format_refuses_what_is_not_stored(depth, matrix):
    with pytest.raises(ValueError):
        PlaneFormat(depth, True, matrix)


def test_an_info_refuses_an_empty_picture_and_a_still_clock():
    with pytest.raises(ValueError):
        VideoInfo(0, 4, PLANES, Fraction(1, 25))
    with pytest.raises(ValueError):
        VideoInfo(4, 4, PLANES, Fraction(0))


@pytest.mark.parametrize(
    "shift, size, expected", [((1, 1), (481, 853), (241, 427)), ((1, 0), (4, 5), (4, 3)), ((0, 0), (7, 9), (7, 9))]
)
def test_odd_sizes_round_up(shift, size, expected):
    assert PlaneFormat(8, False, "709", shift).chroma_size(*size) == expected
