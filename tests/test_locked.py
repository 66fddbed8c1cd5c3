"""What the system does not let vidcolor read or write is one line, and the rest of a folder is coloured."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clips import make_film
from tests.limits import held_to_permissions
from tests.models import PLAIN, make_model

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions and pipes are POSIX's")
ROOT = Path(__file__).parents[1]
CALLS = """
import json, sys
from click.testing import CliRunner
from vidcolor.cli import main
results = [CliRunner().invoke(main, words) for words in json.loads(sys.argv[1])]
print(json.dumps([(result.exit_code, result.stderr, repr(result.exception)) for result in results]))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture
def films(tmp_path, model):
    """fold/a.mp4, fold/b.mp4 that may not be read, fold/c.mp4, and locked/a.mp4 that may not even be looked for."""
    for name in ("fold/a.mp4", "fold/b.mp4", "fold/c.mp4", "locked/a.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        make_film(tmp_path / name, count=3)
    (tmp_path / "fold" / "b.mp4").chmod(0)
    (tmp_path / "locked").chmod(0)
    yield tmp_path
    (tmp_path / "locked").chmod(0o700)


def call(model, folder, *calls):
    """What every call of `vidcolor` says, as somebody who is held to the permissions."""
    options = {"run": ["--quiet", "--model", str(model), *PLAIN]}
    words = json.dumps([[*each, *options.get(each[0], [])] for each in calls])
    command = [*held_to_permissions(), sys.executable, "-c", CALLS, words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_source_that_may_not_be_read_does_not_stop_a_folder(films, model):
    ((code, said, _),) = call(model, films, ["run", "fold", "out"])
    assert code == 1
    assert said.splitlines() == ["Error: fold/b.mp4: cannot be read (Permission denied)"]
    assert sorted(path.name for path in (films / "out").iterdir()) == ["a.mp4", "c.mp4"]


def test_a_folder_that_may_not_be_looked_into_is_told_and_does_not_stop_the_others(films, model):
    (films / "locked").rename(films / "fold" / "locked")
    inside, alone = call(model, films, ["run", "fold", "out"], ["run", "fold/locked", "other"])
    (films / "fold" / "locked").rename(films / "locked")
    line = "Error: fold/locked: cannot be read (Permission denied)"
    assert inside[:2] == [1, f"Error: fold/b.mp4: cannot be read (Permission denied)\n{line}\n"]
    assert alone[:2] == [1, f"{line}\n"]
    assert sorted(path.name for path in (films / "out").iterdir()) == ["a.mp4", "c.mp4"]


def test_eval_and_train_name_a_folder_that_may_not_be_looked_into(films, model):
    (films / "locked").rename(films / "fold" / "locked")
    measured, alone, trained = call(
        model,
        films,
        ["eval", "fold/a.mp4", "fold/locked", "--model", str(model), "--quiet", "--size", "64", "--report", "page"],
        ["eval", "fold/locked", "--model", str(model), "--quiet"],
        ["train", "fold/locked", "--encoder-weights", "none", "--quiet"],
    )
    (films / "fold" / "locked").rename(films / "locked")
    line = "fold/locked: is a folder that may not be looked into"
    assert measured[0] == 0 and f"left out: {line}" in json.loads((films / "page" / "report.json").read_text())["notes"]
    assert alone[:2] == [1, f"Error: {line}\n"] and trained[:2] == [1, f"Error: {line}\n"]


def test_what_may_not_be_read_or_written_is_one_line(films, model):
    long = "z" * 255 + ".mp4"
    expected = {
        ("info", "fold/b.mp4"): "fold/b.mp4: cannot be read (Permission denied)",
        ("info", "locked/a.mp4"): "locked/a.mp4: cannot be read (Permission denied)",
        ("eval", "locked/a.mp4"): "locked/a.mp4: Permission denied",
        ("run", "fold/b.mp4", "o.mp4"): "fold/b.mp4: cannot be read (Permission denied)",
        ("run", "locked/a.mp4", "o.mp4"): "locked/a.mp4: cannot be read (Permission denied)",
        ("run", "fold/a.mp4", "locked/o.mp4"): "locked/o.mp4: cannot be written (Permission denied)",
        ("run", "fold/a.mp4", "locked/o.mp4", "--skip-existing"): "locked/o.mp4: Permission denied",
        ("run", "fold/a.mp4", "locked/o/"): "locked/o: cannot be made (Permission denied); choose another output",
        ("run", "fold/a.mp4", long): f"{long}: cannot be written (File name too long)",
        ("run", long, "o.mp4"): f"{long}: cannot be read (File name too long)",
        ("info", long): f"{long}: cannot be read (File name too long)",
    }
    found = call(model, films, *map(list, expected))
    for words, (code, said, exception), message in zip(expected, found, expected.values(), strict=True):
        assert code == 1 and exception == "SystemExit(1)", (words, exception)
        assert [line.partition(": ")[2] for line in said.splitlines()] == [message], words


def test_a_pipe_and_a_device_are_called_so(tmp_path, model):
    os.mkfifo(tmp_path / "pipe.mp4")
    for source in ("pipe.mp4", "/dev/null"):
        found = call(model, tmp_path, ["info", source], ["run", source, "o.mp4"])
        for code, said, _ in found:
            assert code == 1
            assert f"{source}: is a pipe or a device" in said and len(said.splitlines()) == 1
