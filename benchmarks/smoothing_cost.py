"""What the temporal filter costs beside the network, on a CPU at the model's own working size: medians, alternating.

python benchmarks/smoothing_cost.py FILM [--frames 64] [--repeats 7] [--threads 2] [--json FILE]
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from statistics import median

import cv2
import torch

from vidcolor.colorizer import load_colorizer
from vidcolor.originals import LAYOUT, read_film
from vidcolor.shots import mark_shots
from vidcolor.smooth import Smoother


def seconds(work: Callable[[], Iterable[object]]) -> float:
    started = time.perf_counter()
    for _ in work():
        pass
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    colorizer = load_colorizer(options.model, device="cpu")
    luma = [batch for batch, _ in islice(read_film(options.film, 512, colorizer.batch_size), options.frames // 4)]
    marked = list(mark_shots(luma, LAYOUT))
    colored = list(colorizer.stream(marked, LAYOUT))
    frames = sum(map(len, luma))
    pairs = [
        (
            seconds(lambda: colorizer.stream(marked, LAYOUT)) / frames,
            seconds(lambda: Smoother().stream(colored)) / frames,
        )
        for _ in range(options.repeats + 1)
    ][1:]
    assert colored[0].guide is not None
    result = {
        "frames": frames,
        "threads": options.threads,
        "working_size": list(colored[0].guide.shape[2:]),
        "network_ms": 1000 * median(network for network, _ in pairs),
        "smoothing_ms": 1000 * median(smoothing for _, smoothing in pairs),
        "ratio": median(smoothing / network for network, smoothing in pairs),
        "ratios": sorted(smoothing / network for network, smoothing in pairs),
    }
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
