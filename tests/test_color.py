"""Colour arithmetic against scikit-image, hand-computed values and its own inverses."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2lab

from vidcolor.color import (
    ChromaTable,
    ab_to_chroma,
    chroma_to_rgb,
    clamp_to_gamut_,
    lab_to_rgb,
    luma_of,
    luma_to_lightness,
    read_chroma,
    read_luma,
    rgb_to_chroma,
    rgb_to_lab,
    store_chroma_,
)
from vidcolor.frames import MATRICES, PlaneFormat


@pytest.fixture
def natural_rgb():
    """Colours of moderate saturation, (1, 3, 64, 64)."""
    rgb = torch.rand(1, 3, 64, 64)
    grey = rgb.mean(1, keepdim=True)
    return grey + (rgb - grey) * 0.5


def test_lab_agrees_with_scikit_image():
    rgb = torch.rand(1, 3, 50, 50)
    reference = rgb2lab(rgb[0].permute(1, 2, 0).numpy())
    assert np.abs(rgb_to_lab(rgb)[0].permute(1, 2, 0).numpy() - reference).max() < 0.02


def test_lab_round_trip():
    rgb = torch.rand(2, 3, 40, 40)
    assert torch.allclose(lab_to_rgb(rgb_to_lab(rgb)), rgb, atol=1e-5)


def test_lab_gradient_is_finite_at_black():
    rgb = torch.zeros(1, 3, 2, 2, requires_grad=True)
    rgb_to_lab(rgb).sum().backward()
    assert rgb.grad.isfinite().all()


@pytest.mark.parametrize("luma, lightness", [(0.0, 0.0), (1.0, 100.0), (0.5, 53.389)])
def test_lightness_of_grey(luma, lightness):
    assert luma_to_lightness(torch.tensor([luma])).item() == pytest.approx(lightness, abs=0.01)


@pytest.mark.parametrize("matrix", MATRICES)
def test_chroma_round_trip(matrix):
    rgb = torch.rand(1, 3, 30, 30)
    luma, chroma = luma_of(rgb, matrix), rgb_to_chroma(rgb, matrix)
    assert chroma.abs().max() <= 0.5 + 1e-6
    assert torch.allclose(chroma_to_rgb(luma, chroma, matrix), rgb, atol=1e-5)


@pytest.mark.parametrize("matrix", MATRICES)
def test_true_luma_and_true_ab_give_the_true_chroma(matrix):
    rgb = torch.rand(1, 3, 64, 64)
    chroma = ab_to_chroma(luma_of(rgb, matrix), rgb_to_lab(rgb)[:, 1:], matrix)
    assert (chroma - rgb_to_chroma(rgb, matrix)).abs().max() * 255 < 0.1


@pytest.mark.parametrize("matrix", MATRICES)
def test_table_agrees_with_the_exact_chroma(matrix, natural_rgb):
    luma, ab = luma_of(natural_rgb, matrix), rgb_to_lab(natural_rgb)[:, 1:]
    table = ChromaTable(matrix, torch.device("cpu"))
    error = (table(luma, ab) - ab_to_chroma(luma, ab, matrix)).abs() * 255
    assert error.max() < 1.5
    assert error.mean() < 0.1


def test_grey_stays_exactly_grey():
    luma = torch.linspace(0, 1, 256).view(1, 1, 16, 16)
    chroma = ChromaTable("709", torch.device("cpu"))(luma, torch.zeros(1, 2, 16, 16))
    planes = PlaneFormat(8, False, "709")
    assert (store_chroma_(chroma, planes) == 128).all()


@given(st.sampled_from(MATRICES), st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_clamped_colors_are_in_gamut_at_the_same_luma(matrix, seed):
    random = torch.Generator().manual_seed(seed)
    luma = torch.rand(1, 1, 8, 8, generator=random)
    chroma = torch.rand(1, 2, 8, 8, generator=random) - 0.5
    rgb = chroma_to_rgb(luma, clamp_to_gamut_(luma, chroma, matrix), matrix)
    assert rgb.min() > -1e-4
    assert rgb.max() < 1 + 1e-4
    assert torch.allclose(luma_of(rgb, matrix), luma, atol=1e-5)


def test_clamp_leaves_what_is_in_gamut(natural_rgb):
    chroma = rgb_to_chroma(natural_rgb, "709")
    assert torch.allclose(clamp_to_gamut_(luma_of(natural_rgb), chroma.clone(), "709"), chroma, atol=1e-5)


@pytest.mark.parametrize("depth", [8, 10, 12, 16])
@pytest.mark.parametrize("full_range", [True, False])
def test_stored_levels(depth, full_range):
    planes = PlaneFormat(depth, full_range, "709")
    scale = 2 ** (depth - 8)
    black, white = (0, 2**depth - 1) if full_range else (16 * scale, 235 * scale)
    luma = torch.tensor([black, white]).to(planes.dtype)
    assert read_luma(luma, planes).tolist() == [0.0, 1.0]
    stored = store_chroma_(torch.tensor([0.0]), planes)
    assert stored.dtype == planes.dtype
    assert stored.item() == 128 * scale


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("full_range", [True, False])
def test_chroma_storage_round_trip(depth, full_range):
    planes = PlaneFormat(depth, full_range, "601")
    chroma = torch.linspace(-0.49, 0.49, 101)
    step = 1 / (224 * 2 ** (depth - 8))
    assert (read_chroma(store_chroma_(chroma.clone(), planes), planes) - chroma).abs().max() <= step / 2 + 1e-6


def test_stored_chroma_stays_in_the_legal_range():
    stored = store_chroma_(torch.tensor([-0.9, 0.9]), PlaneFormat(8, False, "709"))
    assert stored.tolist() == [16, 240]
