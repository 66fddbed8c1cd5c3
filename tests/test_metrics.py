"""Metrics against scikit-image and hand-computed cases."""

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from vidcolor.metrics import colorfulness, psnr


def test_psnr_agrees_with_scikit_image():
    picture, truth = torch.rand(3, 3, 20, 20), torch.rand(3, 3, 20, 20)
    expected = [
        peak_signal_noise_ratio(true.numpy(), one.numpy(), data_range=1)
        for one, true in zip(picture, truth, strict=True)
    ]
    assert psnr(picture, truth).tolist() == pytest.approx(expected, abs=1e-4)


def test_grey_has_no_colorfulness():
    assert colorfulness(torch.rand(2, 1, 8, 8).expand(-1, 3, -1, -1)).abs().max() < 1e-3


def test_colorfulness_of_one_flat_color():
    """Flat red: rg = 255, yb = 127.5, no spread: 0.3 * sqrt(255^2 + 127.5^2)."""
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(-1, -1, 4, 4)
    assert colorfulness(red).item() == pytest.approx(85.53, abs=0.01)


def test_colorfulness_of_two_colors():
    """Half red, half green: rg = ±255 (mean 0, std 255), yb = 127.5: 255 + 0.3 * 127.5."""
    picture = torch.zeros(1, 3, 2, 2)
    picture[:, 0, 0], picture[:, 1, 1] = 1, 1
    assert colorfulness(picture).item() == pytest.approx(255 + 0.3 * 127.5, abs=0.01)
