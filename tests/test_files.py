"""Files are whole or absent, folders are made or refused in one line."""

import os

import pytest

from vidcolor.errors import OutputError
from vidcolor.files import Partial, make_folder, write_bytes, write_whole


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), r"\(No space left on device\)$"),
        (RuntimeError("stream failed\nmore of it"), r"\(stream failed\); check the free space$"),
    ],
)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, error, words):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"precious")

    def fail(partial):
        partial.write_bytes(b"half")
        raise error

    with pytest.raises(OutputError, match=f"model.safetensors: cannot be written {words}"):
        write_whole(file, fail)
    assert file.read_bytes() == b"precious" and list(tmp_path.iterdir()) == [file]


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(OutputError, match=r"none/file: cannot be written \(No such file or directory\)"):
        write_bytes(tmp_path / "none" / "file", b"")


@pytest.mark.skipif(os.name == "nt", reason="needs a umask")
def test_rights_are_those_that_the_user_gives_new_files(tmp_path):
    usual = os.umask(0o077)
    try:
        write_bytes(tmp_path / "mine", b"")
    finally:
        os.umask(usual)
    write_bytes(tmp_path / "ours", b"")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("mine", "ours")] == [0o600, 0o666 & ~usual]


@pytest.mark.parametrize(("letter", "count", "kept"), [("ä", 120, 60), ("🎞", 60, 30)])
def test_long_names_and_free_names_fit_the_file_system(tmp_path, letter, count, kept):
    target = tmp_path / f"{letter * count}.mkv"
    target.write_bytes(b"precious")
    partial = Partial(target, overwrite=False)
    partial.path.write_bytes(b"film")
    with pytest.raises(OutputError, match=rf"left alone; it is in {letter}{{{kept}}}-2\.mkv$"):
        partial.keep()
    assert partial.kept_as is not None and partial.kept_as.read_bytes() == b"film"
    assert target.read_bytes() == b"precious"


def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("vidcolor.files.os.access", lambda folder, rights: False)
    with pytest.raises(OutputError, match=r"cannot be written to; choose another output$"):
        make_folder(tmp_path)


def test_a_folder_is_made_with_all_above_it(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/b: cannot be made \(.*\); choose another output$"):
        make_folder(tmp_path / "file" / "b")
