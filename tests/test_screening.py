"""Which pictures are left out of training, and that the verdicts are remembered."""

import cv2
import numpy as np
import pytest
from skimage import data

from vidcolor import screening
from vidcolor.errors import InputError
from vidcolor.photos import find_photos
from vidcolor.screening import judge_colors, screen

COLORFUL = ("astronaut", "chelsea", "coffee", "rocket")
LUMA = np.array([0.2126, 0.7152, 0.0722])
SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


def grey(picture):
    return np.repeat((picture @ LUMA)[..., None], 3, axis=-1)


TONES = {
    "sepia": lambda picture: picture @ SEPIA.T,
    "cyanotype": lambda picture: 255 * (grey(picture) / 255) ** np.array([1.6, 1.0, 0.75]),
    "amber": lambda picture: grey(picture) * np.array([1, 0.8, 0.5]),
    "night blue": lambda picture: grey(picture) * np.array([0.5, 0.7, 1]),
    "two tones": lambda picture: np.array([30, 20, 90]) + grey(picture) * np.array([0.86, 0.78, 0.24]),
}


def put(folder, name, picture):
    folder.mkdir(exist_ok=True)
    assert cv2.imwrite(str(folder / name), np.clip(picture, 0, 255).astype(np.uint8)[..., ::-1])


@pytest.fixture
def mixed(tmp_path):
    """Two colour photos, one each that is grey, sepia and broken, and three tiny ones."""
    folder = tmp_path / "mixed"
    cat = data.chelsea()
    put(folder, "a.jpg", cat)
    put(folder, "b.jpg", grey(cat))
    put(folder, "c.jpg", TONES["sepia"](cat))
    put(folder, "d.png", cat[:31, :200])
    put(folder, "e.png", cat[:32, :200])
    put(folder, "f.jpg", cat[:300, :29])
    put(folder, "g.png", cat[:300, :3])
    (folder / "h.jpg").write_bytes(b"no picture")
    return folder


def test_what_cannot_teach_colour_is_left_out_and_counted(mixed):
    screened = screen(find_photos([mixed]), workers=2)
    assert [photo.name for photo in screened.photos] == ["a.jpg", "e.png"]
    assert screened.left_out == {"tiny": 3, "grey": 1, "toned": 1, "broken": 1}


@pytest.mark.parametrize("name", COLORFUL)
@pytest.mark.parametrize("tone", TONES)
def test_toned_pictures_are_known_from_colourful_ones(name, tone, tmp_path):
    picture = getattr(data, name)()
    put(tmp_path, "toned.jpg", TONES[tone](picture))
    put(tmp_path, "colored.jpg", picture)
    assert screening.judge(find_photos([tmp_path / "toned.jpg"])[0]) in ("toned", "grey")
    assert screening.judge(find_photos([tmp_path / "colored.jpg"])[0]) == ""


def test_pictures_of_one_strong_colour_with_something_in_it_stay():
    red = np.zeros((64, 64, 3), np.uint8) + np.array([200, 30, 30], np.uint8)
    assert judge_colors(red) == "toned"
    red[20:40, 20:40] = (40, 120, 60)
    assert judge_colors(red) == ""


def test_verdicts_are_remembered_until_a_file_changes(mixed, tmp_path, monkeypatch):
    kept = tmp_path / "verdicts.json"
    first = screen(find_photos([mixed]), kept)
    with monkeypatch.context() as patched:
        patched.setattr(screening, "judge", lambda photo: pytest.fail("looked at again"))
        assert screen(find_photos([mixed]), kept) == first
    put(mixed, "b.jpg", data.coffee())
    again = screen(find_photos([mixed]), kept)
    assert [photo.name for photo in again.photos] == ["a.jpg", "b.jpg", "e.png"]


@pytest.mark.parametrize(
    "spoil",
    [lambda text: '{"half', lambda text: "null", lambda text: "[1]", lambda text: text.replace('"grey"', "[1]")],
)
def test_spoilt_verdicts_are_made_anew(spoil, mixed, tmp_path):
    kept = tmp_path / "verdicts.json"
    first = screen(find_photos([mixed]), kept)
    kept.write_text(spoil(kept.read_text()))
    assert screen(find_photos([mixed]), kept) == first


def test_no_colour_at_all_is_refused_with_the_counts(mixed):
    for name in ("a.jpg", "e.png"):
        (mixed / name).unlink()
    with pytest.raises(InputError, match="no colour pictures among 6: 3 tiny, 1 grey, 1 toned, 1 broken"):
        screen(find_photos([mixed]))


def test_photos_that_were_screened_before_pass(shared):
    photos = find_photos([shared / "photos" / "val.tar"])
    assert len(screen(photos, workers=2).photos) >= 0.99 * len(photos)
