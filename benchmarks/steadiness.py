"""How steady films are with the temporal filter and without, beside how colourful and how true: a row a film.

    python benchmarks/steadiness.py FILMS... [--model M] [--smooth S] [--json FILE]
    python benchmarks/steadiness.py --table results/steadiness.json     # the table of docs/steadiness.md

Films must be in colour: their luma goes in, their chroma is the truth. The figures are those of `vidcolor eval`; the
bars are those of issue 3.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.table import Table

from vidcolor.colorizer import load_colorizer
from vidcolor.evaluate import EvalSettings, evaluate
from vidcolor.scores import SourceReport
from vidcolor.smooth import Smoother

COLUMNS: dict[str, Callable[[SourceReport], float | None]] = {
    "flicker": lambda row: row.film.flicker,
    "of unsmoothed": lambda row: row.film.flicker / row.film.flicker_unsmoothed,
    "of the original's": lambda row: row.film.flicker / row.film.flicker_of_truth,
    "warp error of unsmoothed": lambda row: row.film.warp_error / row.film.warp_error_unsmoothed,
    "CDC": lambda row: row.film.cdc,
    "CDC of the original's": lambda row: row.film.cdc / row.film.cdc_of_truth,
    "unsmoothed CDC of the original's": lambda row: row.film.cdc_unsmoothed / row.film.cdc_of_truth,
    "colourfulness lost": lambda row: 1 - row.pictures.colorfulness / row.film.colorfulness_unsmoothed,
    "colourfulness of the original's": lambda row: row.pictures.vividness,
    "PSNR gained dB": lambda row: row.pictures.psnr - row.film.psnr_unsmoothed,
    "PSNR over grey dB": lambda row: row.pictures.gain,
    "cut lag": lambda row: row.film.cut_lag,
}


IN_THE_DOCS = (
    "of unsmoothed",
    "of the original's",
    "warp error of unsmoothed",
    "CDC of the original's",
    "unsmoothed CDC of the original's",
    "colourfulness lost",
    "PSNR gained dB",
)


def tabulate(result: dict[str, Any]) -> str:
    """The table of docs/steadiness.md."""
    lines = [f"| film | flicker {' | '.join(IN_THE_DOCS)} |", f"|---{'|---:' * len(IN_THE_DOCS)}|"]
    for name, row in (result["films"] | {"**mean**": result["means"]}).items():
        lines.append(f"| {name} | {' | '.join(f'{row[column]:.3f}' for column in IN_THE_DOCS)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="*", type=Path)
    parser.add_argument("--table", type=Path, metavar="JSON")
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--smooth", type=float, default=Smoother().strength)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.table:
        print(tabulate(json.loads(options.table.read_text())))
        return
    colorizer = load_colorizer(options.model)
    settings = EvalSettings(smoother=Smoother(options.smooth))
    report = evaluate(options.films, colorizer, settings, lambda name, *_: print(name, flush=True)).report
    rows = {row.source: {name: column(row) for name, column in COLUMNS.items()} for row in report.sources}
    means = {name: fmean(row[name] for row in rows.values() if row[name] is not None) for name in COLUMNS}
    show(rows | {"mean": means})
    if options.json:
        films = {row.source: rows[row.source] | asdict(row.film) for row in report.sources if row.film}
        result = {"model": report.model, "smooth": report.smooth, "size": report.size, "means": means, "films": films}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def show(rows: dict[str, dict[str, float | None]]) -> None:
    table = Table("film", *COLUMNS, box=None)
    for name, row in rows.items():
        table.add_row(name, *("-" if value is None else f"{value:.3f}" for value in row.values()))
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
