"""Colours that somebody has set right come back wherever the film shows the same things, and nowhere else."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from tests.clips import LOSSLESS, make_film
from tests.models import PLAIN, make_model
from tests.scenes import STORED, glide, photo, write_film
from vidcolor import checkpoint
from vidcolor.cli import main
from vidcolor.color import lab_to_rgb, luma_of, rgb_to_lab
from vidcolor.colorizer import load_colorizer
from vidcolor.errors import ConfigError, InputError
from vidcolor.frames import FrameBatch
from vidcolor.networks import build_network
from vidcolor.originals import to_pixels
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.references import from_quarters, read_reference, to_quarters
from vidcolor.sampling import shrink
from vidcolor.shots import mark_shots
from vidcolor.turn import Turn

pytestmark = pytest.mark.openvino

ROOT = Path(__file__).parents[1]
HEIGHT, WIDTH = 192, 256


@pytest.fixture(scope="module")
def colorizer():
    return load_colorizer("fusion", "cpu")


@pytest.fixture
def save(tmp_path):
    """R′G′B′ (3, H, W) as a picture."""

    def write(rgb, name="reference.png", **how):
        Image.fromarray(to_pixels(rgb.clamp(0, 1))).save(tmp_path / name, **how)
        return tmp_path / name

    return write


def colored(colorizer, pictures):
    """ab (N, 2, h, w) of pictures (N, 3, H, W) made grey, as one film."""
    luma = (luma_of(pictures) * 219 + 16).round().byte()
    film = FrameBatch(luma, tuple(range(len(luma))), (1,) * len(luma))
    return torch.cat([batch.ab for batch in colorizer.stream(mark_shots([film], STORED), STORED)])


def true_ab(pictures, like):
    return rgb_to_lab(shrink(pictures.contiguous(), tuple(like.shape[2:])))[:, 1:]


def error(ab, pictures):
    return float((ab - true_ab(pictures, ab)).square().mean())


@pytest.mark.parametrize("name", ["astronaut", "coffee", "cat"])
def test_one_frame_in_its_colours_brings_the_others_close_to_theirs(save, colorizer, name):
    film = glide(name, 12, HEIGHT, WIDTH)[[0, 6, 11]]
    plain = colored(colorizer, film)
    after = colored(colorizer.with_references([save(film[0])]), film)
    assert error(after[1:], film[1:]) < 0.2 * error(plain[1:], film[1:])


def test_key_frames_follow_as_well(save):
    film = glide("coffee", 2, HEIGHT, WIDTH)
    fast = load_colorizer("fusion", "cpu", fast=True)
    after = colored(fast.with_references([save(film[0])]), film)
    assert error(after, film) < 0.2 * error(colored(fast, film), film)


def test_a_snapshot_of_another_size_and_coding_will_do(save, colorizer):
    film = glide("coffee", 2, HEIGHT, WIDTH)
    larger = torch.nn.functional.interpolate(film[:1], scale_factor=2, mode="bicubic")[0]
    after = colored(colorizer.with_references([save(larger, "larger.jpg", quality=85)]), film)
    assert error(after, film) < 0.25 * error(colored(colorizer, film), film)


@pytest.mark.parametrize("name", ["coffee", "cat", "rocket"])
def test_a_film_of_something_else_keeps_its_colours(save, colorizer, name):
    film = glide(name, 1, HEIGHT, WIDTH)
    stranger = colorizer.with_references([save(photo("astronaut", HEIGHT, WIDTH))])
    assert (colored(stranger, film) - colored(colorizer, film)).abs().max() < 0.01


def painted(rgb, ab, rows, columns):
    """A place of a picture (3, H, W) in another colour, and as light as before."""
    lab = rgb_to_lab(rgb[None])
    lab[:, 1:, rows, columns] = torch.tensor(ab).view(1, 2, 1, 1)
    return lab_to_rgb(lab)[0]


PLACE = slice(120, 192), slice(70, 170)
"""Rows and columns."""


def in_place(ab):
    """What ab (N, 2, h, w) has there, away from the edge."""
    scale = ab.shape[2] / HEIGHT
    rows, columns = (slice(round(one.start * scale) + 6, round(one.stop * scale) - 6) for one in PLACE)
    return ab[:, :, rows, columns]


def test_what_is_painted_on_a_grey_frame_changes_alone(save, colorizer):
    film = photo("astronaut", HEIGHT, WIDTH)[None]
    grey = luma_of(film[:1])[0].repeat(3, 1, 1)
    plain = colored(colorizer, film)
    after = colored(colorizer.with_references([save(painted(grey, (-30.0, 30.0), *PLACE))]), film)
    assert in_place(after).mean(dim=(0, 2, 3)).tolist() == pytest.approx([-30, 30], abs=6)
    above = slice(0, plain.shape[2] // 2)
    assert (after - plain)[:, :, above].norm(dim=1).mean() < 1.5


def test_a_colour_can_be_taken_away(save, colorizer):
    film = photo("cat", HEIGHT, WIDTH)[None]
    plain = colored(colorizer, film)
    small = torch.nn.functional.interpolate(plain[:1], film.shape[2:], mode="bilinear")
    own = lab_to_rgb(torch.cat((rgb_to_lab(film[:1])[:, :1], small), dim=1))[0]
    after = colored(colorizer.with_references([save(painted(own, (0.0, 0.0), *PLACE))]), film)
    plain_chroma, chroma = (in_place(ab).norm(dim=1).mean() for ab in (plain, after))
    assert plain_chroma > 12 and chroma < 4


def test_of_several_references_every_scene_follows_its_own(save, colorizer):
    films = [glide(name, 1, HEIGHT, WIDTH) for name in ("astronaut", "coffee")]
    files = [save(film[0], f"{number}.png") for number, film in enumerate(films)]
    for film, file in zip(films, files, strict=True):
        own = colored(colorizer.with_references([file]), film)
        both = colored(colorizer.with_references(files), film)
        assert torch.allclose(own, both, atol=0.1)
        assert torch.allclose(both, colored(colorizer.with_references(files[::-1]), film), atol=0.01)


def test_without_references_everything_is_as_before(save, colorizer):
    film = glide("coffee", 2, HEIGHT, WIDTH)
    before = colored(colorizer, film)
    other = colorizer.with_references([save(film[0])])
    assert not torch.equal(colored(other, film), before)
    assert torch.equal(colored(colorizer, film), before)
    assert torch.equal(colored(other.with_references([]), film), before)


def test_a_picture_on_its_side_is_turned(save):
    rgb = photo("coffee", 60, 80)
    exif = Image.Exif()
    exif[274] = 6
    turned = save(rgb.mT.flip(-2), "turned.png", exif=exif)
    assert torch.equal(read_reference(turned), read_reference(save(rgb)))


def test_of_a_film_that_is_stored_on_its_side_or_squeezed_a_reference_is_as_it_is_shown(save, colorizer):
    shown, turn = photo("coffee", HEIGHT, WIDTH)[None], Turn(swapped=True, mirrored=True)
    after = colorizer.with_references([save(shown[0])])
    for pixel_aspect in (Fraction(1), Fraction(64, 45)):
        film = torch.nn.functional.interpolate(turn.stored(shown), (WIDTH, round(HEIGHT / pixel_aspect)), mode="area")
        suited = after.suited_to(turn, pixel_aspect)
        assert error(colored(suited, film), film) < 0.1 * error(colored(colorizer, film), film)


def test_quarters_come_together_again():
    planes = torch.arange(2 * 6 * 4).float().view(1, 2, 6, 4)
    quarters = to_quarters(planes)
    assert quarters.shape == (6, 4, 2)
    assert quarters[3, :, 0].tolist() == [10, 11, 14, 15]
    assert torch.equal(from_quarters(quarters, (6, 4)), planes)


def test_a_gain_that_is_to_come_leaves_references_as_they_are(save, colorizer):
    film = photo("coffee", HEIGHT, WIDTH)[None]
    after = colorizer.with_references([save(film[0])])
    gained = 2 * colored(after.suited_to(saturation=2), film)
    assert error(gained, film) < 1.1 * error(colored(after, film), film)
    assert torch.equal(colored(after.suited_to(saturation=0), film), colored(after, film))


def test_what_is_no_picture_is_refused_in_a_line(tmp_path, colorizer):
    with pytest.raises(InputError, match=r"film\.mp4: a reference is a picture"):
        colorizer.with_references([make_film(tmp_path / "film.mp4")])
    with pytest.raises(InputError, match=r"nowhere\.png"):
        colorizer.with_references([tmp_path / "nowhere.png"])


@pytest.mark.parametrize("arch", ["cnn", "kmeans"])
def test_a_network_that_tells_nothing_apart_is_refused(tmp_path, save, arch):
    network = build_network(arch, {})
    checkpoint.save(tmp_path / "plain.safetensors", network, checkpoint.new_meta("plain", arch, network))
    with pytest.raises(ConfigError, match=f"plain: .*{arch} cannot follow references"):
        load_colorizer(str(tmp_path / "plain.safetensors"), references=[save(photo("coffee", 64, 64))])


def test_a_run_goes_on_only_with_the_same_references(tmp_path, save):
    source, target = write_film(tmp_path / "in.mkv", luma_of(glide("coffee", 4, 64, 96))), tmp_path / "out.mkv"
    plain = load_colorizer(str(make_model(tmp_path / "tiny.safetensors")), "cpu", 64)
    settings = RunSettings(encoding=LOSSLESS, resume=True)
    with pytest.raises(RuntimeError, match="pulled"):
        colorize_video(source, target, plain, settings, pull)
    with pytest.raises(ConfigError, match=r"references was nothing and is \w{12}…"):
        colorize_video(source, target, plain.with_references([save(photo("coffee", 64, 96))]), settings)


def pull(done, expected):
    raise RuntimeError("pulled")


def test_references_that_are_like_nothing_are_named(save, colorizer):
    film = glide("coffee", 2, HEIGHT, WIDTH)
    own, stranger = save(film[0], "own.png"), save(photo("astronaut", HEIGHT, WIDTH), "stranger.png")
    after = colorizer.with_references([stranger, own]).suited_to()
    colored(after, film)
    assert after.references.unused == (str(stranger),)
    colored(after, photo("cat", HEIGHT, WIDTH)[None])
    assert after.references.unused == (str(stranger), str(own))


def test_a_film_that_goes_on_knows_which_were_of_use_before(save, colorizer):
    after = colorizer.with_references([save(photo("coffee", HEIGHT, WIDTH))]).suited_to()
    coffee, cat = (
        FrameBatch((luma_of(photo(name, HEIGHT, WIDTH)[None]) * 219 + 16).byte(), (0,), (1,), memory={})
        for name in ("coffee", "cat")
    )
    (done,) = after.stream(mark_shots([coffee], STORED), STORED)
    list(after.stream(mark_shots([cat], STORED), STORED, done.memory))
    assert after.references.unused == ()
    list(after.stream(mark_shots([cat], STORED), STORED))
    assert len(after.references.unused) == 1


def test_run_and_preview_say_which_were_of_no_use(tmp_path, save):
    source = write_film(tmp_path / "in.mkv", luma_of(glide("coffee", 2, HEIGHT, WIDTH)))
    stranger = save(photo("astronaut", HEIGHT, WIDTH))
    for command, name, where in (("run", "out.mkv", "the film"), ("preview", "out.png", "these moments")):
        done = CliRunner().invoke(main, [command, str(source), str(tmp_path / name), "--reference", str(stranger)])
        assert done.exit_code == 0, done.output
        assert f"Warning: {stranger}: nothing in {where} is like it" in done.stderr


def test_run_and_preview_take_them(tmp_path, save):
    film = glide("coffee", 4, 96, 128)
    source, reference = write_film(tmp_path / "in.mkv", luma_of(film)), save(film[0].flip(0))
    model = ["--model", str(make_model(tmp_path / "tiny.safetensors")), *PLAIN]
    outputs = {}
    for command, name in (("run", "out.mkv"), ("preview", "out.png")):
        for given in ([], ["--reference", str(reference)]):
            target = tmp_path / f"{len(given)}{name}"
            done = CliRunner().invoke(main, [command, str(source), str(target), *model, *given])
            assert done.exit_code == 0, done.output
            outputs[command, len(given)] = np.frombuffer(target.read_bytes(), np.uint8)
        assert not np.array_equal(outputs[command, 0], outputs[command, 2])


def test_films_in_colour_gain_much_by_their_own_frame_and_lose_nothing_by_anothers():
    """With what is set today, of 19 films."""
    result = json.loads((ROOT / "benchmarks" / "results" / "references.json").read_text("utf-8"))
    films = result["films"].values()
    assert len(films) == 19
    for name in ("own", "other"):
        assert sum(film[name] for film in films) / 19 == pytest.approx(result["mean"][name])
    assert min(film["own"] for film in films) > 1
    assert f"brought the whole {result['mean']['own']:.1f} dB of\nPSNR" in (ROOT / "README.md").read_text("utf-8")
    assert min(film["other"] for film in films) > -0.1
