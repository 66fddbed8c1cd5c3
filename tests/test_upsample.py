"""Chroma along the edges of the luma, at fixed luma, in the planes' own range."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from vidcolor.color import ab_to_chroma, chroma_to_rgb, luma_of, read_chroma, read_luma, rgb_to_lab
from vidcolor.errors import ConfigError
from vidcolor.frames import FrameBatch, PlaneFormat
from vidcolor.upsample import Upsampler, guided_coefficients

FULL = PlaneFormat(8, True, "709", (0, 0))
FILM = PlaneFormat(8, False, "601", (1, 1))
DEEP = PlaneFormat(10, False, "709", (1, 0))


def batch(luma, ab, planes):
    guide = F.interpolate(read_luma(luma, planes), ab.shape[2:], mode="area")
    count = len(luma)
    return FrameBatch(luma, tuple(range(count)), (1,) * count, guide=guide, ab=ab)


def two_fields(height, width, left, right, planes):
    """Dark left, bright right: stored luma, and the ab that belongs to it at a quarter of the size."""
    top = 219 if not planes.full_range else 255
    luma = torch.full((1, 1, height, width), 0.3)
    luma[..., width // 2 :] = 0.7
    ab = torch.empty(1, 2, height // 4, width // 4)
    ab[..., : width // 8] = torch.tensor(left).view(1, 2, 1, 1)
    ab[..., width // 8 :] = torch.tensor(right).view(1, 2, 1, 1)
    low = 0 if planes.full_range else 16
    scale = 2 ** (planes.bit_depth - 8)
    return (luma * top * scale + low * scale).round().to(planes.dtype), ab


@pytest.mark.parametrize("planes", [FULL, FILM, DEEP])
def test_flat_color_arrives_exactly(planes):
    luma = torch.full((2, 1, 48, 80), 120 * 2 ** (planes.bit_depth - 8)).to(planes.dtype)
    ab = torch.tensor([20.0, -15.0]).view(1, 2, 1, 1).expand(2, 2, 12, 20).contiguous()
    (done,) = Upsampler(planes, planes).stream([batch(luma, ab, planes)])
    assert done.chroma.shape == (2, 2, *planes.chroma_size(48, 80))
    assert done.chroma.dtype == planes.dtype
    expected = ab_to_chroma(read_luma(luma[:1, :, :1, :1], planes), ab[:1, :, :1, :1], planes.matrix)
    step = 1 / (224 * 2 ** (planes.bit_depth - 8))
    assert (read_chroma(done.chroma, planes) - expected).abs().max() < 1.5 * step + 0.001
    assert done.luma is luma


def test_color_stops_at_an_edge_of_the_luma():
    """A sharp step in luma: four pixels from it, no more than a tenth of the other side's colour is left."""
    luma, ab = two_fields(64, 128, (40.0, 20.0), (-30.0, 10.0), FULL)
    soft = F.interpolate(F.avg_pool2d(ab, 4), ab.shape[2:], mode="bilinear")
    (done,) = Upsampler(FULL, FULL).stream([batch(luma, soft, FULL)])
    rgb = chroma_to_rgb(read_luma(luma, FULL), read_chroma(done.chroma, FULL), "709")
    a = rgb_to_lab(rgb.clamp(0, 1))[0, 1, 32]
    assert a[56:60].min() > 40 - 10
    assert a[68:72].max() < -30 + 10
    assert F.interpolate(soft, (64, 128), mode="bilinear")[0, 0, 32, 56:60].min() < 30


def test_the_picture_stays_in_gamut_at_the_same_luma():
    luma = torch.randint(0, 256, (1, 1, 32, 32), dtype=torch.uint8)
    ab = torch.randn(1, 2, 32, 32) * 80
    (done,) = Upsampler(FULL, FULL).stream([batch(luma, ab, FULL)])
    rgb = chroma_to_rgb(read_luma(luma, FULL), read_chroma(done.chroma, FULL), "709")
    assert rgb.min() > -0.02 and rgb.max() < 1.02
    assert torch.allclose(luma_of(rgb), read_luma(luma, FULL), atol=1e-4)


def test_saturation_scales_the_color():
    luma = torch.full((1, 1, 16, 16), 120, dtype=torch.uint8)
    ab = torch.tensor([10.0, 10.0]).view(1, 2, 1, 1).expand(1, 2, 16, 16).contiguous()
    grey, once, twice = (
        read_chroma(next(Upsampler(FULL, FULL, gain).stream([batch(luma, ab, FULL)])).chroma, FULL).abs().mean()
        for gain in (0, 1, 2)
    )
    assert grey < 0.003
    assert twice / once == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (37, 53)])
def test_odd_and_tiny_pictures(size):
    luma = torch.randint(16, 236, (1, 1, *size), dtype=torch.uint8)
    (done,) = Upsampler(FILM, FILM).stream([batch(luma, torch.randn(1, 2, *size), FILM)])
    assert done.chroma.shape[2:] == FILM.chroma_size(*size)


@pytest.mark.parametrize("height", [16, 15, 4])
def test_fields_have_chroma_lines_of_their_own(height):
    """A light field and a dark one: the chroma lines see them in turn, those of whole frames see their mean."""
    planes = PlaneFormat(8, True, "709")
    luma = torch.zeros((1, height, 12), dtype=torch.uint8)
    luma[:, 0::2] = 200
    apart = Upsampler(replace(planes, interlaced=True), planes)._shrink(luma)[0, 0]
    assert torch.allclose(apart[0::2], torch.tensor(200 / 255)) and not apart[1::2].any()
    if height % 2 == 0:
        mixed = Upsampler(planes, planes)._shrink(luma)
        assert torch.allclose(mixed, torch.tensor(100 / 255))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("size", [(16, 24), (15, 23), (2, 1)])
@pytest.mark.parametrize("across", [1, 2])
def test_luma_is_seen_where_the_chroma_lies(size, across, interlaced):
    """A ramp of luma is at every sample what it is at the column that the sample lies on."""
    planes = PlaneFormat(16, True, "709", (across, 1), interlaced)
    ramp = torch.arange(size[1]).mul(1000).add(4000).to(torch.uint16).view(1, 1, -1).repeat(1, size[0], 1)
    step = 1 << across
    between, sited = (
        (Upsampler(planes, replace(planes, left_sited=left))._shrink(ramp)[0, 0] * 65535 - 4000) / 1000
        for left in (False, True)
    )
    whole = size[1] // step
    columns = torch.arange(whole) * step
    assert torch.allclose(between[:, :whole], columns + (step - 1) / 2, atol=0.01)
    assert torch.allclose(sited[:, 1:whole], columns[1:].float(), atol=0.01)
    assert sited.shape == between.shape and (sited[:, :1] <= between[:, :1]).all()


def test_chroma_meets_the_edges_of_the_luma_in_a_film(tmp_path):
    """Decoded as players do, thin stripes are in colour where they are light: better than were it midway."""
    columns = torch.arange(96)
    light = ((columns // 5) % 2).float().mul(0.4).add(0.3)
    luma = (light * 219 + 16).round().to(torch.uint8).expand(1, 1, 64, 96).contiguous()
    ab = torch.stack((40 * light, -30 * light)).view(1, 2, 1, 96).expand(1, 2, 64, 96).contiguous()
    truth = ab_to_chroma(light.expand(1, 1, 64, 96), ab, "601")
    errors = []
    for left in (False, True):
        (done,) = Upsampler(FILM, replace(FILM, left_sited=left)).stream([batch(luma, ab, FILM)])
        sited = read_chroma(done.chroma, FILM)
        errors.append((sited - truth[..., ::2, ::2]).square().mean())
    assert errors[1] < errors[0] / 1.5


def test_coefficients_recover_a_linear_relation():
    guide = torch.rand(1, 1, 40, 40)
    ab = torch.cat((30 * guide - 5, -20 * guide + 8), dim=1)
    slope, offset = guided_coefficients(guide, ab, 4, 0.001)
    assert (slope * guide + offset - ab).abs().max() < 0.1


def test_wrong_saturation_is_refused():
    with pytest.raises(ConfigError, match="saturation"):
        Upsampler(FULL, FULL, saturation=-1)
