"""What has nothing to colour: title cards and leader, and no picture."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from tests.scenes import photo, with_grain
from vidcolor.cards import colorable
from vidcolor.color import luma_of
from vidcolor.colorizer import load_colorizer
from vidcolor.frames import FrameBatch, PlaneFormat

HEIGHT, WIDTH = 240, 320
FULL = PlaneFormat(8, True, "709")


def card(ground, letters):
    picture = np.full((HEIGHT, WIDTH), round(ground * 255), np.uint8)
    for line, text in enumerate(("THE NEXT MORNING", "she came back to", "the old house.")):
        place = 27, 80 + 40 * line
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_COMPLEX, 0.75, round(letters * 255), 2, cv2.LINE_AA)
    return torch.from_numpy(picture)[None, None] / 255


def shrunk(luma, height=80):
    return torch.nn.functional.interpolate(luma, (height, height * luma.shape[3] // luma.shape[2]), mode="area")


@pytest.mark.parametrize(("ground", "letters"), [(0, 1), (0.03, 0.9), (0.15, 0.8), (0.95, 0.1), (0.3, 0.3)])
@pytest.mark.parametrize("grain", [0, 4])
def test_nothing_of_a_card_is_coloured(ground, letters, grain):
    stays = colorable(shrunk(with_grain(card(ground, letters), grain)))
    assert stays.mean() < 0.03 and stays.max() < 0.7


def test_all_of_a_picture_is_coloured():
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        picture = shrunk(luma_of(photo(name, HEIGHT, WIDTH)[None]))
        for light in (1, 0.1):
            assert (colorable(light * picture) == 1).all()
    assert (colorable(torch.linspace(0, 1, 120).expand(1, 1, 80, -1)) == 1).all()


@pytest.mark.parametrize("ground", [0.0, 1.0])
def test_a_thing_before_a_plain_ground_keeps_its_colours(ground):
    face = luma_of(torch.from_numpy(data.astronaut()[20:220, 150:300].copy()).movedim(-1, 0)[None] / 255)
    picture = torch.full((1, 1, 80, 120), ground)
    picture[:, :, 20:60, 45:75] = shrunk(face, 40)
    stays = colorable(picture)
    assert stays[:, :, 20:60, 45:75].mean() > 0.6 and stays[:, :, 32:48, 52:64].min() == 1
    assert stays[:, :, :10].max() == 0


def test_every_frame_is_judged_alone():
    both = torch.cat((shrunk(card(0.1, 0.8)), shrunk(luma_of(photo("coffee", HEIGHT, WIDTH)[None]))))
    assert torch.equal(colorable(both), torch.cat((colorable(both[:1]), colorable(both[1:]))))


@pytest.mark.openvino
@pytest.mark.parametrize("fast", [False, True])
def test_the_released_model_leaves_cards_grey(fast):
    luma = (with_grain(card(0.15, 0.8).expand(4, -1, -1, -1), 4) * 255).round().byte()
    batch = FrameBatch(luma, (0, 1, 2, 3), (1,) * 4, first_of_shot=(True, False, False, False))
    (done,) = load_colorizer("fusion", "cpu", fast=fast).stream([batch], FULL)
    assert done.ab.norm(dim=1).mean() < 0.5
