"""Metrics of films against scipy, plain loops and motion that is known because it was made here."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.spatial.distance import jensenshannon

from vidcolor.metrics import (
    ColorDistributionConsistency,
    Correspondence,
    consistent_motion,
    cut_lag,
    flicker,
    warp_error,
)
from vidcolor.metrics.films import correspond

HEIGHT, WIDTH = 96, 128


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def texture(height=HEIGHT, width=WIDTH, seed=0, channels=1):
    """(channels, height, width) in 0.2..0.8: blobs of a few pixels, enough for motion to be seen."""
    coarse = torch.rand(1, channels, height // 5 + 2, width // 5 + 2, generator=seeded(seed))
    return 0.2 + 0.6 * F.interpolate(coarse, (height, width), mode="bicubic")[0].clamp(0, 1)


def clip(frames=7, seed=0):
    """R′G′B′ (frames, 3, 24, 32) whose colours drift."""
    still = F.interpolate(torch.rand(1, 3, 5, 7, generator=seeded(seed)), (24, 32), mode="bilinear")
    drift = torch.linspace(0, 0.2, frames).square().view(-1, 1, 1, 1) * torch.tensor((1.0, -1.0, 0.5)).view(3, 1, 1)
    return (still + drift).clamp(0, 1)


def no_cuts(rgb):
    return [False] * len(rgb)


def cdc(rgb, first_of_shot=None):
    consistency = ColorDistributionConsistency()
    consistency.update(rgb, first_of_shot or no_cuts(rgb))
    return consistency.value


def cdc_as_published(rgb):
    """The loops of ColorMNet's cdc.py; scipy's function is the root of the divergence."""
    levels = (rgb * 255).round().byte().numpy()
    histograms = [[np.bincount(plane.ravel(), minlength=256) / plane.size for plane in frame] for frame in levels]
    channels = []
    for channel in range(3):
        planes = [histogram[channel] for histogram in histograms]
        by_dilation = [
            np.mean([jensenshannon(one, other) ** 2 for one, other in zip(planes, planes[dilation:], strict=False)])
            for dilation in (1, 2, 4)
        ]
        channels.append(np.mean(by_dilation))
    return np.mean(channels)


def test_cdc_is_the_published_one() -> None:
    assert cdc(clip()) == pytest.approx(cdc_as_published(clip()), rel=1e-6)
    assert cdc(clip()) > 0.01


def test_cdc_of_colors_that_have_nothing_in_common_is_ln_2() -> None:
    assert cdc(torch.tensor((0.0, 1.0)).view(2, 1, 1, 1).expand(-1, 3, 4, 4)) == pytest.approx(np.log(2))


def test_cdc_does_not_mind_how_it_is_fed() -> None:
    rgb, consistency = clip(9), ColorDistributionConsistency()
    for part in rgb.split((1, 5, 3)):
        consistency.update(part, no_cuts(part))
    assert consistency.value == pytest.approx(cdc(rgb))


def test_cdc_leaves_out_what_straddles_a_cut() -> None:
    shots = torch.cat((clip(1, seed=1).expand(5, -1, -1, -1), clip(1, seed=2).expand(5, -1, -1, -1)))
    assert cdc(shots) > 0.01
    assert cdc(shots, [index in (0, 5) for index in range(10)]) == 0


def test_cdc_needs_two_frames_of_a_shot() -> None:
    assert ColorDistributionConsistency().value is None
    assert cdc(clip(1)) is None
    assert cdc(clip(3), [True] * 3) is None
    assert cdc(clip(2)) > 0


def test_flicker_looks_only_where_the_luma_stands_still() -> None:
    before, luma = torch.zeros(2, 2, 2), torch.full((1, 2, 2), 0.5)
    ab = torch.tensor(((3.0, -3.0), (7.0, 100.0))).expand(2, -1, -1).clone()
    ab[1] = 1
    moved = luma + torch.tensor(((0.0, 1.9), (-1.9, 3.0))) / 255
    assert flicker(ab, before, moved, luma) == pytest.approx(((3 + 1) / 2 + (3 + 1) / 2 + (7 + 1) / 2) / 3)


def test_flicker_counts_a_change_of_two_levels_at_every_level() -> None:
    levels = torch.arange(256.0)[None, None]
    ab, before = torch.ones(2, 1, 256), torch.zeros(2, 1, 256)
    for change, expected in ((2, 1.0), (3, None)):
        now = torch.where(levels < 128, levels + change, levels - change) / 255
        assert flicker(ab, before, now, levels / 255) == expected
    ab[:, :, 128:] = 3
    now = torch.where(levels < 128, levels + 2, levels - 2) / 255
    assert flicker(ab, before, now, levels / 255) == 2


def test_flicker_of_a_frame_that_moves_everywhere_is_not_known() -> None:
    luma = torch.full((1, 2, 2), 0.5)
    assert flicker(torch.ones(2, 2, 2), torch.zeros(2, 2, 2), luma, luma + 0.01) is None


def crop(picture, down, across):
    """A window of the size of a frame, so that moving the window moves the picture."""
    return picture[:, 8 + down :, 8 + across :][:, :HEIGHT, :WIDTH].contiguous()


def test_motion_and_warp_error_follow_a_picture_that_moves() -> None:
    wide, ab = texture(HEIGHT + 16, WIDTH + 16), 100 * texture(HEIGHT + 16, WIDTH + 16, seed=1, channels=2)
    motion = consistent_motion(crop(wide, 2, 4), crop(wide, 0, 0))
    across, down = motion.places - np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)))
    assert np.median(across) == pytest.approx(4, abs=0.1)
    assert np.median(down) == pytest.approx(2, abs=0.1)
    assert motion.consistent.mean() > 0.8
    assert not motion.consistent[:, -3:].any(), "what has just come in has no past"
    unmoved = Correspondence(motion.places - np.float32((4, 2)).reshape(2, 1, 1), motion.consistent)
    followed, left = (warp_error(crop(ab, 2, 4), crop(ab, 0, 0), way) for way in (motion, unmoved))
    assert followed < 0.02 * left


def test_what_was_hidden_is_left_out() -> None:
    """A square goes 6 pixels to the right and uncovers what is behind its left side."""
    before, now, square = texture(), texture(), texture(40, 40, seed=1)
    before[:, 30:70, 40:80], now[:, 30:70, 46:86] = square, square
    motion = consistent_motion(now, before)
    assert motion.consistent[35:65, 41:45].mean() < 0.2
    assert motion.consistent[:20].mean() > 0.95
    assert motion.consistent[40:60, 56:76].mean() > 0.8


def flow(across, down=0.0, height=6, width=12):
    return np.stack((np.full((height, width), across), np.full((height, width), down))).astype(np.float32)


@pytest.mark.parametrize(
    ("across", "down", "outside"),
    [
        (-0.5, 0, np.s_[:, :1]),
        (0.5, 0, np.s_[:, -1:]),
        (0, -0.5, np.s_[:1]),
        (0, 0.5, np.s_[-1:]),
        (-3, 0, np.s_[:, :3]),
    ],
)
def test_flows_that_cancel_are_believed_within_the_frame(across, down, outside) -> None:
    motion, expected = correspond(flow(across, down), flow(-across, -down)), np.ones((6, 12), dtype=bool)
    expected[outside] = False
    assert motion.places[:, 2, 5].tolist() == [5 + across, 2 + down]
    assert (motion.consistent == expected).all()


@pytest.mark.parametrize(("error", "believed"), [(0.7, True), (0.75, False)])
def test_flows_may_differ_by_a_little_and_more_the_longer_they_are(error, believed) -> None:
    """Two of (2, 0) and (-2 - e, 0): e² may be 0.5 + 0.01 (2² + (2 + e)²), so that e = 0.78; at rest, e² 0.505."""
    assert correspond(flow(0), flow(error)).consistent[:, 1:-1].all() == believed
    assert correspond(flow(-2), flow(2 + error)).consistent[:, 3:].all()
    assert not correspond(flow(-2), flow(2 + error + 0.1)).consistent[:, 3:].any()


def test_the_flow_there_is_read_where_the_pixel_was() -> None:
    """Only the things at x = 3 and 4 move, by 4, to 7 and 8."""
    there, back = flow(0), flow(0)
    there[0, :, 3:5], back[0, :, 7:9] = 4, -4
    consistent = correspond(back, there).consistent
    assert consistent[:, 7].all()
    assert not consistent[:, 3:5].any()


@pytest.mark.parametrize(
    ("across", "step", "believed"), [(0, 0.04, True), (0, 0.05, False), (-3, 0.3, True), (-3, 0.31, False)]
)
def test_where_motion_changes_abruptly_it_is_not_believed(across, step, believed) -> None:
    """|∇v|² may be 0.002 where nothing moves, a step of 0.0447 pixels, and 0.092 where things move by 3: 0.303."""
    back = flow(across)
    back[1, :, 6:] = step
    assert correspond(back, -back).consistent[:-1, 5].all() == believed
    assert correspond(back, -back).consistent[:-1, [4, 6]].all()


def test_nothing_moves_in_a_still() -> None:
    motion = consistent_motion(texture(), texture())
    assert motion.consistent.all()
    offset = torch.tensor((3.0, -1.0)).view(2, 1, 1)
    ab = 50 * texture(channels=2)
    assert warp_error(ab + offset, ab, motion) == pytest.approx((9 + 1) / 2, rel=1e-4)


def test_warp_error_is_the_mean_over_consistent_pixels() -> None:
    places = np.stack(np.meshgrid(np.arange(4), np.arange(3))).astype(np.float32)
    consistent = np.zeros((3, 4), dtype=bool)
    consistent[1, 1:3] = True
    ab = torch.zeros(2, 3, 4)
    ab[0, 1, 1], ab[1, 1, 2], ab[:, 0] = 2, 4, 1000
    assert warp_error(ab, torch.zeros(2, 3, 4), Correspondence(places, consistent)) == pytest.approx((4 + 16) / 4)
    assert warp_error(ab, torch.zeros(2, 3, 4), Correspondence(places, np.zeros_like(consistent))) is None


@pytest.mark.parametrize("size", [(8, 8), (12, 40), (31, 200)])
def test_tiny_pictures_are_compared_in_place(size) -> None:
    luma, other = torch.rand(2, 1, *size, generator=seeded(0))
    motion = consistent_motion(luma, other)
    assert motion.consistent.all()
    assert (motion.places == np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])))).all()


def test_grey_is_as_steady_as_can_be() -> None:
    """That is why the original's own values belong beside a film's."""
    wide, ab = texture(HEIGHT + 16, WIDTH + 16), 100 * texture(HEIGHT + 16, WIDTH + 16, seed=1, channels=2)
    lumas, colors = ([crop(plane, 0, step) for step in range(3)] for plane in (wide, ab))
    grey = torch.zeros_like(colors[0])
    for (luma_before, luma), (before, after) in zip(pairwise(lumas), pairwise(colors), strict=True):
        motion = consistent_motion(luma, luma_before)
        assert warp_error(grey, grey, motion) == 0 < warp_error(after, before, motion)
        assert flicker(grey, grey, luma, luma_before) == 0 < flicker(after, before, luma, luma_before)
    still = lumas[0].expand(5, 3, -1, -1)
    assert cdc(still) == 0


SLOW_START = [30.0, 20.0, 1.5, *[1.0] * 21]


@pytest.mark.parametrize(
    ("errors", "starts", "lag"),
    [
        (SLOW_START, [0], None),
        (SLOW_START, [], None),
        ([2.0] * 5 + SLOW_START, [5], 3),
        ([2.0] * 5 + SLOW_START + [4.0] * 20, [0, 5, 29], 1.5),
        ([2.0] * 5 + SLOW_START[:15], [5], None),
        ([2.0] * 5 + SLOW_START[:16], [5], 3),
        ([2.0] * 5 + SLOW_START + [100.0] * 9, [5], 3),
        ([2.0] * 5 + [1.09, *[1.0] * 20], [5], 0),
        ([2.0] * 5 + [0.0] * 20, [5], 0),
        ([2.0] * 5 + SLOW_START + [4.0] * 3, [0, 5, 29], 3),
    ],
)
def test_cut_lag(errors, starts, lag) -> None:
    assert cut_lag(errors, starts) == (None if lag is None else pytest.approx(lag))
