"""Every number of docs/trade_studies.md is the one in benchmarks/results/."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/trade_studies.md").read_text("utf-8")
FLAT = " ".join(PAGE.split())


def results(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / f"benchmarks/results/{name}.json").read_text("utf-8"))
    return found


GREY, REALISM, CROPS = results("grey"), results("realism--fusion"), results("low_ssim")["crops"]
PICTURES = REALISM["pictures"]
NAMES = {
    "601": "Rec. 601",
    "709": "Rec. 709",
    "mean": "mean",
    "report": "0.21, 0.72, 0.007",
    "lstar": "L\\*",
}
TRAINED = ("709", "601", "lstar", "mean")


def percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def histograms() -> list[list[str]]:
    return [
        [
            NAMES[grey],
            *(f"{one[field]:.1f}" for field in ("mean", "deviation")),
            f"{one['entropy']:.2f}",
            *(percent(one[field], 2) for field in ("black", "white")),
            f"{one['from_709']:.1f}",
        ]
        for grey, one in ((grey, GREY["greys"][grey]["histogram"]) for grey in NAMES)
    ]


def bins() -> list[list[str]]:
    return [
        [NAMES[grey], *(f"{100 * share:.1f}" for share in GREY["greys"][grey]["histogram"]["bins"])] for grey in NAMES
    ]


def released() -> list[list[str]]:
    return [
        [
            NAMES[grey],
            f"{one['gain']:+.2f}",
            percent(one["colorfulness"]),
            f"{one['ciede2000']:.2f}",
            f"{one['ssim']:.3f}",
        ]
        for grey, one in ((grey, GREY["greys"][grey]["released"]) for grey in NAMES)
    ]


def trained() -> list[list[str]]:
    return [
        [
            f"{NAMES[run['grey']]}, seed {run['seed']}",
            *(f"{shown[grey]['gain']:+.2f}" for grey in TRAINED),
            percent(shown[run["grey"]]["colorfulness"]),
        ]
        for run, shown in ((run, run["shown"]) for run in GREY["training"]["runs"])
    ]


def realism() -> list[list[str]]:
    names = {
        "model": "fusion",
        "grey": "no colour",
        "opposite": "opposite colours",
        "truth": "the truth",
        "halves of the truth": "half of the truth, beside the other half",
    }
    formats = {"mse": ".4f", "ssim": ".3f", "IS-MobileNetV2": ".1f", "FID-MobileNetV2": ".0f", "colorfulness": ".1f"}
    return [
        [name, *(f"{PICTURES[key][score]:{form}}" if score in PICTURES[key] else "" for score, form in formats.items())]
        for key, name in names.items()
    ]


def crops() -> list[list[str]]:
    return [
        [
            name,
            *(f"{one['model'][s]:.3f} / {one['grey'][s]:.3f}" for s in ("ssim", "ssim of ab")),
            f"{one['model']['psnr']:.1f} / {one['grey']['psnr']:.1f}",
            f"{one['model']['colorfulness']:.0f} / {one['truth']['colorfulness']:.0f}",
        ]
        for name, one in CROPS.items()
    ]


def tables() -> list[list[list[str]]]:
    """The rows of every table on the page, without their headings."""
    found = re.findall(r"^\|[-|:]+\|\n((?:\|.*\|\n)+)", PAGE, re.MULTILINE)
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()] for table in found]


@pytest.mark.parametrize("number, expected", [*enumerate((histograms, bins, released, trained, realism, crops))])
def test_the_tables_are_what_was_measured(number: int, expected: Any) -> None:
    assert tables()[number] == expected()


def test_there_is_no_other_table() -> None:
    assert len(tables()) == 6


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_the_picture_is_small() -> None:
    assert (ROOT / "docs/low_ssim.jpg").stat().st_size < 200_000
