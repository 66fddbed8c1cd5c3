"""An evaluation as one page that opens anywhere, without network, and the same numbers as JSON beside it."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from vidcolor.files import make_folder, write_bytes
from vidcolor.report.page import draw_page
from vidcolor.scores import Evaluation


def write_report(evaluation: Evaluation, folder: Path) -> Path:
    """Write index.html and report.json, the EvalReport, into `folder`; the path of the page. Raises OutputError."""
    make_folder(folder)
    page = folder / "index.html"
    _write(folder / "report.json", json.dumps(asdict(evaluation.report), indent=2, ensure_ascii=False))
    _write(page, draw_page(evaluation, datetime.now().astimezone()))
    return page


def _write(path: Path, text: str) -> None:
    # A file name that is not UTF-8 carries lone surrogates: \udcff can be read, and JSON takes it for what it was.
    write_bytes(path, text.encode("utf-8", "backslashreplace"))
