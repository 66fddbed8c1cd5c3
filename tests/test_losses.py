"""The terms a run may add: where they are least, which way they pull, and that no colour makes them break."""

import math
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor

from vidcolor.color import lab_to_rgb, rgb_to_lab
from vidcolor.errors import ConfigError, MismatchedCheckpoint
from vidcolor.losses import (
    BORDER,
    REACH,
    Perceptual,
    colorfulness_gap,
    critic_loss,
    disturb,
    generator_loss,
    instability,
)
from vidcolor.metrics.pictures import colorfulness
from vidcolor.networks.palette import KNEE


def some_lab(count: int = 2, side: int = 32) -> Tensor:
    """Smooth random pictures inside sRGB, L*a*b*."""
    torch.manual_seed(0)
    rgb = torch.nn.functional.interpolate(torch.rand(count, 3, 4, 4), side, mode="bilinear", align_corners=True)
    return rgb_to_lab(rgb * 0.6 + 0.2)


def hard_lab() -> Tensor:
    """Black, white, grey and what lies far outside sRGB, (1, 3, 32, 32)."""
    colors = torch.tensor([[0.0, 0, 0], [100, 0, 0], [50, 0, 0], [0, 110, -110], [100, -110, 110], [3, 90, 90]])
    return colors[torch.arange(32 * 32) % len(colors)].T.reshape(1, 3, 32, 32).contiguous()


def slope(ab: Tensor, lab: Tensor, share: float) -> float:
    """How colorfulness_gap changes as ab, now at `share` of itself, becomes more vivid."""
    gain = torch.tensor(share, requires_grad=True)
    colorfulness_gap(gain * ab, lab).backward()
    assert gain.grad is not None
    return gain.grad.item()


def test_the_gap_is_the_one_that_the_metric_measures():
    lab = some_lab(1)
    pale = torch.cat((lab[:, :1], lab[:, 1:] * 0.5), dim=1)
    mine, true = (colorfulness(lab_to_rgb(picture).clamp(0, 1)).item() for picture in (pale, lab))
    assert colorfulness_gap(pale[:, 1:], lab).item() == pytest.approx((true - mine) / true, rel=1e-4)


def test_pale_colors_are_pushed_up_and_loud_ones_down():
    lab = some_lab()
    assert slope(lab[:, 1:], lab, 0.05) < 0
    assert slope(lab[:, 1:], lab, 0.9) < 0
    assert slope(lab[:, 1:], lab, 1.1) > 0
    assert slope(lab[:, 1:], lab, 8.0) > 0  # beyond sRGB, too


def test_at_the_truth_nothing_pushes():
    lab = some_lab()
    assert colorfulness_gap(lab[:, 1:], lab).item() == 0
    assert slope(lab[:, 1:], lab, 1.0) == 0


def test_a_grey_truth_wants_grey():
    lab, vivid = some_lab(), some_lab()[:, 1:]
    lab[:, 1:] = 0
    assert slope(vivid, lab, 0.1) > 0
    assert colorfulness_gap(vivid, lab).isfinite()


@pytest.fixture(scope="module")
def perceptual(tmp_path_factory: pytest.TempPathFactory) -> Perceptual:
    """On random weights: what is tested here does not need trained ones."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "squeezenet.pth"
    torch.save(torchvision.models.squeezenet1_0(weights=None).state_dict(), path)
    return Perceptual("squeezenet1_0", str(path))


def test_perceptual_distance_grows_from_zero_at_the_truth(perceptual: Perceptual):
    lab = some_lab()
    none, near, far = (perceptual(lab[:, 1:] * gain, lab).item() for gain in (1, 0.7, 0))
    assert none == 0
    assert 0 < near < far


def test_the_classifier_is_frozen(perceptual: Perceptual):
    lab = some_lab()
    ab = (lab[:, 1:] / 2).requires_grad_()
    perceptual(ab, lab).backward()
    assert ab.grad is not None and ab.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in perceptual.parameters())


def test_trained_features_tell_colors_from_grey(shared: Path):
    perceptual = Perceptual("squeezenet1_0", str(shared / "backbones/squeezenet1_0_deepcompression_torchvision.pth"))
    lab = some_lab()
    assert perceptual(lab[:, 1:], lab).item() == 0
    assert perceptual(lab[:, 1:] * 0.9, lab) < perceptual(lab[:, 1:] * 0, lab)


def test_unfit_classifiers_are_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="choose squeezenet1_0 or vgg16"):
        Perceptual("resnet18")
    torch.save({"weight": torch.ones(1)}, tmp_path / "other.pth")
    with pytest.raises(MismatchedCheckpoint):
        Perceptual("squeezenet1_0", str(tmp_path / "other.pth"))


@pytest.mark.parametrize("predicted", ["grey", "own", "far outside"])
def test_gradients_stay_finite_at_black_and_outside_srgb(perceptual: Perceptual, predicted: str):
    lab = hard_lab()
    ab = {"grey": torch.zeros(1, 2, 32, 32), "own": lab[:, 1:].clone(), "far outside": lab[:, 1:] * -2}[predicted]
    ab.requires_grad_()
    (colorfulness_gap(ab, lab) + perceptual(ab, lab)).backward()
    assert ab.grad is not None and ab.grad.isfinite().all()


def test_losses_are_float32_in_half_precision_too(perceptual: Perceptual):
    lab = some_lab()
    ab = (lab[:, 1:] / 2).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        low = colorfulness_gap(ab, lab), perceptual(ab, lab)
    assert low == (colorfulness_gap(ab.float(), lab), perceptual(ab.float(), lab))
    logits = torch.zeros(1, 1, 4, 4, dtype=torch.bfloat16)
    assert {loss.dtype for loss in (*low, critic_loss(logits, logits), generator_loss(logits))} == {torch.float32}


def test_a_disturbed_picture_is_nearly_the_same_elsewhere():
    lightness = some_lab()[:, :1] / 50 - 1
    shifts = set()
    for seed in range(40):
        disturbed, (down, right) = disturb(lightness, torch.Generator().manual_seed(seed))
        moved = disturbed.roll((-down, -right), dims=(2, 3))
        inner = slice(BORDER, -BORDER)
        change = (moved - lightness)[:, :, inner, inner]
        assert disturbed.shape == lightness.shape and disturbed.abs().max() <= 1
        assert 0 < change.abs().mean() < 0.1
        shifts |= {down, right}
    assert shifts == set(range(-REACH, REACH + 1))


def test_the_same_generator_disturbs_the_same_way():
    lightness = torch.zeros(1, 1, 32, 32)
    once, again = (disturb(lightness, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(once[0], again[0]) and once[1] == again[1]


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-3, 1)])
def test_colors_that_move_with_the_picture_are_stable(shift: tuple[int, int]):
    ab = torch.randn(2, 2, 32, 40) * 20
    moved = ab.roll(shift, dims=(2, 3))
    assert instability(ab, moved, shift).item() == 0
    assert instability(ab, moved + 10, shift).item() == pytest.approx(10 / KNEE)


def test_only_the_disturbed_colors_learn():
    ab = torch.zeros(1, 2, 32, 32, requires_grad=True)
    disturbed = torch.ones(1, 2, 32, 32, requires_grad=True)
    instability(ab, disturbed, (1, 1)).backward()
    assert ab.grad is None and disturbed.grad is not None


def test_critic_and_generator_pull_against_each_other():
    unsure, sure = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 9.0)
    assert critic_loss(unsure, unsure).item() == pytest.approx(math.log(2))
    assert generator_loss(unsure).item() == pytest.approx(math.log(2))
    assert critic_loss(sure, -sure) < 0.001 < critic_loss(-sure, sure)
    found_out = (-sure).requires_grad_()
    generator_loss(found_out).backward()
    assert found_out.grad is not None and found_out.grad.sum() < -0.99  # the slope does not fade for a poor generator
