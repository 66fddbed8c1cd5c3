"""Metrics of pictures against other implementations, plain loops and hand-computed cases."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from vidcolor import metrics
from vidcolor.color import lab_to_rgb, luma_of, rgb_to_lab
from vidcolor.metrics import AbAccuracy, auc, ciede2000, colorfulness, larger_channel, mse, psnr, ssim

PRIMARIES = {
    "red": (1.0, 0, 0),
    "magenta": (1.0, 0, 1),
    "blue": (0, 0, 1.0),
    "cyan": (0, 1.0, 1),
    "green": (0, 1.0, 0),
    "yellow": (1.0, 1, 0),
}


def flat(rgb, side=4):
    return torch.tensor(rgb).view(1, 3, 1, 1).expand(-1, -1, side, side)


def pictures(count=2, side=20, seed=0):
    """R′G′B′ (count, 3, side, side) of blobs of colour."""
    coarse = torch.rand(count, 3, side // 4, side // 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")


def ab_of(rgb):
    return rgb_to_lab(rgb)[:, 1:]


def ab_pixels(*colors):
    """One picture, (1, 2, 1, N), of the colours given."""
    return torch.tensor(colors, dtype=torch.float32).T.view(1, 2, 1, -1)


def test_mse_is_that_of_all_channels() -> None:
    picture = torch.zeros(2, 3, 4, 4)
    picture[1, 0] = 0.6
    assert mse(picture, torch.zeros(2, 3, 4, 4)).tolist() == pytest.approx([0, 0.12])


def test_psnr_agrees_with_scikit_image() -> None:
    picture, truth = torch.rand(3, 3, 20, 20), torch.rand(3, 3, 20, 20)
    expected = [
        peak_signal_noise_ratio(true.numpy(), one.numpy(), data_range=1)
        for one, true in zip(picture, truth, strict=True)
    ]
    assert psnr(picture, truth).tolist() == pytest.approx(expected, abs=1e-4)


def windowed_similarity(one, other):
    """Wang et al. 2004, equations 13 to 15, by a loop over the places where the window of 11 x 11 fits; (H, W) each."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for row in range(one.shape[0] - 10):
        for column in range(one.shape[1] - 10):
            x, y = (plane[row : row + 11, column : column + 11] for plane in (one, other))
            mean_x, mean_y = (window * x).sum(), (window * y).sum()
            spread_x, spread_y = (window * (x - mean_x) ** 2).sum(), (window * (y - mean_y) ** 2).sum()
            together = (window * (x - mean_x) * (y - mean_y)).sum()
            top = (2 * mean_x * mean_y + 0.01**2) * (2 * together + 0.03**2)
            values.append(top / ((mean_x**2 + mean_y**2 + 0.01**2) * (spread_x + spread_y + 0.03**2)))
    return np.mean(values)


def test_ssim_agrees_with_a_plain_loop() -> None:
    picture, truth = pictures(seed=1), pictures(seed=2)
    expected = [
        np.mean([windowed_similarity(x, y) for x, y in zip(one, true, strict=True)])
        for one, true in zip(picture.double().numpy(), truth.double().numpy(), strict=True)
    ]
    assert ssim(picture, truth).tolist() == pytest.approx(expected, abs=1e-4)


def test_ciede2000_agrees_with_scikit_image() -> None:
    picture, truth = pictures(seed=1), pictures(seed=2)
    labs = [rgb2lab(rgb.movedim(1, -1).double().numpy()) for rgb in (truth, picture)]
    assert ciede2000(picture, truth).tolist() == pytest.approx(deltaE_ciede2000(*labs).mean(axis=(1, 2)), rel=1e-3)


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (58, 24, 15), 19.4535),
        ((50, -1, 2), (50, 0, 0), 2.3669),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((0, 0, 0), (100, 0, 0), 100),
    ],
)
def test_ciede2000_of_published_pairs(one, other, difference) -> None:
    """Sharma, Wu and Dalal 2005, table 1; and black beside white."""
    first, second = (lab_to_rgb(torch.tensor(lab, dtype=torch.float64).view(1, 3, 1, 1)) for lab in (one, other))
    assert ciede2000(first, second).item() == pytest.approx(difference, abs=2e-3)


def test_grey_has_no_colorfulness() -> None:
    assert colorfulness(torch.rand(2, 1, 8, 8).expand(-1, 3, -1, -1)).abs().max() < 1e-3


def test_colorfulness_of_one_flat_color() -> None:
    """Flat red: rg = 255, yb = 127.5, no spread: 0.3 * sqrt(255^2 + 127.5^2)."""
    assert colorfulness(flat(PRIMARIES["red"])).item() == pytest.approx(85.53, abs=0.01)


def test_colorfulness_of_two_colors() -> None:
    """Half red, half green: rg = ±255 (mean 0, std 255), yb = 127.5: 255 + 0.3 * 127.5."""
    picture = torch.zeros(1, 3, 2, 2)
    picture[:, 0, 0], picture[:, 1, 1] = 1, 1
    assert colorfulness(picture).item() == pytest.approx(255 + 0.3 * 127.5, abs=0.01)


def test_larger_channel_counts_signs_not_sizes() -> None:
    true = ab_pixels((5, -60), (-5, -60), (-60, -5), (3, 4))
    assert larger_channel(ab_pixels((1, 0), (60, 5), (0, 1), (40, 30)), true).item() == 0.75


def test_larger_channel_knows_two_classes_of_colors() -> None:
    """Red, magenta and blue; cyan, green and yellow."""
    colors = torch.cat([ab_of(flat(rgb)) for rgb in PRIMARIES.values()])
    alike = torch.stack([larger_channel(colors[[index] * 6], colors) for index in range(6)])
    assert alike.tolist() == [[1, 1, 1, 0, 0, 0]] * 3 + [[0, 0, 0, 1, 1, 1]] * 3


def test_larger_channel_of_grey_is_chance_on_balanced_colors() -> None:
    truth = torch.cat([ab_of(flat(rgb)) for rgb in PRIMARIES.values()])
    assert larger_channel(torch.zeros_like(truth), truth).mean().item() == pytest.approx(0.5)


def test_auc_agrees_with_a_loop_over_the_thresholds() -> None:
    ab, truth = ab_of(pictures(seed=1)), ab_of(pictures(seed=2))
    error = (ab - truth).norm(dim=1).flatten(1)
    expected = torch.stack([(error <= threshold).float().mean(1) for threshold in range(151)]).mean(0)
    assert auc(ab, truth).tolist() == pytest.approx(expected.tolist(), abs=1e-6)


@pytest.mark.parametrize(("error", "kept"), [(0, 151), (0.5, 150), (10, 141), (150, 1), (151, 0), (200, 0)])
def test_auc_of_one_error(error, kept) -> None:
    assert auc(ab_pixels((0.6 * error, 0.8 * error)), ab_pixels((0, 0))).item() == pytest.approx(kept / 151)


def test_ab_accuracy_weighs_by_inverse_frequency() -> None:
    """Zhang 2016, equation 4 with λ = 0: w = 1 / p of the true colour's cell, normalised so that Σ p w = 1."""
    ab, truth = ab_of(pictures(4, seed=1)), ab_of(pictures(4, seed=2))
    accuracy = AbAccuracy()
    accuracy.update(ab, truth)
    cells = [tuple(cell) for cell in (truth / 10).round().movedim(1, -1).reshape(-1, 2).int().tolist()]
    weights = torch.tensor([len(cells) / cells.count(cell) for cell in cells], dtype=torch.float64)
    error = (ab - truth).norm(dim=1).flatten()
    kept = torch.stack([(error <= threshold).double() for threshold in range(151)]).mean(0)
    assert accuracy.rebalanced == pytest.approx((weights * kept).sum().item() / weights.sum().item(), abs=1e-6)
    assert accuracy.raw == pytest.approx(auc(ab, truth).mean().item(), abs=1e-6)


def test_ab_accuracy_does_not_mind_how_it_is_fed() -> None:
    ab, truth = ab_of(pictures(5, seed=1)), ab_of(pictures(5, seed=2))
    whole, parts = AbAccuracy(), AbAccuracy()
    whole.update(ab, truth)
    for part in (slice(0, 2), slice(2, 3), slice(3, 5)):
        parts.update(ab[part], truth[part])
    assert (whole.raw, whole.rebalanced) == pytest.approx((parts.raw, parts.rebalanced))


def test_the_truth_scores_best_everywhere() -> None:
    truth = pictures()
    accuracy = AbAccuracy()
    accuracy.update(ab_of(truth), ab_of(truth))
    assert [metric(truth, truth).tolist() for metric in (mse, ciede2000)] == [[0, 0]] * 2
    assert psnr(truth, truth).tolist() == pytest.approx([100, 100])
    assert ssim(truth, truth).tolist() == pytest.approx([1, 1])
    assert [metric(ab_of(truth), ab_of(truth)).tolist() for metric in (larger_channel, auc)] == [[1, 1]] * 2
    assert (accuracy.raw, accuracy.rebalanced) == (1, 1)


def test_grey_is_found_out() -> None:
    """Of a mostly neutral picture with a vivid corner, grey is near the truth by every mean distance."""
    truth = 0.5 + 0.02 * (pictures(1, side=40) - 0.5)
    truth[..., :4, :4] = torch.tensor(PRIMARIES["red"]).view(3, 1, 1)
    grey = luma_of(truth).expand(-1, 3, -1, -1)
    accuracy = AbAccuracy()
    accuracy.update(ab_of(grey), ab_of(truth))
    assert psnr(grey, truth).item() > 20
    assert ssim(grey, truth).item() > 0.9
    assert ciede2000(grey, truth).item() < 2
    assert auc(ab_of(grey), ab_of(truth)).item() > 0.98
    assert colorfulness(grey).item() < 1e-3 < colorfulness(truth).item()
    assert accuracy.rebalanced < 0.7 < 0.98 < accuracy.raw


def test_errors_far_out_of_gamut_are_counted_at_the_rim() -> None:
    accuracy = AbAccuracy()
    accuracy.update(ab_pixels((0, 0), (0, 0)), ab_pixels((500, -500), (0, 0)))
    assert (accuracy.raw, accuracy.rebalanced) == (0.5, 0.5)


def test_importing_the_metrics_imports_nothing_slow() -> None:
    """Training imports them for PSNR, and torchmetrics takes seconds."""
    files = list(Path(metrics.__file__).parent.glob("*.py"))
    outermost = [node for file in files for node in ast.parse(file.read_text("utf-8")).body]
    modules = {node.module.split(".")[0] for node in outermost if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name.split(".")[0] for node in outermost if isinstance(node, ast.Import) for alias in node.names}
    assert modules >= {"torch", "vidcolor"}
    assert modules.isdisjoint({"skimage", "torch_fidelity", "torchmetrics"})
