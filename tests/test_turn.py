"""The eight ways a picture may lie in a file, against Pillow's understanding of them."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from vidcolor.turn import Turn

PICTURE = torch.arange(12).reshape(1, 3, 4).to(torch.uint16)
MATRICES = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}
"""EXIF's orientation -> a, b, c, d of the display matrix that does the same."""


def matrix(a, b, c, d):
    return (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize("orientation", MATRICES)
def test_exif_and_matrix_turn_as_pillow_does(orientation):
    image = Image.fromarray(PICTURE[0].to(torch.uint8).numpy())
    image.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    turn = Turn.from_exif(orientation)
    assert np.array_equal(turn.upright(PICTURE)[0].numpy(), expected)
    assert turn.size(3, 4) == expected.shape
    assert Turn.from_matrix(matrix(*MATRICES[orientation])) == turn


@pytest.mark.parametrize("orientation", MATRICES)
def test_stored_undoes_upright(orientation):
    turn = Turn.from_exif(orientation)
    assert torch.equal(turn.stored(turn.upright(PICTURE)), PICTURE)


def test_no_matrix_an_unknown_tag_and_a_slant_are_taken_for_the_nearest():
    assert Turn.from_matrix(None) == Turn.from_exif(0) == Turn.from_exif(99) == Turn()
    assert Turn.from_matrix((60000, 20000, 0, -20000, 60000, 0, 0, 0, 1 << 30)) == Turn()
    assert Turn.from_matrix((20000, 60000, 0, -60000, 20000, 0, 0, 0, 1 << 30)) == Turn.from_exif(6)
