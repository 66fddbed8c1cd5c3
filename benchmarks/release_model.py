"""Put a trained checkpoint into models/: how its palette is read, where it comes from, what it scores, its digest.

    python benchmarks/release_model.py run/model.safetensors PHOTOS... --reading T SHARE KNEE CAUTION SATURATION \\
        [--work-size 256] --trained-on "..." --license Apache-2.0 --commit HASH

PHOTOS are those that the model was not trained on; its scores on them go into the file and into
benchmarks/results/photos--NAME.json. Reading: see palette_reading.py.
"""

import argparse
import hashlib
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from photos import score

from vidcolor import checkpoint
from vidcolor.colorizer import load_colorizer

ROOT = Path(__file__).parents[1]
READING = ("temperature", "residual_share", "chroma_knee", "caution", "saturation")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--reading", nargs=5, type=float, required=True, metavar=READING)
    parser.add_argument("--work-size", type=int, help="none: as in the checkpoint")
    parser.add_argument("--trained-on", required=True)
    parser.add_argument("--license", required=True)
    parser.add_argument("--commit", required=True)
    options = parser.parse_args()
    network, meta = checkpoint.load(options.checkpoint)
    reading = dict(zip(READING, options.reading, strict=True))
    meta = replace(
        meta,
        config=meta.config | reading,
        work_size=options.work_size or meta.work_size,
        trained_on=options.trained_on,
        license=options.license,
        commit=options.commit,
    )
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "trial.safetensors"
        checkpoint.save(trial, network, meta)
        scores = score(load_colorizer(str(trial), device="cpu"), options.photos)
    print(scores.summary)
    metrics = {name: round(value, 3) for name, value in asdict(scores).items()}
    checkpoint.save(ROOT / "models" / f"{meta.name}.safetensors", network, replace(meta, metrics=metrics))
    result = ROOT / "benchmarks" / "results" / f"photos--{meta.name}.json"
    about = {"model": meta.name, "created": meta.created, "work_size": meta.work_size, "reading": reading}
    result.write_text(json.dumps(about | metrics, indent=2) + "\n")
    write_digests(ROOT / "models")


def write_digests(folder: Path) -> None:
    rows = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(folder.glob("*.safetensors"))
    ]
    (folder / "SHA256SUMS").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
