"""Optical flow: how far each pixel of a picture lies from its place in another."""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS, STEPS, WINDOW = 4, 4, 9
"""Of Lucas-Kanade: halvings of the picture, steps at each size, side of the window in pixels."""
RIDGE = 1e-4
"""Added to the gradients' energy, so that nothing moves where there is nothing to see."""
LEAST_SIDE = 32
"""Smaller pictures do not move: OpenCV's flow may crash on them."""


def find_flow(luma: Tensor, other: Tensor) -> Tensor:
    """N pairs of pictures (N, 1, h, w) of Y′ in 0..1 -> flow (N, 2, h, w): right and down, in pixels of `other`.

    On a CPU by OpenCV, one pair after the other; elsewhere in torch, all pairs at once.
    """
    if min(luma.shape[2:]) < LEAST_SIDE:
        return luma.new_zeros(len(luma), 2, *luma.shape[2:])
    return search(luma, other) if luma.device.type == "cpu" else lucas_kanade(luma, other)


def search(luma: Tensor, other: Tensor) -> Tensor:
    """Dense inverse search: Kroeger et al., arXiv:1603.03590."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    pairs = zip(*((picture[:, 0] * 255).byte().numpy() for picture in (luma, other)), strict=True)
    flows = [finder.calc(one, two, np.zeros((*one.shape, 2), np.float32)) for one, two in pairs]
    return torch.from_numpy(np.stack(flows)).permute(0, 3, 1, 2)


def lucas_kanade(luma: Tensor, other: Tensor) -> Tensor:
    """Pyramidal, dense and inverse compositional: Baker and Matthews 2004 (Lucas-Kanade 20 years on, part 1)."""
    flow = luma.new_zeros(len(luma), 2, *(max(1, side >> LEVELS) for side in luma.shape[2:]))
    for level in reversed(range(LEVELS)):
        one, two = (F.avg_pool2d(picture, 2**level) for picture in (luma, other))
        flow = 2 * F.interpolate(flow, one.shape[2:], mode="bilinear")
        flow = _refine(one, two, flow)
    return flow


def sampling_grid(flow: Tensor) -> Tensor:
    """flow (N, 2, h, w) -> the places it points at as `grid_sample` wants them, (N, h, w, 2) in -1..1."""
    height, width = flow.shape[2:]
    y, x = (torch.linspace(-1, 1, side, device=flow.device) for side in (height, width))
    here = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    pixel = torch.stack([torch.full_like(here[..., 0], 2 / max(1, side - 1)) for side in (width, height)], dim=-1)
    return torch.addcmul(here, flow.permute(0, 2, 3, 1), pixel)


def _refine(luma: Tensor, other: Tensor, flow: Tensor) -> Tensor:
    """`STEPS` Gauss-Newton steps, of a pixel at most, towards the least squared difference in each window.

    A window cannot tell neighbours that err in opposite directions, so after each step they agree on their mean.
    """
    across, down = _gradients(luma)
    xx, xy, yy = _window(across * across) + RIDGE, _window(across * down), _window(down * down) + RIDGE
    for _ in range(STEPS):
        error = F.grid_sample(other, sampling_grid(flow), padding_mode="border", align_corners=True) - luma
        error = error - error.flatten(1).median(dim=1).values.view(-1, 1, 1, 1)
        x, y = _window(across * error), _window(down * error)
        step = torch.cat((xy * y - yy * x, xy * x - xx * y), dim=1) / (xx * yy - xy * xy)
        flow = _window(flow + step.clamp(-1, 1))
    return flow


def _gradients(luma: Tensor) -> tuple[Tensor, Tensor]:
    padded = F.pad(luma, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    return across, (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2


def _window(planes: Tensor) -> Tensor:
    return F.avg_pool2d(planes, WINDOW, 1, WINDOW // 2, count_include_pad=False)
