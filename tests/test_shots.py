"""Cuts found on luma alone, and nothing else taken for one."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from vidcolor.frames import FrameBatch, PlaneFormat
from vidcolor.shots import REACH, mark_shots

FULL = PlaneFormat(8, True, "709")
DEEP = PlaneFormat(10, False, "709")
HEIGHT, WIDTH = 72, 128


def texture(seed, width=WIDTH):
    """A picture (H, width) in 0.15..0.85: smooth blobs, unlike those of any other seed."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, 5, 5 * width // HEIGHT, generator=generator)
    picture = torch.nn.functional.interpolate(coarse, (HEIGHT, width), mode="bilinear")[0, 0]
    return 0.15 + 0.7 * (picture - picture.min()) / (picture.max() - picture.min())


def still(seed, frames):
    return texture(seed).expand(frames, -1, -1).clone()


def pan(seed, frames, speed):
    wide = texture(seed, 4 * WIDTH)
    return torch.stack([torch.roll(wide, -speed * i, dims=1)[:, :WIDTH] for i in range(frames)])


def store(film, planes):
    """Y′ (N, H, W) in 0..1 -> stored luma (N, 1, H, W)."""
    scale = 2 ** (planes.bit_depth - 8)
    low, span = (0, 2**planes.bit_depth - 1) if planes.full_range else (16 * scale, 219 * scale)
    return (film.clamp(0, 1) * span + low).round().to(planes.dtype).unsqueeze(1)


def in_batches(film, size=4, planes=FULL):
    luma = store(film, planes)
    for start in range(0, len(luma), size):
        part = luma[start : start + size]
        yield FrameBatch(part, tuple(range(start, start + len(part))), (1,) * len(part))


def cuts(film, size=4, planes=FULL):
    """Frame numbers of all cuts but the first frame."""
    flags = [flag for batch in mark_shots(in_batches(film, size, planes), planes) for flag in batch.first_of_shot]
    assert flags[0] and len(flags) == len(film)
    return [i for i, flag in enumerate(flags) if flag and i]


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, 5, 6])
def test_goes_on_from_its_memory_as_if_nothing_had_happened(at):
    """A joint on a cut, before one and behind one, and where fewer frames lie before it than are looked at."""
    batches = list(in_batches(torch.cat([pan(1, 12, 1), still(2, 9), pan(3, 10, 1)])))
    batches[at] = replace(batches[at], memory={})
    whole = list(mark_shots(batches, FULL))
    rest = list(mark_shots(batches[at + 1 :], FULL, whole[at].memory))
    assert [batch.first_of_shot for batch in rest] == [batch.first_of_shot for batch in whole[at + 1 :]]
    assert sum(sum(batch.first_of_shot) for batch in whole) == 3


@pytest.mark.parametrize("planes", [FULL, DEEP])
@pytest.mark.parametrize("size", [1, 4, 7])
def test_hard_cuts_are_found_where_they_are(planes, size):
    assert cuts(torch.cat([still(1, 9), pan(2, 12, 1), still(3, 6)]), size, planes) == [9, 21]


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_cut_within_the_first_frames_is_found(first):
    assert cuts(torch.cat([still(1, first), still(2, 10)])) == [first]


def test_a_cut_just_before_the_end_is_found():
    assert cuts(torch.cat([still(1, 10), still(2, 1)])) == [10]


@pytest.mark.parametrize("length", [1, 3])
def test_short_shots_that_do_not_return_are_shots(length):
    assert cuts(torch.cat([still(1, 10), still(2, length), still(3, 10)])) == [10, 10 + length]


def test_a_cut_between_dark_shots_is_found():
    assert cuts(0.15 * torch.cat([still(1, 8), still(2, 8)])) == [8]


def test_a_cut_between_pillarboxed_shots_is_found():
    film = torch.cat([still(1, 8), still(2, 8)])
    film[..., : WIDTH // 4] = film[..., -WIDTH // 4 :] = 0
    assert cuts(film) == [8]


@pytest.mark.parametrize("length", range(1, REACH))
@pytest.mark.parametrize("level", [0.3, 2.0])
def test_a_flash_is_no_cut(length, level):
    film = pan(1, 30, 1)
    film[12 : 12 + length] += level
    assert cuts(film) == []


def test_a_cut_right_after_a_flash_is_found():
    film = torch.cat([still(1, 12), still(2, 12)])
    film[9:12] += 0.15
    assert cuts(film) == [12]


@pytest.mark.parametrize("speed", [2, 8, 24, 64])
def test_a_pan_is_no_cut(speed):
    assert cuts(pan(1, 40, speed)) == []


def test_a_fade_out_is_no_cut():
    fade = torch.linspace(1, 0, 24).view(-1, 1, 1)
    assert cuts(torch.cat([still(1, 8), still(1, 24) * fade, torch.zeros(8, HEIGHT, WIDTH)])) == []


def test_what_rises_out_of_black_is_a_new_shot_once():
    rise = torch.linspace(0, 1, 24).view(-1, 1, 1)
    found = cuts(torch.cat([still(1, 24) * rise.flip(0), torch.zeros(8, HEIGHT, WIDTH), still(2, 24) * rise]))
    assert len(found) == 1 and 32 <= found[0] <= 35


def test_grain_is_no_cut():
    noise = 0.1 * torch.randn(40, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    assert cuts(still(1, 40) + noise) == []


def test_grain_in_a_dark_shot_is_no_cut():
    noise = 0.02 * torch.randn(40, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    assert cuts(0.1 * still(1, 40) + noise) == []


def test_flicker_of_old_film_is_no_cut():
    generator = torch.Generator().manual_seed(0)
    gain = 1 + 0.15 * torch.randn(60, 1, 1, generator=generator)
    assert cuts(pan(1, 60, 1) * gain + 0.03 * torch.randn(60, 1, 1, generator=generator)) == []


def test_black_film_has_one_shot():
    assert cuts(torch.zeros(20, HEIGHT, WIDTH)) == []


def test_batches_come_out_as_they_went_in():
    batches = list(in_batches(pan(1, 23, 2), 5))
    marked = list(mark_shots(batches, FULL))
    assert [batch.pts for batch in marked] == [batch.pts for batch in batches]
    assert all(out.luma is given.luma for out, given in zip(marked, batches, strict=True))


def test_no_batches_are_no_shots():
    assert list(mark_shots([], FULL)) == []


def test_looks_no_further_ahead_than_it_must():
    taken = []
    source = (taken.append(batch.pts[0]) or batch for batch in in_batches(still(1, 40), 1))
    for batch in mark_shots(source, FULL):
        assert taken[-1] - batch.pts[0] < REACH


def read_luma_planes(path: Path):
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            plane = frame.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
            yield FrameBatch(torch.from_numpy(rows[:, : plane.width].copy())[None, None], (frame.pts,), (1,))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("videos/street_bikes_cuts.mp4", [5, 51, 112]),
        ("videos/scifi_battle_cuts.mp4", [26, 89]),
        ("oldfilm/abomb_trucks_cuts.mp4", [44, 134]),
    ],
)
def test_real_films(shared, name, expected):
    planes = PlaneFormat(8, False, "709")
    flags = [batch.first_of_shot[0] for batch in mark_shots(read_luma_planes(shared / name), planes)]
    assert [i for i, flag in enumerate(flags) if flag] == [0, *expected]


@pytest.mark.parametrize("border", [0.0, 0.98, 1.0])
def test_a_cut_is_found_inside_a_border(border):
    """Bars, or clear film around the picture."""
    film = torch.full((24, HEIGHT, WIDTH), border)
    for seed in (1, 2):
        film[12 * seed - 12 : 12 * seed, 12:-12, 12:-12] = still(seed, 12)[:, 12:-12, 12:-12]
    assert cuts(film) == [12]
