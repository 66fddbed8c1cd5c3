"""Colours become steady, follow what moves, and stay within their shot."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from vidcolor.errors import ConfigError
from vidcolor.flow import lucas_kanade, search
from vidcolor.frames import FrameBatch
from vidcolor.smooth import BLOCK, LOOK_AHEAD, Smoother

HEIGHT, WIDTH = 64, 96
STRENGTH = Smoother().strength


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def texture(height=HEIGHT, width=WIDTH, seed=0):
    """Y′ (1, 1, height, width) in 0.3..0.7: blobs of a few pixels, enough for motion to be seen."""
    coarse = torch.rand(1, 1, height // 6 + 2, width // 6 + 2, generator=seeded(seed))
    return 0.3 + 0.4 * F.interpolate(coarse, (height, width), mode="bilinear")


def halves(frames, left=(30.0, 10.0), right=(-20.0, 25.0)):
    """ab (frames, 2, H, W) of two flat colours."""
    ab = torch.empty(frames, 2, HEIGHT, WIDTH)
    ab[..., : WIDTH // 2] = torch.tensor(left).view(2, 1, 1)
    ab[..., WIDTH // 2 :] = torch.tensor(right).view(2, 1, 1)
    return ab


def blobs(frames, size, seed=0):
    """Noise like a network's, (frames, 2, H, W) of deviation `size`: a few blobs, other ones in each frame."""
    coarse = torch.randn(frames, 2, 6, 8, generator=seeded(seed))
    return size * F.interpolate(coarse, (HEIGHT, WIDTH), mode="bilinear")


def in_batches(guide, ab, size=5, cuts=(0,)):
    luma = (guide * 255).round().to(torch.uint8)
    for start in range(0, len(ab), size):
        part = slice(start, min(start + size, len(ab)))
        numbers = tuple(range(part.start, part.stop))
        flags = tuple(number in cuts for number in numbers)
        yield FrameBatch(luma[part], numbers, (1,) * len(numbers), flags, guide=guide[part], ab=ab[part])


def smooth(guide, ab, size=5, cuts=(0,), strength=0.85):
    guide = guide.expand(len(ab), -1, -1, -1)
    return torch.cat([batch.ab for batch in Smoother(strength).stream(in_batches(guide, ab, size, cuts))])


def distance(one, other):
    """Mean ΔE_ab of each frame, (N,)."""
    return (one - other).norm(dim=1).mean(dim=(1, 2))


def flicker(ab):
    return distance(ab[1:], ab[:-1]).mean()


@pytest.fixture(params=[search, lucas_kanade])
def any_device(request, monkeypatch):
    """The motion as a CPU finds it, and as every other device does."""
    monkeypatch.setattr("vidcolor.motion.find_flow", request.param)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_out_of_range_is_refused(strength):
    with pytest.raises(ConfigError, match="strength"):
        Smoother(strength)


def test_strength_zero_hands_the_batches_through():
    batches = list(in_batches(texture().expand(6, -1, -1, -1), halves(6)))
    assert all(out is given for out, given in zip(Smoother(0).stream(batches), batches, strict=True))


@pytest.mark.parametrize("missing", ["guide", "ab", "first_of_shot"])
def test_says_what_a_batch_lacks(missing):
    batch = next(in_batches(texture(), halves(1)))
    with pytest.raises(ValueError, match=missing):
        list(Smoother().stream([replace(batch, **{missing: None})]))


def test_flicker_falls_to_an_eighth_and_the_colours_come_nearer_to_the_truth(any_device):
    truth = halves(40)
    noisy = truth + blobs(40, 5)
    steady = smooth(texture(), noisy)
    assert flicker(steady) < flicker(noisy) / 8
    assert distance(steady, truth).mean() < distance(noisy, truth).mean() / 2


def test_more_strength_is_less_flicker():
    noisy = halves(30) + blobs(30, 5)
    flickers = [flicker(smooth(texture(), noisy, strength=strength)) for strength in (0.3, 0.6, 0.9)]
    assert flickers == sorted(flickers, reverse=True)


def test_the_first_frame_is_nearly_as_steady_as_the_tenth():
    """Averaged over many noises: half the neighbours, so at most √2 and a little of the error."""
    errors = torch.stack([distance(smooth(texture(), halves(16) + blobs(16, 5, s)), halves(16)) for s in range(8)])
    assert errors[:, 0].mean() < 1.7 * errors[:, 9].mean()


def test_colours_that_do_not_change_are_not_changed():
    truth = halves(30)
    assert torch.allclose(smooth(texture(), truth), truth, atol=0.05)


def test_nothing_crosses_a_cut():
    """The same luma in both shots, so that only the flag holds the colours apart."""
    ab = torch.cat([halves(11), -halves(12)])
    assert torch.allclose(smooth(texture(), ab, cuts=(0, 11)), ab, atol=0.05)


def test_a_shot_after_a_cut_looks_as_it_does_alone():
    first, second = halves(11) + blobs(11, 5), -halves(21) + blobs(21, 5, 1)
    together = smooth(texture(), torch.cat([first, second]), cuts=(0, 11))
    assert torch.equal(together, torch.cat([smooth(texture(), first), smooth(texture(), second)]))


@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_size_of_the_batches_does_not_matter(size):
    noisy = halves(33) + blobs(33, 5)
    assert torch.equal(smooth(texture(), noisy, size), smooth(texture(), noisy))


@pytest.mark.parametrize("at", [0, 2, 3, 7])
def test_goes_on_from_its_memory_as_if_nothing_had_happened(at):
    """Also where a span ends with a shot (at frame 15) and inside a look-ahead."""
    batches = list(in_batches(texture().repeat(50, 1, 1, 1), halves(50) + blobs(50, 5), cuts=(0, 15)))
    batches[at] = replace(batches[at], memory={})
    whole = list(Smoother().stream(batches))
    rest = list(Smoother().stream(batches[at + 1 :], whole[at].memory))
    assert [batch.memory is None for batch in whole] == [index != at for index in range(10)]
    assert all(torch.equal(one.ab, other.ab) for one, other in zip(rest, whole[at + 1 :], strict=True))


def test_a_block_ends_with_a_span_and_nowhere_else():
    """Only there the backward pass sees less: what is asked to remember nothing is as it was."""
    batches = list(in_batches(texture().repeat(50, 1, 1, 1), halves(50) + blobs(50, 5)))
    plain = torch.cat([batch.ab for batch in Smoother().stream(batches)])
    batches[4] = replace(batches[4], memory={})
    spanned = torch.cat([batch.ab for batch in Smoother().stream(batches)])
    assert not torch.equal(plain[20:25], spanned[20:25])
    assert distance(plain, spanned).max() < 0.5


def test_everything_else_of_a_batch_stays():
    batches = list(in_batches(texture().expand(13, -1, -1, -1), halves(13), cuts=(0, 6)))
    for out, given in zip(Smoother().stream(batches), batches, strict=True):
        assert (out.pts, out.first_of_shot, out.ab.dtype) == (given.pts, given.first_of_shot, torch.float32)
        assert out.luma is given.luma and out.guide is given.guide


def test_looks_no_further_ahead_than_promised():
    taken = []
    batches = in_batches(texture().expand(60, -1, -1, -1), halves(60), size=1)
    for batch in Smoother().stream(taken.append(batch.pts[0]) or batch for batch in batches):
        assert taken[-1] - batch.pts[0] < BLOCK + LOOK_AHEAD


def moving_square(frames, speed, side=24):
    """A textured square that travels over another texture, and the colours of both."""
    guide, ab = texture().repeat(frames, 1, 1, 1), halves(frames, (0.0, -30.0), (0.0, -30.0))
    for i in range(frames):
        place = (..., slice(16, 16 + side), slice(4 + speed * i, 4 + speed * i + side))
        guide[i][place] = texture(side, side, seed=1) + 0.25
        ab[i][place] = torch.tensor([40.0, 30.0]).view(2, 1, 1)
    return guide, ab


@pytest.mark.parametrize("speed", [1, 3, 6])
def test_a_moving_square_keeps_its_colour_and_leaves_none_behind(any_device, speed):
    guide, truth = moving_square(12, speed)
    steady = smooth(guide, truth)
    error = (steady - truth).norm(dim=1)
    is_square = truth[:, 0] > 0
    assert error.mean() < 1.5
    assert error[is_square].mean() < 7
    assert (error[~is_square] > 20).float().mean() < 0.02


def pan(frames, speed, colors=None):
    """The camera goes to the right by `speed` pixels a frame, over colours (1, 2, H, W) as wide as that takes."""
    wide = WIDTH + speed * frames
    luma = texture(width=wide)
    colors = halves(1).repeat(1, 1, 1, 1 + wide // WIDTH) if colors is None else colors
    windows = [slice(speed * index, speed * index + WIDTH) for index in range(frames)]
    return [torch.cat([picture[..., window] for window in windows]) for picture in (luma, colors)]


def test_a_pan_is_followed(any_device):
    guide, truth = pan(30, 3)
    noisy = truth + blobs(30, 5)
    assert distance(smooth(guide, noisy), truth).mean() < distance(noisy, truth).mean() / 2


def test_a_still_shot_with_grain_settles():
    grain = 0.03 * torch.randn(30, 1, HEIGHT, WIDTH, generator=seeded())
    noisy = halves(30) + 1.5 * torch.randn(30, 2, HEIGHT, WIDTH, generator=seeded(1))
    steady = smooth((texture() + grain).clamp(0, 1), noisy)
    moves = (steady[9:] - steady[8:-1]).abs()
    assert moves.mean() < 0.2 and moves.flatten()[::4].quantile(0.999) < 1


def test_flicker_of_the_whole_film_does_not_switch_the_filter_off():
    gain = 1 + 0.1 * torch.randn(30, 1, 1, 1, generator=seeded())
    noisy = halves(30) + blobs(30, 5)
    assert flicker(smooth((texture() * gain).clamp(0, 1), noisy)) < flicker(noisy) / 5


@pytest.mark.parametrize("frames", [3, 12, 24])
def test_no_colour_outlives_a_dissolve_by_much(frames):
    share = torch.cat([torch.zeros(24), torch.linspace(0, 1, frames + 2)[1:-1], torch.ones(24)]).view(-1, 1, 1, 1)
    guide = torch.lerp(texture(), texture(seed=100), share)
    before, after = halves(1), halves(1, left=(-20.0, 30.0), right=(10.0, -40.0))
    truth = torch.lerp(before, after, (share > 0.5).float())
    steady = smooth(guide, truth, strength=STRENGTH)
    error, jump = distance(steady, truth), distance(before, after)
    assert error[:20].max() < 0.05 * jump and error[24 + frames + 5 :].max() < 0.05 * jump


def test_the_majority_wins_and_not_the_latest():
    truth = halves(38)
    odd = truth.clone()
    odd[4::5] += torch.tensor([-50.0, 10.0]).view(2, 1, 1)
    mean_error = distance(odd, truth).mean()
    assert distance(smooth(texture(), odd), truth).max() < mean_error / 3


def test_a_wrong_first_frame_is_outvoted():
    truth = halves(24)
    odd = truth.clone()
    odd[0] += 40
    assert distance(smooth(texture(), odd), truth).max() < distance(odd, truth).max() / 7


@pytest.mark.parametrize(("height", "width"), [(8, 8), (12, 40), (31, 400), (32, 400), (45, 63)])
def test_small_and_odd_sizes_work(height, width):
    ab = torch.full((10, 2, height, width), 12.0)
    assert torch.allclose(smooth(texture(height, width), ab), ab, atol=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA card")
def test_a_gpu_filters_as_a_cpu_does(monkeypatch):
    monkeypatch.setattr("vidcolor.motion.find_flow", lucas_kanade)
    guide, truth = moving_square(30, 3)
    noisy = truth + blobs(30, 5)
    batches = list(in_batches(guide, noisy, cuts=(0, 17)))
    there = [replace(one, luma=one.luma.cuda(), guide=one.guide.cuda(), ab=one.ab.cuda()) for one in batches]
    here, steady = (torch.cat([one.ab for one in Smoother().stream(given)]) for given in (batches, there))
    assert steady.is_cuda
    assert distance(here, steady.cpu()).mean() < 0.1


def breathing(frames, size=2.0, period=48):
    """What the whole picture drifts by, (frames, 2, 1, 1): a* and b* swing, a quarter of a turn apart."""
    turn = 2 * torch.pi * torch.arange(frames) / period
    return size * torch.stack((turn.sin(), turn.cos()), dim=1).view(-1, 2, 1, 1)


def test_slow_breathing_of_a_still_scene_is_reduced_by_the_lock(monkeypatch):
    """Measured: to 0.66 of what is left without the lock, to 0.34 of what the network did."""
    truth = halves(96)

    def swing(ab):
        return (ab - truth)[8:].mean((2, 3)).std(0, correction=0).norm()

    breathes = truth + breathing(96)
    locked = swing(smooth(texture(), breathes, strength=STRENGTH))
    monkeypatch.setattr("vidcolor.smooth.LOCK", 0)
    unlocked = swing(smooth(texture(), breathes, strength=STRENGTH))
    assert locked < 0.75 * unlocked
    assert locked < 0.5 * swing(breathes)


@pytest.mark.parametrize("frames", [12, 24, 48])
def test_a_fade_from_black_ends_in_its_colours(frames):
    """A second after: the drift that a fade seems to be is forgotten, and does not pile up."""
    share = torch.cat([torch.linspace(0, 1, frames), torch.ones(25)]).view(-1, 1, 1, 1)
    truth = halves(len(share)) * share
    steady = smooth(texture() * share, truth, strength=STRENGTH)
    assert distance(steady, truth)[-1] < 1.5
    assert steady[-1].norm(dim=0).mean() > 0.95 * truth[-1].norm(dim=0).mean()


@pytest.mark.parametrize("speed", [1, 3])
def test_a_pan_to_other_colours_is_no_drift(speed):
    """The mean colour of the picture changes by 50 ab units, that of no thing in it."""
    place = torch.linspace(0, 1, WIDTH + speed * 90)
    colors = torch.stack((-25 + 50 * place, 10 + 20 * torch.sin(6 * place))).view(1, 2, 1, -1)
    colors = colors.expand(-1, -1, HEIGHT, -1)
    guide, truth = pan(90, speed, colors)
    assert distance(truth[:1], truth[-1:]) > 25
    assert distance(smooth(guide, truth, strength=STRENGTH), truth)[-20:].max() < 1.5


def test_on_another_device_nothing_comes_back_to_the_processor():
    """Beside a GPU the filter works there. The meta device computes nothing, and refuses to be mixed with another."""
    luma = torch.zeros(12, 1, HEIGHT, WIDTH, dtype=torch.uint8)
    elsewhere = {
        "guide": torch.empty(12, 1, HEIGHT, WIDTH, device="meta"),
        "ab": torch.empty(12, 2, HEIGHT, WIDTH, device="meta"),
    }
    flags = tuple(number in (0, 7) for number in range(12))
    (steady,) = Smoother().stream([FrameBatch(luma, tuple(range(12)), (1,) * 12, flags, **elsewhere)])
    assert steady.ab.device.type == "meta" and steady.ab.shape == (12, 2, HEIGHT, WIDTH)
