"""The palette: soft targets, weights and the mean that leads back to ab."""

import pytest
import torch

from vidcolor.networks.palette import (
    annealed_mean,
    annealed_moments,
    fade_doubtful,
    fade_faint,
    fit_palette,
    nearest_colors,
    palette_cross_entropy,
    rebalanced_weights,
)

PALETTE = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0], [-50.0, 0.0], [0.0, -50.0], [60.0, 60.0]])


def test_k_means_finds_separate_colors_and_their_shares():
    colors = torch.tensor([[0.0, 0.0]] * 60 + [[40.0, 10.0]] * 30 + [[-30.0, 30.0]] * 10)
    palette, share = fit_palette(colors + torch.randn(100, 2) * 0.1, 3)
    order = share.argsort(descending=True)
    assert torch.allclose(palette[order], torch.tensor([[0.0, 0.0], [40.0, 10.0], [-30.0, 30.0]]), atol=0.5)
    assert share[order].tolist() == pytest.approx([0.6, 0.3, 0.1])


def test_soft_targets_sum_to_one_and_peak_at_the_nearest():
    index, share = nearest_colors(torch.tensor([[1.0, 0.0], [48.0, 1.0]]), PALETTE)
    assert share.sum(1).tolist() == pytest.approx([1, 1])
    assert index[:, 0].tolist() == [0, 1]
    assert (share[:, 0] > 0.99).all()


def test_soft_target_between_two_colors_is_shared():
    palette = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
    _, share = nearest_colors(torch.tensor([[5.0, 0.0]]), palette)
    assert share.tolist()[0] == pytest.approx([0.5, 0.5])


def test_annealing_leads_from_the_mean_to_the_mode():
    logits = torch.tensor([2.0, 1.0, 0.0, 0.0, 0.0, 0.0]).view(1, 6, 1, 1)
    even = annealed_mean(torch.zeros(1, 6, 1, 1), PALETTE, 1.0).flatten()
    assert torch.allclose(even, PALETTE.mean(0))
    assert torch.allclose(annealed_mean(logits, PALETTE, 0.01).flatten(), PALETTE[0], atol=1e-3)
    soft, sharp = (annealed_mean(logits, PALETTE, t).norm() for t in (1.0, 0.3))
    assert sharp < soft


def test_the_variance_is_that_of_the_colors_drawn():
    palette = torch.tensor([[0.0, 0.0], [30.0, 40.0], [-7.0, 11.0]])
    logits = torch.tensor([0.0, 1.0, -0.5]).view(1, 3, 1, 1)
    share = (logits.flatten() / 0.8).softmax(0)
    mean, variance = annealed_moments(logits, palette, 0.8)
    torch.testing.assert_close(mean, annealed_mean(logits, palette, 0.8))
    distances = (palette - mean.flatten()).square().sum(1)
    assert variance.item() == pytest.approx((share * distances).sum().item(), rel=1e-5)


def test_a_sure_color_has_no_variance():
    logits = torch.tensor([200.0, 0.0, 0.0, 0.0, 0.0, 0.0]).view(1, 6, 1, 1)
    assert annealed_moments(logits, PALETTE * 100, 1.0)[1].item() == pytest.approx(0, abs=1e-2)


def test_faint_colors_fade_and_keep_their_hue():
    ab = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0], [-30.0, 40.0]]).view(4, 2, 1, 1)
    faded = fade_faint(ab, knee=10)
    share = torch.tensor([0.0, 25 / 125, 1 / 2, 25 / 26]).view(4, 1, 1, 1)
    torch.testing.assert_close(faded, ab * share)


def test_doubtful_colors_fade_and_keep_their_hue():
    ab = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [-30.0, 40.0]]).view(4, 2, 1, 1)
    variance = torch.tensor([0.0, 0.0, 50.0, 5000.0]).view(4, 1, 1, 1)
    faded = fade_doubtful(ab, variance, caution=0.5)
    share = torch.tensor([0.0, 1.0, 1 / 2, 1 / 2]).view(4, 1, 1, 1)
    torch.testing.assert_close(faded, ab * share)
    torch.testing.assert_close(fade_doubtful(ab, variance, caution=0), ab)


def test_rare_colors_weigh_more_within_limits():
    frequency = torch.tensor([0.9, 0.09, 0.0099, 0.0001])
    weights = rebalanced_weights(frequency)
    assert (weights.diff() > 0).all()
    assert (frequency * weights).sum().item() == pytest.approx(1)
    assert weights.max() / weights.min() <= 25


def test_cross_entropy_matches_the_hand_computed_case():
    """One pixel on palette colour 1, two equal logits elsewhere at minus infinity: ln 2, times the weight 3."""
    logits = torch.tensor([0.0, 0.0, -1e9, -1e9, -1e9, -1e9]).view(1, 6, 1, 1)
    ab = torch.tensor([50.0, 0.0]).view(1, 2, 1, 1)
    palette = PALETTE * 100
    weights = torch.tensor([1.0, 3.0, 1.0, 1.0, 1.0, 1.0])
    loss = palette_cross_entropy(logits, ab * 100, palette, weights)
    assert loss.item() == pytest.approx(3 * 0.693147, rel=1e-4)
