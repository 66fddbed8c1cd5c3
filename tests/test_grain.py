"""Grain is averaged away where the picture rests, and nothing else is."""

import pytest
import torch

from vidcolor.grain import RestingLuma, blur_grain

SIZE = (1, 1, 40, 60)


def grain(deviation, seed):
    return deviation / 255 * torch.randn(SIZE, generator=torch.Generator().manual_seed(seed))


def texture(seed=0):
    coarse = torch.rand(1, 1, 10, 15, generator=torch.Generator().manual_seed(seed))
    return 0.2 + 0.6 * torch.nn.functional.interpolate(coarse, SIZE[2:], mode="bilinear")


def follow(frames, cuts=(0,)):
    resting = RestingLuma()
    return [resting.follow(frame, frame, number in cuts)[1] for number, frame in enumerate(frames)]


def test_the_first_frame_of_a_shot_is_as_it_is():
    frames = [texture(seed) for seed in range(3)]
    assert all(torch.equal(out, given) for out, given in zip(follow(frames, cuts=(0, 1, 2)), frames, strict=True))


def test_the_grain_of_what_rests_goes_and_moves_little_from_frame_to_frame():
    frames = [texture() + grain(4, seed) for seed in range(1, 25)]
    rested = follow(frames)
    assert (rested[-1] - texture()).std() < (frames[-1] - texture()).std() / 3
    assert (rested[-1] - rested[-2]).abs().max() < (frames[-1] - frames[-2]).abs().max() / 8


@pytest.mark.parametrize("speed", [2, 6])
def test_what_moves_is_as_it_is(speed):
    frames = [texture().roll(speed * number, 3) for number in range(12)]
    assert (follow(frames)[-1] - frames[-1]).abs().mean() < 0.01


def test_a_fade_reaches_black():
    frames = [texture() * share for share in (1, 1, 1, 0.75, 0.5, 0.25, 0, 0)]
    assert follow(frames)[-1].max() < 1e-3


def test_a_change_of_light_is_followed_to_within_what_counts_as_rest():
    frames = [texture() + 0.002 * number for number in range(40)]
    assert (follow(frames)[-1] - frames[-1]).abs().max() < 0.02


def test_the_two_sizes_rest_together():
    resting = RestingLuma()
    for number in range(10):
        guide = texture() + grain(4, number)
        fine = torch.nn.functional.interpolate(guide, (80, 120), mode="nearest")
        rested, rested_fine = resting.follow(guide, fine, number == 0)
    assert rested_fine.shape == (1, 1, 80, 120)
    assert (rested_fine - torch.nn.functional.interpolate(rested, (80, 120), mode="nearest")).abs().mean() < 0.002


def test_blurring_keeps_what_is_flat_and_the_size():
    flat = torch.full((2, 1, 7, 5), 0.3)
    assert torch.allclose(blur_grain(flat), flat)
    assert blur_grain(grain(8, 0)).std() < grain(8, 0).std() / 3
