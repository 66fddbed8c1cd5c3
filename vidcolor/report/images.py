"""Pictures inside the page, as data: URIs."""

from base64 import b64encode

import cv2
import numpy as np

from vidcolor.scores import Pixels

JPEG = [cv2.IMWRITE_JPEG_QUALITY, 88, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
"""Colour is what is looked at, so it keeps its full size."""
LONGEST_SIDE = 640


def photo_uri(pixels: Pixels) -> str:
    """A JPEG no larger than the page can show."""
    scale = LONGEST_SIDE / max(pixels.shape[:2])
    if scale < 1:
        pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return _uri("jpeg", pixels, JPEG)


def chart_uri(pixels: Pixels) -> str:
    """A PNG, every pixel as it is."""
    return _uri("png", pixels, [])


def _uri(kind: str, pixels: Pixels, options: list[int]) -> str:
    _, data = cv2.imencode(f".{kind}", np.ascontiguousarray(pixels[..., ::-1]), options)
    return f"data:image/{kind};base64,{b64encode(data.tobytes()).decode()}"
