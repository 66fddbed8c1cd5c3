"""The page of an evaluation in a real browser: it moves, it fits, and it says nothing to the console."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import browser
from tests.browser import Browser
from tests.evaluations import HOSTILE, make_evaluation
from vidcolor.report import write_report

SLIDER = ".split input"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(make_evaluation(), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not (browser.CHROMIUM and browser.CHROMEDRIVER):
        pytest.skip("no chromium and chromedriver")
    with browser.open_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def opened(window: Browser, path: Path) -> Iterator[Browser]:
    """The page as it is first seen; whatever is done to it, the console stays silent."""
    window.complaints()
    window.resize(1280, 900)
    window.visit(path)
    yield window
    assert window.complaints() == []
    assert window.run("return window.harmed === undefined && document.scripts.length === 1")


def divider(window: Browser) -> str:
    return str(window.run("return getComputedStyle(document.querySelector('.split .grey')).clipPath"))


def test_arrow_keys_move_the_divider(opened: Browser) -> None:
    before = divider(opened)
    opened.press(SLIDER, browser.LEFT * 10)
    assert "50%" in before and "60%" in divider(opened)


def test_the_mouse_moves_the_divider_to_where_it_is(opened: Browser) -> None:
    width = opened.run("return document.querySelector('.split').getBoundingClientRect().width")
    opened.drag(SLIDER, 0, round(width / 4))
    left = opened.run("return parseFloat(getComputedStyle(document.querySelector('.split i')).left)")
    assert left == pytest.approx(width * 3 / 4, abs=0.01 * width + 1)


def test_an_input_event_moves_the_divider(opened: Browser) -> None:
    opened.run(
        "const it = document.querySelector('.split input'); it.value = 20; it.dispatchEvent(new Event('input'));"
    )
    assert "80%" in divider(opened)


@pytest.mark.parametrize("pair", ["grey colored", "colored truth", "grey truth"])
def test_any_two_pictures_can_be_compared(opened: Browser, pair: str) -> None:
    opened.click(f'.pair input[value="{pair}"]')
    shown = opened.run("""
        const shown = [...document.querySelector(".split").children].filter((one) => one.src && one.checkVisibility());
        const facts = (one) => [one.className, getComputedStyle(one).clipPath === "none", one.naturalWidth];
        return Promise.all(shown.map((one) => one.decode().then(() => facts(one))));
    """)
    left, right = pair.split()
    assert sorted(shown) == sorted([[left, False, 192], [right, True, 192]])


def test_every_slider_has_a_name(opened: Browser) -> None:
    names = opened.run("return [...document.querySelectorAll('.split input')].map((one) => one.ariaLabel)")
    assert len(names) == len(set(names)) == len(HOSTILE) + 2


def test_the_plot_is_seen(opened: Browser) -> None:
    boxes = opened.run(
        "return [...document.querySelectorAll('.plot, .plot path, .colors image')].map((one) => {"
        "  const box = one.getBoundingClientRect(); return [box.width, box.height]; })"
    )
    assert len(boxes) == 1 + 6 + 2
    assert boxes[0][0] > 800 and boxes[0][1] > 300
    assert all(width > 100 for width, _ in boxes)


def test_a_heading_sorts_by_number(opened: Browser) -> None:
    read = "return [...document.querySelectorAll('.sources tbody tr')].map((row) => row.children[3].textContent)"
    before = opened.run(read)
    for reverse in (True, False):
        opened.click(".sources th:nth-child(4) button")
        assert opened.run(read) == sorted(before, key=float, reverse=reverse)


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(opened: Browser, width: int, scheme: str) -> None:
    opened.prefer(scheme)
    opened.resize(width, 900)
    wide = opened.run("""
        const limit = document.documentElement.clientWidth;
        const clips = (box) => box && (getComputedStyle(box).overflowX !== "visible" || clips(box.parentElement));
        const sticksOut = (one) => one.getBoundingClientRect().right > limit + 1 && !clips(one.parentElement);
        return [...document.querySelectorAll("body *")].filter(sticksOut).map((one) => one.outerHTML.slice(0, 120));
    """)
    assert wide == []
    assert opened.run("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [400, 1280])
def test_no_metric_covers_the_next(opened: Browser, width: int) -> None:
    opened.resize(width, 900)
    covered = opened.run("""
        const groups = [...document.querySelectorAll(".metrics tbody")];
        const bottoms = (group) => [...group.querySelectorAll("*")].map((one) => one.getBoundingClientRect().bottom);
        const end = (group) => Math.max(...bottoms(group));
        return groups.filter((group, i) => i && end(groups[i - 1]) > group.getBoundingClientRect().top + 1).length;
    """)
    assert covered == 0


def test_dark_is_dark(opened: Browser) -> None:
    read = "return getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)"
    opened.prefer("light")
    light = opened.run(read)
    opened.prefer("dark")
    assert min(light) > 200 > 60 > max(opened.run(read))
