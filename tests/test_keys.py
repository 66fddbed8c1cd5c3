"""Key frames: which are picked, and that colours carried between them are those the network would give."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from tests.clips import LOSSLESS
from tests.scenes import STORED, glide, photo, read_planes, write_film
from vidcolor.color import chroma_to_rgb, luma_of, rgb_to_lab
from vidcolor.colorizer import load_colorizer
from vidcolor.errors import ConfigError
from vidcolor.evaluate import EvalSettings, evaluate
from vidcolor.frames import FrameBatch
from vidcolor.keys import LONGEST, TRACED, mark_keys
from vidcolor.motion import follow_motion
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.smooth import Smoother

pytestmark = pytest.mark.openvino

ROOT = Path(__file__).parents[1]


def in_batches(guide, size=4, cuts=(0,)):
    for start in range(0, len(guide), size):
        numbers = tuple(range(start, min(start + size, len(guide))))
        picture = guide[start : start + size]
        flags = tuple(number in cuts for number in numbers)
        yield FrameBatch((picture * 255).byte(), numbers, numbers, flags, guide=picture)


def moving(*args):
    return follow_motion(in_batches(*args))


def keys(*args):
    return [number for batch in mark_keys(moving(*args)) for number in _of(batch)]


def _of(batch):
    return [number for number, is_key in zip(batch.pts, batch.is_key, strict=True) if is_key]


def still(count):
    return luma_of(photo("astronaut", 54, 96)[None]).repeat(count, 1, 1, 1)


def test_a_still_shot_has_one_in_so_many():
    assert keys(still(3 * LONGEST)) == [0, LONGEST, 2 * LONGEST]


def test_every_shot_begins_with_one():
    assert keys(still(6 + LONGEST), 4, (0, 3, 4)) == [0, 3, 4, 4 + LONGEST]


def test_what_is_new_asks_for_one():
    picture = still(6)
    picture[3:, :, :, :48] = picture[3:, :, :, :48].flip(3)
    assert keys(picture) == [0, 3]


@pytest.mark.parametrize("name", ["coffee", "astronaut"])
def test_what_only_moves_asks_for_none_until_much_of_it_has_left(name):
    found = keys(luma_of(glide(name, 24, 54, 96)))
    assert 2 <= len(found) <= 4 and all(later - earlier > 4 for earlier, later in pairwise(found))


def test_flicker_of_the_whole_picture_asks_for_none():
    lamp = 0.8 + 0.1 * torch.sin(torch.arange(7.0)).view(-1, 1, 1, 1)
    assert keys(0.5 + 0.1 * still(7) * lamp) == [0]


@pytest.mark.parametrize("size", [1, 3, 32])
def test_batches_may_be_split_anyhow(size):
    film = luma_of(glide("coffee", 24, 54, 96))
    assert keys(film, size) == keys(film)
    assert 1 < len(keys(film)) < 24


@pytest.mark.parametrize("at", [0, 2])
def test_goes_on_from_its_memory_as_if_nothing_had_happened(at):
    batches = list(moving(luma_of(glide("coffee", 24, 54, 96))))
    whole = [*mark_keys([*batches[:at], FrameBatch(**{**vars(batches[at]), "memory": {}}), *batches[at + 1 :]])]
    rest = mark_keys(batches[at + 1 :], whole[at].memory)
    assert [batch.is_key for batch in rest] == [batch.is_key for batch in whole[at + 1 :]]


def test_motion_and_shots_are_needed():
    with pytest.raises(ValueError, match="motion"):
        list(mark_keys([FrameBatch(torch.zeros(1, 1, 8, 8, dtype=torch.uint8), (0,), (1,))]))


def test_the_network_sees_only_key_frames():
    colorizer = load_colorizer("fusion", "cpu", work_size=96, runtime="torch", fast=True)
    seen = []
    encode = colorizer.network.encode
    colorizer.network.encode = lambda lightness: (seen.append(len(lightness)), encode(lightness))[1]
    colored = list(colorizer.stream(in_batches(still(3 * LONGEST)), STORED))
    assert sum(seen) == 3
    ab = torch.cat([batch.ab for batch in colored])
    assert torch.equal(ab[0], ab[LONGEST - 1]) and ab.abs().mean() > 1


def colored(tmp_path, pictures, fast):
    """Luma and ab (N, 2, Hc, Wc) as written."""
    source = write_film(tmp_path / "in.mkv", pictures)
    settings = RunSettings(encoding=LOSSLESS, overwrite=True)
    colorize_video(source, tmp_path / "out.mkv", load_colorizer("fusion", "cpu", fast=fast), settings)
    luma, chroma = read_planes(tmp_path / "out.mkv")
    light = torch.nn.functional.avg_pool2d((luma.float() - 16) / 219, 2)
    return rgb_to_lab(chroma_to_rgb(light, (chroma.float() - 128) / 224, "709").clamp(0, 1))[:, 1:]


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_the_colours_differ_little_from_those_of_every_frame(tmp_path, name):
    pictures = luma_of(torch.cat([glide(name, 30, 120, 160), photo("cat", 120, 160).repeat(10, 1, 1, 1)]))
    every, fast = (colored(tmp_path, pictures, fast) for fast in (False, True))
    assert (fast - every).norm(dim=1).mean() < 0.1 * every.norm(dim=1).mean()
    assert fast.norm(dim=1).mean() > 0.98 * every.norm(dim=1).mean()


def test_key_frames_need_the_temporal_filter(tmp_path):
    source = write_film(tmp_path / "in.mkv", still(2))
    colorizer = load_colorizer("fusion", "cpu", fast=True)
    with pytest.raises(ConfigError, match="--smooth"):
        colorize_video(source, tmp_path / "o.mkv", colorizer, RunSettings(smoother=Smoother(0)))
    with pytest.raises(ConfigError, match="--smooth"):
        evaluate([source], colorizer, EvalSettings(smoother=Smoother(0)))


def test_films_lose_little():
    """Of 19 films in colour: at most 0.1 dB and 2 % of the colourfulness, in the mean, with what is set today."""
    result = json.loads((ROOT / "benchmarks" / "results" / "key_frames.json").read_text("utf-8"))
    assert (result["traced"], result["longest"]) == (TRACED, LONGEST)
    assert len(result["films"]) == 19
    for name in ("psnr", "colorfulness"):
        mean = sum(film[name] for film in result["films"].values()) / 19
        assert mean == pytest.approx(result["mean"][name])
    assert result["mean"]["psnr"] >= -0.1
    assert result["mean"]["colorfulness"] >= 0.98
