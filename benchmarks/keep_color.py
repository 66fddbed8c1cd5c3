"""How often `--keep-color auto` tells shots in colour from grey and toned ones: counts of right and wrong decisions.

    python benchmarks/keep_color.py --color FILMS... --grey FILMS_AND_PHOTOS... [--photos ARCHIVE] [--json FILE]

The films of `--color` must be kept as they are, and coloured once they are made grey, tinted, toned, unevenly tinted or
noisy in their chroma, each encoded with x264 at crf 28; what `--grey` names must be coloured. Two films are joined of
colour, grey and tinted shots; a joint that is not found counts as wrong. Photos, as they are and made sepia, count as
shots of one frame. No network runs: only the source's chroma decides.
"""

import argparse
import io
import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vidcolor.environment import describe_environment
from vidcolor.keeper import Keeper
from vidcolor.photos import find_photos
from vidcolor.shots import mark_shots
from vidcolor.video import is_still, open_reader

Picture = NDArray[np.float64]
"""(H, W, 3) R′G′B′ in 0..255."""

LINES = 270
"""Height of the films made here."""
FRAMES = 12
"""Of a film that is made of another, or of a shot in a joined one."""
SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
LUMA = np.array([0.2126, 0.7152, 0.0722])


def tinted(*color: float) -> Callable[[Picture], Picture]:
    return lambda grey: grey * np.array(color)


def unevenly_tinted(grey: Picture) -> Picture:
    """A tint that has faded at the sides."""
    height, width = grey.shape[:2]
    y, x = np.mgrid[:height, :width]
    share = 1 - 0.6 * np.hypot(y / height - 0.5, x / width - 0.5)[..., None]
    return grey * (np.array([1, 0.8, 0.5]) * share + np.array([1, 0.95, 0.85]) * (1 - share))


def noisy(grey: Picture) -> Picture:
    """Blotches as tape leaves them."""
    height, width = grey.shape[:2]
    blotches = np.random.default_rng(0).normal(0, 6, (height // 4, width // 4, 3))
    noise = cv2.resize(blotches, (width, height))
    return grey + noise - (noise @ LUMA)[..., None]


TONES: dict[str, Callable[[Picture], Picture]] = {
    "grey": lambda grey: grey,
    "sepia": lambda grey: grey @ SEPIA.T,
    "cyanotype": lambda grey: 255 * (grey / 255) ** np.array([1.6, 1.0, 0.75]),
    "amber tint": tinted(1, 0.8, 0.5),
    "red tint": tinted(1, 0.35, 0.25),
    "night blue tint": tinted(0.35, 0.5, 1),
    "green tint": tinted(0.6, 1, 0.55),
    "two tones": lambda grey: np.array([30, 20, 90]) + grey * np.array([0.86, 0.78, 0.24]),
    "warm cast": lambda grey: grey + np.array([12, 2, -8]),
    "uneven tint": unevenly_tinted,
    "chroma noise": noisy,
}


def decide(path: Path) -> dict[int, bool]:
    """First frame of every shot, of a picture 0 -> whether it keeps its colours."""
    with open_reader(path) as reader:
        keeper = Keeper(reader.info.planes, reader.info.time_base, looks=True)
        marked = keeper.mark(mark_shots(reader.batches(8, own_chroma=True), reader.info.planes))
        flags = itertools.chain(*(zip(batch.first_of_shot, batch.in_color, strict=True) for batch in marked))
        return {frame: in_color for frame, (is_first, in_color) in enumerate(flags) if is_first}


def read_pictures(film: Path, width: int | None = None) -> list[Picture]:
    """The first FRAMES frames, LINES high."""
    with open_reader(film) as reader:
        frames = [frame for frame, _, _ in itertools.islice(reader.frames(), FRAMES)]
    width = width or round(frames[0].width * LINES / frames[0].height / 2) * 2
    return [frame.reformat(width, LINES, "rgb24").to_ndarray().astype(np.float64) for frame in frames]


def make_grey(pictures: Sequence[Picture]) -> list[Picture]:
    return [np.repeat((picture @ LUMA)[..., None], 3, axis=-1) for picture in pictures]


def encode(path: Path, pictures: Sequence[Picture]) -> Path:
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", 25, {"crf": "28", "preset": "veryfast"}, width=width, height=height)
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.rint(picture).clip(0, 255).astype(np.uint8), "rgb24")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def toned_films(films: Sequence[Path], folder: Path) -> Iterator[tuple[str, Path, list[bool]]]:
    """(tone, film, what is expected of every FRAMES frames)."""
    for film in films:
        greys = make_grey(read_pictures(film))
        for tone, apply in TONES.items():
            path = encode(folder / f"{film.stem} {tone}.mp4", [apply(grey) for grey in greys])
            yield f"made {tone}", path, [False]


def joined_films(films: Sequence[Path], folder: Path) -> Iterator[tuple[str, Path, list[bool]]]:
    """Shots in colour, each followed by one that is grey, and by one that is tinted."""
    for name, apply in (("grey", TONES["grey"]), ("night blue tint", TONES["night blue tint"])):
        pictures: list[Picture] = []
        for film, other in zip(films[::2], films[1::2], strict=False):
            pictures += read_pictures(film, 480)
            pictures += [apply(grey) for grey in make_grey(read_pictures(other, 480))]
        pairs = len(pictures) // (2 * FRAMES)
        yield f"joined of colour and {name}", encode(folder / f"joined {name}.mp4", pictures), [True, False] * pairs


def photo_files(archive: Path, folder: Path) -> Iterator[tuple[str, Path, list[bool]]]:
    for number, photo in enumerate(find_photos([archive])):
        picture = photo.decode()
        path = folder / f"{number}.png"
        Image.fromarray(picture).save(path, compress_level=1)
        yield "photos in colour", path, [True]
        grey = make_grey([picture])[0]
        toned = TONES["sepia"](grey).clip(0, 255).astype(np.uint8)
        data = io.BytesIO()
        Image.fromarray(toned).save(data, "JPEG", quality=75)
        path = path.with_suffix(".jpg")
        path.write_bytes(data.getvalue())
        yield "photos made sepia", path, [False]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--color", nargs="+", type=Path, required=True)
    parser.add_argument("--grey", nargs="+", type=Path, required=True)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    counts: dict[str, Counter[str]] = {}
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = itertools.chain(
            (("films in colour", film, [True]) for film in options.color),
            (("old photos" if is_still(path) else "old films", path, [False]) for path in options.grey),
            toned_films(options.color + [path for path in options.grey if not is_still(path)], folder),
            joined_films(options.color, folder),
            photo_files(options.photos, folder) if options.photos else (),
        )
        for kind, path, expected in cases:
            of_kind = counts.setdefault(kind, Counter(right=0, wrong=0))
            found = decide(path)
            joints = dict.fromkeys(range(0, len(expected) * FRAMES, FRAMES))
            for frame, kept in (joints | found).items():
                is_right = kept == expected[min(frame // FRAMES, len(expected) - 1)]
                of_kind["right" if is_right else "wrong"] += 1
                if not is_right:
                    wrong.append({"kind": kind, "file": path.name, "frame": frame, "kept": kept})
            path.unlink() if path.is_relative_to(folder) else None
    for kind, of_kind in counts.items():
        print(f"{kind:36s} {of_kind['right']:5d} right {of_kind['wrong']:4d} wrong", flush=True)
    for one in wrong:
        print(one)
    if options.json:
        found_all = {"environment": asdict(describe_environment()), "decisions": counts, "wrong": wrong}
        options.json.write_text(json.dumps(found_all, indent=2) + "\n")


if __name__ == "__main__":
    main()
