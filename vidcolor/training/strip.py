"""One PNG that shows how a network learned: the same pictures, check after check."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from vidcolor.files import write_bytes
from vidcolor.photos import Picture

SIDE, PICTURES, HEADER = 128, 6, 24


def lay_side_by_side(sheets: Mapping[int, Path], word: str, path: Path) -> None:
    """Sheets of `draw_sheet` by number -> one column each, headed "`word` number", between grey and truth."""
    read = {number: cv2.imread(str(sheet)) for number, sheet in sheets.items()}
    rows = {number: np.split(np.asarray(sheet, np.uint8), 3) for number, sheet in read.items() if sheet is not None}
    if not rows:
        return
    last = list(rows.values())[-1]
    columns = [_column("grey", last[0])]
    columns += [_column(f"{word} {number}", colored) for number, (_, colored, _) in rows.items()]
    columns.append(_column("truth", last[2]))
    write_png(path, np.concatenate(columns, axis=1))


def write_png(path: Path, picture: Picture) -> None:
    """(H, W, 3) uint8 B′G′R′. Raises OutputError."""
    _, data = cv2.imencode(".png", picture)
    write_bytes(path, data.tobytes())


def _column(title: str, row: Picture) -> Picture:
    side = row.shape[0]
    pictures = [row[:, left : left + side] for left in range(0, row.shape[1], side)][:PICTURES]
    header = np.full((HEADER, SIDE, 3), 255, np.uint8)
    cv2.putText(header, title, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    small = [cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.asarray(np.concatenate([header, *small]), np.uint8)
