"""An archive of the palest photos, each so many times: a training run that is given it too sees them more often.

    python benchmarks/pale.py PHOTOS... --out FILE.tar [--share 0.15] [--times 2]

Sets of photos to train colorizers on leave out what is almost grey, and a model that never sees white rooms, roads and
concrete paints them. How pale a photo is, is its mean C*ab as `vidcolor train` judges it.
"""

import argparse
import io
import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from vidcolor.photos import Photo, find_photos
from vidcolor.screening import colors_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.15, help="of the photos")
    parser.add_argument("--times", type=int, default=2)
    options = parser.parse_args()
    found = palest(find_photos(options.photos), options.share)
    write_archive(found, options.times, options.out)
    print(f"{len(found)} photos, {options.times} times each: {options.out}")


def palest(photos: Sequence[Photo], share: float) -> list[Photo]:
    """That share of the photos, in their order."""
    with ThreadPoolExecutor(2) as pool:
        chroma = np.array(list(pool.map(mean_chroma, photos)))
    limit = np.nanquantile(chroma, share)
    return [photo for photo, value in zip(photos, chroma, strict=True) if value < limit]


def mean_chroma(photo: Photo) -> float:
    """NaN where it is no picture."""
    picture = photo.decode()
    return np.nan if picture is None else colors_of(picture).chroma


def write_archive(photos: Sequence[Photo], times: int, target: Path) -> None:
    with tarfile.open(target, "w") as archive:
        for number, photo in enumerate(photos):
            data = photo.read()
            for time in range(times):
                info = tarfile.TarInfo(f"{number}-{time}-{photo.name}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))


if __name__ == "__main__":
    main()
