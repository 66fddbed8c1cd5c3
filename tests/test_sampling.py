"""What OpenCV does on a CPU is what torch does elsewhere."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.scenes import seeded
from vidcolor.sampling import box, enlarge, shrink, to_bytes, to_cells


def planes(*shape):
    return torch.rand(*shape, generator=seeded())


@pytest.mark.parametrize("dtype, levels", [(torch.uint8, 256), (torch.uint16, 1024), (torch.float32, 1)])
@pytest.mark.parametrize("size", [(30, 40), (15, 20), (60, 80)])
def test_shrinking_takes_means_over_areas(dtype, levels, size):
    """Whole numbers are halved as such, which rounds by half a level."""
    given = (planes(2, 1, 60, 80) * levels).to(dtype)
    expected = F.interpolate(given.float(), size, mode="area")
    assert (shrink(given, size) - expected).abs().max() <= (1 if dtype != torch.float32 else 1e-6)


@pytest.mark.parametrize("size", [(7, 9), (1, 1), (23, 31), (24, 50)])
def test_any_size_keeps_the_mean(size):
    given = (planes(1, 2, 47, 101) * 255).byte()
    assert shrink(given, size).shape == (1, 2, *size)
    assert shrink(given, size).mean((2, 3)).numpy() == pytest.approx(given.float().mean((2, 3)).numpy(), abs=1)


@pytest.mark.parametrize("size", [(40, 60), (33, 41), (5, 6)])
def test_enlarging_is_bilinear(size):
    given = planes(2, 3, 20, 30)
    expected = F.interpolate(given, size, mode="bilinear", align_corners=False)
    assert (enlarge(given, torch.empty(1, 1, *size)) - expected).abs().max() < 1e-5


@pytest.mark.parametrize("radius", [1, 3])
def test_box_is_a_mean_with_the_edge_repeated(radius):
    given = planes(2, 2, 12, 17)
    padded = F.pad(given, (radius,) * 4, mode="replicate")
    assert (box(given, radius) - F.avg_pool2d(padded, 2 * radius + 1, 1)).abs().max() < 1e-5


def test_bytes_are_rounded_and_stay_in_range():
    given = torch.tensor([[-0.5, 0.0], [0.25, 0.5]])
    assert to_bytes(given, 255, 128).tolist() == [[0, 128], [192, 255]]
    assert to_bytes(given.flatten(), 224, 128).numpy() == pytest.approx(np.array([16, 128, 184, 240]))


def test_cells_hold_means_and_go_back_to_any_size():
    planes = torch.arange(3.0 * 12 * 23).view(1, 3, 12, 23)
    cells = to_cells(planes)
    assert cells.shape == (1, 3, 3, 5)
    assert cells[0, 0, 0, 0] == planes[0, 0, :5, :5].mean() and cells[0, 2, 2, 4] == planes[0, 2, 10:, 20:].mean()
    assert enlarge(torch.ones(1, 1, 3, 5), planes).shape == (1, 1, 12, 23)
