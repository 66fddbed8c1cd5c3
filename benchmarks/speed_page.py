"""The tables of docs/speed.md, from what benchmarks/speed.py has left in results/.

python benchmarks/speed_page.py
"""

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "results", HERE.parent / "docs" / "speed.md"
NOT_YET = "Not measured yet."


def fill(page: str, results: Path = RESULTS) -> str:
    """The page with all tables anew: between `<!-- PART -->` and `<!-- end -->` stands what was measured of a part."""

    def section(found: re.Match[str]) -> str:
        part = found[1]
        files = sorted(results.glob(f"speed--{part}--*.json"))
        tables = [tabulate(part, json.loads(file.read_text("utf-8"))) for file in files]
        return f"<!-- {part} -->\n\n" + "\n\n".join(tables or [NOT_YET]) + "\n\n<!-- end -->"

    return re.sub(r"<!-- (\w+) -->\n.*?<!-- end -->", section, page, flags=re.DOTALL)


def tabulate(part: str, result: dict[str, Any]) -> str:
    if part == "ratio":
        return tabulate_ratios(result["reports"])
    if part == "plain":
        return tabulate_plain(result)
    return tabulate_growth(part, result)


def tabulate_ratios(reports: dict[str, Any]) -> str:
    one, *_ = reports.values()
    names = list(one["stages"])
    rows = [
        (
            name,
            f"{1000 / report['vidcolor']['ms']['median']:.1f}",
            f"{1000 / report['transcode']['ms']['median']:.1f}",
            spread(report["ratio"]),
            mib(report["vidcolor_peak"]),
            mib(report["transcode_peak"]),
        )
        for name, report in reports.items()
    ]
    stages = [
        (
            name,
            *(f"{report['stages'][stage]['ms']['median']:.1f}" for stage in names),
            f"{report['busy_ms']:.1f}",
            f"{report['vidcolor']['ms']['median']:.1f}",
            report["wall"],
        )
        for name, report in reports.items()
    ]
    return "\n\n".join(
        (
            f"{machine(one['environment'])} {one['model']} on {one['device']}.",
            table(("film", "frames/s", "transcode", "ratio", "peak, MiB", "transcode's"), rows),
            "Milliseconds a frame: every stage alone; how long all of them together keep the cores busy; the whole.",
            table(("film", *names, "all, on all cores", "whole", "wall"), stages),
        )
    )


def tabulate_growth(part: str, result: dict[str, Any]) -> str:
    first, *_ = points = result["points"]
    rows = [
        (
            str(point["value"]),
            spread(point["cost"]["ms"]),
            f"{point['cost']['ms']['median'] / first['cost']['ms']['median']:.2f}",
            mib(point["peak"]),
        )
        for point in points
    ]
    what = {"length": "frames", "height": "lines", "batch": "batch"}[part]
    where = f"{machine(result['environment'])} {result['model']} on {result['device']}."
    return f"{where}\n\n{table((what, 'ms a frame', 'of the first', 'peak, MiB'), rows)}"


def tabulate_plain(result: dict[str, Any]) -> str:
    rows = [(name, spread(result[name]["ms"])) for name in ("bare", "transcode")]
    ratio = f"The transcode has {spread(result['ratio'])} of the bare loop's speed."
    return f"{machine(result['environment'])}\n\n{table(('', 'ms a frame'), rows)}\n\n{ratio}"


def machine(environment: dict[str, Any]) -> str:
    card = "".join(f", {device}" for device in environment["devices"] if device.startswith("cuda"))
    packages = ", ".join(f"{name} {environment['packages'][name]}" for name in ("vidcolor", "torch", "av"))
    return f"{environment['processor']}, {environment['cpu_count']} cores{card}; {packages}."


def spread(values: dict[str, float]) -> str:
    return f"{values['median']:.2f} ({values['low']:.2f} to {values['high']:.2f})"


def mib(peak: dict[str, float | None]) -> str:
    resident = "unknown" if peak["resident"] is None else f"{peak['resident']:.0f}"
    return resident if peak["on_card"] is None else f"{resident}, {peak['on_card']:.0f} on the card"


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head, *lines = (f"| {' | '.join(line)} |" for line in (headings, *rows))
    return "\n".join((head, f"|---{'|---:' * (len(headings) - 1)}|", *lines))


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text("utf-8")), "utf-8")
