"""What in a folder is for people, and what is not."""

from pathlib import Path, PurePosixPath

import pytest

from vidcolor.tree import is_hidden, walk, walk_originals


def test_hidden_files_and_folders_are_left_out_but_not_the_folder_that_is_given(tmp_path, monkeypatch):
    for name in ("b.mp4", "a/c.png", ".a.mp4.vidcolor/whole.mp4", "a/.c.partial-0a.png", "a/.x/d.png"):
        path = tmp_path / ".cache" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path / ".cache")
    for folder in (tmp_path / ".cache", Path(), Path("a/..")):
        assert [str(path.relative_to(folder)) for path in walk(folder)] == ["a", "a/c.png", "b.mp4"]


def test_what_a_training_run_left_is_no_original_unless_its_folder_is_given(tmp_path, monkeypatch):
    for name in (
        "run/state.pt",
        "run/config.toml",
        "run/sheets/1.png",
        "run/progress.png",
        "mine/state.pt",
        "mine/a.png",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, Path(), Path("run/..")):
        assert [path.name for path in walk_originals(folder) if path.suffix == ".png"] == ["a.png"]
    assert list(walk_originals(Path("run"))) == list(walk(Path("run")))


@pytest.mark.parametrize("place", ["cat.png", "./cat.png", "../cat.png", "/cat.png", "a.b/c."])
def test_dots_alone_hide_nothing(place):
    assert not is_hidden(PurePosixPath(place))


@pytest.mark.parametrize("place", ["._cat.png", "__MACOSX/a/._cat.png", ".git/cat.png", "/a/.b/cat.png", "..."])
def test_one_hidden_name_hides_all_below(place):
    assert is_hidden(PurePosixPath(place))
