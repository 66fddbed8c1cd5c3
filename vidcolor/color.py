"""Colour arithmetic: stored planes, luma and lightness, sRGB and CIE L*a*b*, chroma at a fixed luma.

White is D65; R′G′B′ are sRGB-encoded in 0..1. sRGB: IEC 61966-2-1. L*a*b*: CIE 15:2018.
Y′CbCr: ITU-R BT.601, BT.709, BT.2020 (luma coefficients), BT.2100 table 9 (quantisation).
"""

from functools import lru_cache

import torch
from torch import Tensor

from vidcolor.frames import PlaneFormat
from vidcolor.sampling import to_bytes

LUMA_WEIGHTS = {
    "601": (0.299, 0.587, 0.114),
    "709": (0.2126, 0.7152, 0.0722),
    "2020": (0.2627, 0.6780, 0.0593),
}
GREY_WEIGHTS = {
    "601": LUMA_WEIGHTS["601"],
    "709": LUMA_WEIGHTS["709"],
    "mean": (1 / 3, 1 / 3, 1 / 3),
    "report": (0.21, 0.72, 0.007),  # as course reports print it: 0.007 for 0.07, so that white is 0.937
}
GREYS = (*GREY_WEIGHTS, "lstar")
"""Ways to make a colour grey, for `grey_of`."""
RGB_TO_XYZ = (
    (0.4123907993, 0.3575843394, 0.1804807884),
    (0.2126390059, 0.7151686788, 0.0721923154),
    (0.0193308187, 0.1191947798, 0.9505321522),
)
WHITE = tuple(sum(row) for row in RGB_TO_XYZ)
DELTA = 6 / 29
HALVINGS = 14
"""Of the step in L*, in `ab_to_chroma`: the last is a thousandth."""
TABLE_LUMAS, TABLE_COLORS, TABLE_REACH = 48, 49, 110.0
"""Of `ChromaTable`: steps of Y′, steps of a* and b* each, and the ab units that these reach either way."""


def read_luma(luma: Tensor, planes: PlaneFormat) -> Tensor:
    """Stored luma (any shape, planes.dtype) -> Y′ in 0..1, float32. Foot- and headroom are cut off."""
    return read_luma_(luma.to(torch.float32, copy=True), planes)


def read_luma_(luma: Tensor, planes: PlaneFormat) -> Tensor:
    """`read_luma` in place, of float32."""
    low, span = _luma_levels(planes)
    return luma.sub_(low).div_(span).clamp_(0, 1)


def luma_level(brightness: float, planes: PlaneFormat) -> int:
    """The stored luma sample of Y′ in 0..1."""
    low, span = _luma_levels(planes)
    return round(low + brightness * span)


def store_chroma_(chroma: Tensor, planes: PlaneFormat) -> Tensor:
    """Cb, Cr in -0.5..0.5, float, used up -> stored samples, planes.dtype, rounded and clamped to the legal range."""
    middle, span = _chroma_levels(planes)
    if planes.bit_depth == 8 and chroma.device.type == "cpu":
        return to_bytes(chroma.clamp_(-0.5, 0.5), span, middle)
    highest = 2**planes.bit_depth - 1 if planes.full_range else middle + span // 2
    stored = chroma.mul_(span).add_(middle).round_().clamp_(0 if planes.full_range else middle - span // 2, highest)
    return stored.to(planes.dtype)


def read_chroma(chroma: Tensor, planes: PlaneFormat) -> Tensor:
    """Stored Cb, Cr -> -0.5..0.5, float32: the inverse of `store_chroma_` up to rounding."""
    middle, span = _chroma_levels(planes)
    return (chroma.float() - middle) / span


def luma_of(rgb: Tensor, matrix: str = "709") -> Tensor:
    """R′G′B′ (N, 3, H, W) -> Y′ (N, 1, H, W)."""
    return _weighted(rgb, LUMA_WEIGHTS[matrix])


def grey_of(rgb: Tensor, grey: str) -> Tensor:
    """R′G′B′ (N, 3, H, W) in 0..1 -> the grey R′ = G′ = B′ (N, 1, H, W) in 0..1 that it becomes by one of GREYS.

    "lstar" is the grey of the colour's own L*; the others weigh the encoded values and miss it where the colour is
    vivid. For "601" and "709" that is the luma of these matrices.
    """
    if grey == "lstar":
        return lightness_to_luma(rgb_to_lab(rgb)[:, :1])
    return _weighted(rgb, GREY_WEIGHTS[grey])


def luma_to_lightness(luma: Tensor) -> Tensor:
    """Y′ in 0..1, seen as the grey R′ = G′ = B′ = Y′ -> L* in 0..100, same shape."""
    return 116 * _lab_curve(_to_linear(luma)) - 16


def luma_to_input(luma: Tensor) -> Tensor:
    """Y′ in 0..1 -> its lightness as networks want it, L* / 50 - 1 in -1..1, same shape."""
    return luma_to_lightness(luma) / 50 - 1


def lightness_to_luma(lightness: Tensor) -> Tensor:
    """The inverse of `luma_to_lightness`: L* in 0..100 -> Y′ of the grey that has it, same shape."""
    return _to_encoded(_lab_curve_inverse((lightness + 16) / 116))


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """R′G′B′ (N, 3, H, W) in 0..1 -> L*a*b* (N, 3, H, W): L* 0..100, a* and b* about -110..110."""
    matrix = rgb.new_tensor(RGB_TO_XYZ) / rgb.new_tensor(WHITE).view(3, 1)
    x, y, z = _lab_curve(torch.einsum("ij,njhw->nihw", matrix, _to_linear(rgb))).unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """L*a*b* (N, 3, H, W) -> R′G′B′ (N, 3, H, W), not clamped: outside 0..1 where sRGB cannot show it."""
    lightness, a, b = lab.unbind(1)
    y = (lightness + 16) / 116
    xyz = _lab_curve_inverse(torch.stack((y + a / 500, y, y - b / 200), dim=1))
    matrix = torch.linalg.inv(lab.new_tensor(RGB_TO_XYZ)) * lab.new_tensor(WHITE)
    return _to_encoded(torch.einsum("ij,njhw->nihw", matrix, xyz))


def rgb_to_chroma(rgb: Tensor, matrix: str) -> Tensor:
    """R′G′B′ (N, 3, H, W) -> Cb, Cr (N, 2, H, W), each in -0.5..0.5 for colours inside the gamut."""
    red, _, blue = LUMA_WEIGHTS[matrix]
    luma = luma_of(rgb, matrix)
    return torch.cat(((rgb[:, 2:] - luma) / (2 - 2 * blue), (rgb[:, :1] - luma) / (2 - 2 * red)), dim=1)


def chroma_to_rgb(luma: Tensor, chroma: Tensor, matrix: str) -> Tensor:
    """Y′ (N, 1, H, W) in 0..1 and Cb, Cr (N, 2, H, W) -> R′G′B′ (N, 3, H, W), not clamped."""
    red, green, blue = LUMA_WEIGHTS[matrix]
    b = luma + (2 - 2 * blue) * chroma[:, :1]
    r = luma + (2 - 2 * red) * chroma[:, 1:]
    return torch.cat((r, (luma - red * r - blue * b) / green, b), dim=1)


def ab_to_chroma(luma: Tensor, ab: Tensor, matrix: str) -> Tensor:
    """The chroma that shows a*b* at exactly the given luma.

    luma (N, 1, H, W) in 0..1, ab (N, 2, H, W) -> Cb, Cr (N, 2, H, W). A coloured pixel and a grey one of the same L*
    differ in Y′, so L* is searched by bisection until the luma of the result is the luma given; what sRGB cannot show
    is then drawn towards grey along a straight line of constant luma.
    """
    lightness, step = torch.full_like(luma, 50.0), 25.0
    for _ in range(HALVINGS):
        too_dark = luma_of(lab_to_rgb(torch.cat((lightness, ab), dim=1)), matrix) < luma
        lightness = torch.where(too_dark, lightness + step, lightness - step)
        step /= 2
    chroma = rgb_to_chroma(lab_to_rgb(torch.cat((lightness, ab), dim=1)), matrix)
    return clamp_to_gamut_(luma, chroma, matrix)


def clamp_to_gamut_(luma: Tensor, chroma: Tensor, matrix: str) -> Tensor:
    """Scale Cb, Cr (N, 2, H, W) towards zero in place until R′G′B′ at this luma (N, 1, H, W) lies in 0..1."""
    red, green, blue = LUMA_WEIGHTS[matrix]
    b, r = chroma[:, :1] * (2 - 2 * blue), chroma[:, 1:] * (2 - 2 * red)
    g = (r * (-red / green)).sub_(b, alpha=blue / green)
    highest, lowest = torch.maximum(r, g), torch.minimum(r, g)
    torch.maximum(highest, b, out=highest).clamp_min_(1e-6)
    torch.minimum(lowest, b, out=lowest).neg_().clamp_min_(1e-6)
    above, below = torch.sub(1, luma, out=r).div_(highest), torch.div(luma, lowest, out=b)
    return chroma.mul_(torch.minimum(above, below, out=above).clamp_max_(1))


class ChromaTable:
    """`ab_to_chroma` as a table over (Y′, a*, b*), read by trilinear interpolation: many times faster on a CPU."""

    def __init__(self, matrix: str, device: torch.device):
        self._slices = _chroma_table(matrix).to(device)

    def __call__(self, luma: Tensor, ab: Tensor) -> Tensor:
        """luma (N, 1, H, W) in 0..1, ab (N, 2, H, W) float32 -> Cb, Cr (N, 2, H, W).

        The slices of equal Y′ lie one below the other as one picture, since torch reads a picture in half the time that
        a volume takes.
        """
        level = luma * (TABLE_LUMAS - 1)
        below = level.floor().clamp_(0, TABLE_LUMAS - 2)
        place = (ab / TABLE_REACH).clamp_(-1, 1)
        a, b = place[:, :1], place[:, 1:]
        row = below * TABLE_COLORS + (a + 1) * ((TABLE_COLORS - 1) / 2)
        return torch.lerp(self._read(row, b), self._read(row + TABLE_COLORS, b), level - below)

    def _read(self, row: Tensor, b: Tensor) -> Tensor:
        """Rows of the picture and b in -1..1, both (N, 1, H, W) -> Cb, Cr (N, 2, H, W)."""
        place = torch.cat((b, row * (2 / (self._slices.shape[2] - 1)) - 1), dim=1).permute(0, 2, 3, 1)
        return torch.nn.functional.grid_sample(self._slices.expand(len(b), -1, -1, -1), place, align_corners=True)


@lru_cache(maxsize=4)
def _chroma_table(matrix: str) -> Tensor:
    luma, axis = torch.linspace(0, 1, TABLE_LUMAS), torch.linspace(-TABLE_REACH, TABLE_REACH, TABLE_COLORS)
    y, a, b = torch.meshgrid(luma, axis, axis, indexing="ij")
    chroma = ab_to_chroma(y.unsqueeze(1), torch.stack((a, b), dim=1), matrix)
    return chroma.transpose(0, 1).reshape(1, 2, TABLE_LUMAS * TABLE_COLORS, TABLE_COLORS)


def _luma_levels(planes: PlaneFormat) -> tuple[int, int]:
    """The level of black, and how many levels lie between black and white."""
    scale = 2 ** (planes.bit_depth - 8)
    return (0, 2**planes.bit_depth - 1) if planes.full_range else (16 * scale, 219 * scale)


def _chroma_levels(planes: PlaneFormat) -> tuple[int, int]:
    """The level of grey, and how many levels lie between -0.5 and 0.5."""
    return planes.neutral, (2**planes.bit_depth - 1 if planes.full_range else 224 * 2 ** (planes.bit_depth - 8))


def _weighted(rgb: Tensor, weights: tuple[float, float, float]) -> Tensor:
    return (rgb * rgb.new_tensor(weights).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _to_linear(encoded: Tensor) -> Tensor:
    return torch.where(encoded > 0.04045, ((encoded.clamp_min(0.04045) + 0.055) / 1.055).pow(2.4), encoded / 12.92)


def _to_encoded(linear: Tensor) -> Tensor:
    bright = 1.055 * linear.clamp_min(0.0031308).pow(1 / 2.4) - 0.055
    return torch.where(linear > 0.0031308, bright, linear * 12.92)


def _lab_curve(value: Tensor) -> Tensor:
    return torch.where(value > DELTA**3, value.clamp_min(DELTA**3).pow(1 / 3), value / (3 * DELTA**2) + 4 / 29)


def _lab_curve_inverse(value: Tensor) -> Tensor:
    return torch.where(value > DELTA, value**3, 3 * DELTA**2 * (value - 4 / 29))
