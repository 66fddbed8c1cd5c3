"""Sizes, types, shots and memory: what `Colorizer` takes off everybody's hands."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from vidcolor import checkpoint
from vidcolor.checkpoint import new_meta
from vidcolor.color import luma_to_lightness, read_luma
from vidcolor.colorizer import GRID, Colorizer, load_colorizer
from vidcolor.context import ShotContext
from vidcolor.device import pick_device
from vidcolor.errors import ConfigError, DeviceError, UnknownModel
from vidcolor.frames import FrameBatch, PlaneFormat
from vidcolor.networks import build_network

CPU = torch.device("cpu")
PLANES = PlaneFormat(8, False, "709")


@pytest.fixture
def network():
    torch.manual_seed(0)
    built = build_network("fusion", {"palette_size": 8, "widths": [16, 16, 16]})
    built.learn_colors(torch.rand(500, 3))
    return built


@pytest.fixture
def colorizer(network):
    return Colorizer(network, new_meta("small", "fusion", network), CPU, work_size=64)


def film(count, height=90, width=160, cuts=(0,)):
    luma = torch.randint(16, 236, (count, 1, height, width), dtype=torch.uint8)
    return FrameBatch(luma, tuple(range(count)), (1,) * count, first_of_shot=tuple(i in cuts for i in range(count)))


@pytest.mark.parametrize("height, width", [(90, 160), (160, 90), (64, 64), (33, 201), (16, 16), (1, 7)])
def test_the_network_sees_the_aspect_at_any_size(colorizer, height, width):
    h, w = colorizer.working_size(height, width)
    assert h * w <= 64 * 64 * 1.05 or (h, w) == (height, width)
    assert (h, w) == (height, width) or abs(h / w - height / width) < 0.05 * height / width
    assert h <= height and w <= width
    (done,) = colorizer.stream([film(2, height, width)], PLANES)
    assert done.ab.shape == (2, 2, -(-h // GRID), -(-w // GRID)) and done.guide.shape[2:] == done.ab.shape[2:]
    assert done.ab.dtype == torch.float32


@pytest.mark.parametrize(
    "size, sides", [((90, 160), (64, 96)), ((64, 64), (64, 64)), ((33, 201), (32, 160)), ((1, 7), (32, 32))]
)
def test_the_network_is_given_the_multiples_nearest_to_the_working_size(colorizer, network, monkeypatch, size, sides):
    encode, seen = network.encode, []
    monkeypatch.setattr(network, "encode", lambda lightness: seen.append(lightness.shape) or encode(lightness))
    (done,) = colorizer.stream([film(2, *size)], PLANES)
    assert seen == [(2, 1, *sides)]
    assert done.ab.shape[2:] == done.guide.shape[2:]


def test_a_sample_of_the_right_size_goes_through_unchanged(colorizer, network):
    """Without resizing or padding, the Colorizer takes means over the grid and adds nothing else to the network."""
    batch = film(2, 64, 64, cuts=(0, 1))
    (done,) = colorizer.stream([batch], PLANES)
    lightness = luma_to_lightness(read_luma(batch.luma, PLANES)) / 50 - 1
    with torch.inference_mode():
        assert torch.allclose(done.ab, F.avg_pool2d(network.to_ab(network(lightness)), GRID), atol=1e-3)


def test_batches_may_be_split_anyhow(colorizer):
    whole = film(6, cuts=(0, 4))
    parts = [
        FrameBatch(whole.luma[s], whole.pts[s], whole.durations[s], whole.first_of_shot[s])
        for s in (slice(0, 1), slice(1, 5), slice(5, 6))
    ]
    (together,) = colorizer.stream([whole], PLANES)
    apart = torch.cat([done.ab for done in colorizer.stream(parts, PLANES)])
    assert torch.allclose(together.ab, apart, atol=0.01)


def test_the_context_is_the_mean_at_first_and_slow_later():
    vectors = torch.arange(1.0, 31).view(30, 1)
    averaged, after = ShotContext().follow(vectors, (True,) + (False,) * 29)
    assert averaged[:4].flatten().tolist() == pytest.approx([1, 1.5, 2, 2.5])
    assert averaged[20].item() == pytest.approx(averaged[19].item() * 0.9 + 21 * 0.1)
    assert after.frames == 30


def test_a_cut_starts_a_new_context():
    vectors = torch.tensor([[1.0], [1.0], [9.0], [9.0]])
    averaged, _ = ShotContext().follow(vectors, (True, False, True, False))
    assert averaged.flatten().tolist() == [1, 1, 9, 9]


def test_the_context_is_gone_on_with_and_makes_a_difference(colorizer):
    first, second = film(6), film(6, cuts=())
    whole = list(colorizer.stream([replace(first, memory={}), second], PLANES))
    (known,) = colorizer.stream([second], PLANES, whole[0].memory)
    (unknown,) = colorizer.stream([second], PLANES)
    assert torch.equal(known.ab, whole[1].ab)
    assert not torch.equal(unknown.ab, whole[1].ab)
    assert ShotContext.recall({}) == ShotContext()


def test_the_digest_is_that_of_weights_and_working_size(colorizer, network):
    digests = [colorizer.digest, Colorizer(network, colorizer.meta, CPU, work_size=96).digest]
    assert Colorizer(network, colorizer.meta, CPU, work_size=64).digest == digests[0]
    network.palette[0, 0] += 1
    assert len({*digests, colorizer.digest}) == 3


def test_out_of_memory_halves_the_batch_and_loses_no_frame(colorizer, network, monkeypatch):
    batch = film(7, 64, 64, cuts=(0, 3))
    (expected,) = colorizer.stream([batch], PLANES)
    encode, tried = network.encode, []

    def small_memory(lightness):
        tried.append(len(lightness))
        if len(lightness) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return encode(lightness)

    monkeypatch.setattr(network, "encode", small_memory)
    (done,) = colorizer.stream([batch], PLANES)
    assert max(tried) == 7
    assert torch.allclose(done.ab, expected.ab, atol=0.01)


def test_ten_bit_and_eight_bit_luma_give_the_same_color(colorizer):
    deep = PlaneFormat(10, False, "709")
    eight = film(1)
    ten = FrameBatch((eight.luma.int() * 4).to(torch.uint16), eight.pts, eight.durations, eight.first_of_shot)
    (one,), (other,) = colorizer.stream([eight], PLANES), colorizer.stream([ten], deep)
    assert torch.allclose(one.ab, other.ab, atol=0.01)


def test_key_frames_are_picked_out_of_ten_bit_luma(network):
    fast = Colorizer(network, new_meta("small", "fusion", network), CPU, work_size=64, fast=True)
    deep, eight = PlaneFormat(10, False, "709"), film(5, cuts=(0, 3))
    ten = replace(eight, luma=(eight.luma.int() * 4).to(torch.uint16))
    (one,), (other,) = fast.stream([eight], PLANES), fast.stream([ten], deep)
    assert one.is_key == other.is_key and one.is_key[3]
    assert torch.allclose(one.ab, other.ab, atol=0.01)


def colors_in_half_precision(network, monkeypatch):
    monkeypatch.setattr("vidcolor.colorizer.pick_dtype", lambda device, half_ok: torch.float16)
    return Colorizer(network, new_meta("small", "fusion", network), CPU, work_size=64)


def test_half_precision_gives_nearly_the_same_colors(colorizer, network, monkeypatch):
    batch = film(3, cuts=(0, 2))
    (expected,) = colorizer.stream([batch], PLANES)
    half = colors_in_half_precision(deepcopy(network), monkeypatch)
    assert (half.dtype, half.warnings) == (torch.float16, ())
    (done,) = half.stream([batch], PLANES)
    assert done.ab.dtype == torch.float32 and expected.ab.abs().max() > 1
    assert (done.ab - expected.ab).abs().max() < 0.5


def test_a_network_beyond_half_precision_stays_in_single(network, monkeypatch):
    with torch.no_grad():
        network.head.weight.mul_(1e5)
        network.head.bias.zero_()
    wide = colors_in_half_precision(network, monkeypatch)
    assert wide.dtype == torch.float32
    assert [warning for warning in wide.warnings if "half precision" in warning and "\n" not in warning]
    (done,) = wide.stream([film(1)], PLANES)
    assert done.ab.isfinite().all()


def test_load_by_path_and_refuse_what_is_not_there(tmp_path, network):
    path = tmp_path / "mine.safetensors"
    checkpoint.save(path, network, new_meta("mine", "fusion", network))
    assert load_colorizer(str(path), "cpu").meta.name == "mine"
    with pytest.raises(UnknownModel, match="nothing-like-it"):
        load_colorizer("nothing-like-it", "cpu")
    with pytest.raises(ConfigError, match="work size"):
        load_colorizer(str(path), "cpu", work_size=16)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA card")
@pytest.mark.parametrize("name", ["cuda", "cuda:3", "gpu", "xpu"])
def test_devices_that_are_not_there(name):
    with pytest.raises(DeviceError, match=name):
        pick_device(name)
    assert pick_device("auto").type in ("cpu", "mps")
