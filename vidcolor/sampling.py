"""Smaller, larger, blurred: by OpenCV on a CPU, where it is many times faster than torch, and in torch elsewhere."""

from collections.abc import Callable
from typing import Any

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

NEIGHBOURHOOD = 5
"""Side, in pixels, of what is judged together."""


def shrink(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, C, H, W) of any type -> means over areas, (N, C, *size) float32 in the same units.

    What is stored as integers is halved as such first, rounded to half a level: that is where the time would go.
    """
    if planes.device.type != "cpu":
        return torch.cat([F.interpolate(one.float().contiguous(), size, mode="area") for one in torch.split(planes, 1)])
    return _each(planes, size, _area)


def enlarge(planes: Tensor, like: Tensor) -> Tensor:
    """(N, C, h, w) float32 -> (N, C, H, W) of the height and width of `like`, bilinear, pixels as areas."""
    size = (like.shape[2], like.shape[3])
    if planes.device.type != "cpu":
        return F.interpolate(planes, size, mode="bilinear", align_corners=False)
    return _each(planes, size, lambda plane, into: cv2.resize(plane, size[::-1], into, interpolation=cv2.INTER_LINEAR))


def box(planes: Tensor, radius: int) -> Tensor:
    """(N, C, h, w) float32 -> means over windows of 2 * radius + 1 pixels a side, the edge repeated."""
    side = 2 * radius + 1
    if planes.device.type != "cpu":
        padded = F.pad(planes, (radius,) * 4, mode="replicate")
        return F.avg_pool2d(F.avg_pool2d(padded, (1, side), 1), (side, 1), 1)
    return _each(
        planes,
        (planes.shape[2], planes.shape[3]),
        lambda plane, into: cv2.boxFilter(plane, -1, (side, side), into, borderType=cv2.BORDER_REPLICATE),
    )


def to_cells(planes: Tensor) -> Tensor:
    """(N, C, h, w) -> means over cells of NEIGHBOURHOOD² pixels."""
    return F.avg_pool2d(planes, NEIGHBOURHOOD, ceil_mode=True)


def to_bytes(planes: Tensor, gain: float, offset: float) -> Tensor:
    """float32 of any shape, on a CPU -> gain * planes + offset, which must not be negative, rounded to uint8."""
    flat = planes.contiguous().view(-1, planes.shape[-1] if planes.ndim else 1)
    return torch.from_numpy(cv2.convertScaleAbs(flat.numpy(), alpha=gain, beta=offset)).view(planes.shape)


def _each(planes: Tensor, size: tuple[int, int], change: Callable[[Any, Any], Any]) -> Tensor:
    """Every plane of (N, C, ., .) changed into one of (N, C, *size) float32."""
    changed = planes.new_empty((*planes.shape[:2], *size), dtype=torch.float32)
    for plane, into in zip(planes.flatten(0, 1).numpy(), changed.flatten(0, 1).numpy(), strict=True):
        change(plane, into)
    return changed


def _area(plane: Any, into: Any) -> None:
    height, width = into.shape
    while plane.dtype.kind == "u" and _halves(plane.shape[0], height) and _halves(plane.shape[1], width):
        plane = cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)
    if plane.shape == into.shape:
        into[:] = plane
    else:
        cv2.resize(plane.astype("float32"), (width, height), into, interpolation=cv2.INTER_AREA)


def _halves(side: int, wanted: int) -> bool:
    return side % 2 == 0 and side >= 2 * wanted
