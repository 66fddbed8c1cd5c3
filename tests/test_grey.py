"""The greys that a network can be shown of a colour picture, and that it is judged by the true luma all the same."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data as photos

from vidcolor.cli import main
from vidcolor.color import GREYS, LUMA_WEIGHTS, grey_of, lightness_to_luma, luma_to_lightness, rgb_to_lab
from vidcolor.data import PhotoViews, View, crop, film_look, to_grey
from vidcolor.errors import ConfigError
from vidcolor.networks import build_network
from vidcolor.photos import Photo
from vidcolor.training import TrainConfig
from vidcolor.training.validation import paint, score, true_luma


@pytest.fixture(scope="module")
def cat():
    return photos.cat()


@pytest.fixture(scope="module")
def photo(cat, tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "cat.png"
    assert cv2.imwrite(str(path), cat[..., ::-1])
    return Photo(path)


@pytest.mark.parametrize(
    "grey, red, green, blue",
    [
        ("601", 0.299, 0.587, 0.114),
        ("709", 0.2126, 0.7152, 0.0722),
        ("mean", 1 / 3, 1 / 3, 1 / 3),
        ("report", 0.21, 0.72, 0.007),
        ("lstar", 0.4985, 0.8625, 0.2979),  # the sRGB encoding of Y = 0.2126, 0.7152, 0.0722
    ],
)
def test_the_greys_of_pure_colors(grey, red, green, blue) -> None:
    pure = torch.eye(3).view(3, 3, 1, 1)
    assert grey_of(pure, grey).shape == (3, 1, 1, 1)
    assert grey_of(pure, grey).flatten().tolist() == pytest.approx([red, green, blue], abs=1e-4)


@pytest.mark.parametrize("grey", GREYS)
def test_grey_stays_as_it_is_but_for_the_misprint_of_the_reports(grey) -> None:
    levels = torch.linspace(0, 1, 256).view(-1, 1, 1, 1)
    made = grey_of(levels.expand(-1, 3, -1, -1), grey)
    assert torch.allclose(made, levels * (0.937 if grey == "report" else 1), atol=1e-5)


def test_lstar_is_the_grey_of_the_same_lightness() -> None:
    colors = torch.rand(64, 3, 1, 1)
    assert torch.allclose(luma_to_lightness(grey_of(colors, "lstar")), rgb_to_lab(colors)[:, :1], atol=1e-3)


def test_lightness_and_luma_are_inverse() -> None:
    levels = torch.linspace(0, 1, 1001)
    assert torch.allclose(lightness_to_luma(luma_to_lightness(levels)), levels, atol=1e-5)


@pytest.mark.parametrize("grey", GREYS)
def test_pictures_become_the_greys_that_tensors_do(grey, cat) -> None:
    rgb = torch.from_numpy(cat).movedim(-1, 0)[None].float() / 255
    assert np.abs(to_grey(cat, grey) - 255 * grey_of(rgb, grey)[0, 0].numpy()).max() < 1e-3


def test_mirrored_pictures_have_every_grey_too(cat) -> None:
    for grey in GREYS:
        assert np.allclose(to_grey(cat[:, ::-1], grey), to_grey(cat, grey)[:, ::-1], atol=1e-3)


@pytest.mark.parametrize("number", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("settings", [{}, {"grey": "709"}])
def test_views_in_709_are_bit_for_bit_those_of_version_0_1(number, settings, cat, photo) -> None:
    views = PhotoViews([photo], 96, 5, 1.0, **settings)
    random = None if number is None else np.random.default_rng((5, 0, number))
    rgb = crop(cat, 96, random)
    luma = (rgb @ np.array(LUMA_WEIGHTS["709"], np.float32)).astype(np.float32)
    if random is not None and random.random() < 1.0:
        luma = film_look(luma, random)
    seen, truth = views[View(0, number)]
    assert np.array_equal(seen[0].numpy(), np.clip(np.rint(luma), 0, 255).astype(np.uint8))
    assert np.array_equal(truth.numpy(), rgb.transpose(2, 0, 1))


def test_another_grey_changes_what_is_seen_and_not_the_truth(photo) -> None:
    plain, other = (PhotoViews([photo], 96, grey=grey)[View(0, 7)] for grey in ("709", "lstar"))
    assert not torch.equal(plain[0], other[0])
    assert torch.equal(plain[1], other[1])


def test_an_unknown_grey_is_refused() -> None:
    assert [TrainConfig(grey=grey).grey for grey in GREYS] == list(GREYS)
    assert TrainConfig().grey == "709"
    with pytest.raises(ConfigError, match=r"grey must be one of 601, 709, .*, got sepia"):
        TrainConfig(grey="sepia")


def test_the_command_offers_every_grey() -> None:
    option = next(option for option in main.commands["train"].params if option.name == "grey")
    assert option.type.choices == GREYS


def test_colors_are_put_on_the_true_luma_whatever_the_network_is_shown(cat, photo) -> None:
    torch.manual_seed(0)
    network = build_network("fusion", {"palette_size": 8, "widths": [16, 16, 16]}).eval()
    truth = torch.from_numpy(crop(cat, 64, None)).movedim(-1, 0)[None]
    luma = true_luma(truth)
    with torch.inference_mode():
        painted = paint(network, torch.full_like(luma, 200), luma)
    assert (true_luma((painted * 255).round().byte()).int() - luma.int()).abs().max() <= 1
    scores = [score(network, PhotoViews([photo], 64, grey=g), torch.device("cpu")) for g in ("709", "report")]
    assert scores[0].psnr_of_grey == scores[1].psnr_of_grey
    assert scores[0].loss != scores[1].loss
