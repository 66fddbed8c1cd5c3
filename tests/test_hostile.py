"""Names, checkpoints and pictures made to do harm, through the command line where people meet them."""

import ast
import json
import os
import pickle
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from tests.clips import make_film
from tests.models import make_model
from vidcolor.cli import main
from vidcolor.errors import InputError

PACKAGE = Path(__file__).parents[1] / "vidcolor"
NAMES = [
    'it\'s "quoted".mp4',
    "-dash.mp4",
    "--overwrite.mp4",
    "two\nlines.mp4",
    "$(touch harm) `touch harm`; touch harm | cat.mp4",
    "früh 映画 фильм 🎬.mp4",
    "[a-z]*?.mp4",
    "12:30 at 100%d.mp4",
    "[red]bold[.mp4",
    "\x1b[31m.mp4",
    os.fsdecode(b"no unicode \xff.mp4"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


def call(*words):
    return CliRunner().invoke(main, [*map(str, words)])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse some of these names")
@pytest.mark.parametrize("name", NAMES)
def test_a_film_of_any_name_is_coloured_and_looked_at(tmp_path, monkeypatch, model, name):
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    os.replace(make_film(Path("plain.mp4"), count=3), name)
    options = ("--model", model, "--device", "cpu", "--preset", "ultrafast", "--json")
    result = call("run", *options, "--", name, Path("out") / name)
    assert result.exit_code == 0, result.stderr
    (report,) = json.loads(result.stdout)
    assert (report["source"], report["frames"]) == (name, 3)
    assert json.loads(call("info", "--json", "--", name).stdout)["streams"][0]["width"] == 64
    assert call("preview", *options[:4], "--count", "1", "--", name, f"out/{name}.png").exit_code == 0
    assert sorted(os.listdir("out")) == sorted([name, f"{name}.png"])
    assert sorted(os.listdir()) == sorted([name, "out"])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse some of these names")
@pytest.mark.parametrize("name", NAMES)
def test_what_is_wrong_with_a_file_of_any_name_is_one_line(tmp_path, monkeypatch, model, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(b"no film")
    result = call("run", "--model", model, "--device", "cpu", "--", name, "out.mp4")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1 and result.stderr.startswith("Error: ")
    assert "\x1b" not in result.stderr
    assert os.listdir() == [name]


def test_a_message_is_one_printable_line():
    assert str(InputError("a\nb\x1b[31m\udcff.mp4: früh 映画")) == r"a\nb\x1b[31m\udcff.mp4: früh 映画"


class Harm:
    """Pickled, it makes a file where it is loaded."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return (os.mkdir, (str(self.place),))


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth", "model.ckpt", "model"])
@pytest.mark.parametrize("save", [lambda harm, path: path.write_bytes(pickle.dumps(harm)), torch.save])
def test_a_pickle_is_refused_and_not_run(tmp_path, monkeypatch, name, save):
    monkeypatch.chdir(tmp_path)
    make_film(Path("in.mp4"), count=2)
    save(Harm(tmp_path / "harmed"), Path(name))
    result = call("run", "in.mp4", "out.mp4", "--model", name if "." in name else f"./{name}", "--device", "cpu")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1 and name in result.stderr
    assert not (tmp_path / "harmed").exists() and not (tmp_path / "out.mp4").exists()


def calls(tree):
    """Dotted names of everything that is called, with its arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {argument.arg for argument in node.keywords}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_starts_a_program_or_runs_what_it_reads(path):
    tree = ast.parse(path.read_text("utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
    }
    assert imported.isdisjoint({"subprocess", "pty", "marshal", "shelve", "load", "loads", "Unpickler"})
    for name, keywords in calls(tree):
        assert "shell" not in keywords
        assert name not in {"eval", "exec", "compile", "__import__"}
        assert not name.startswith(
            ("pickle.", "os.system", "os.popen", "os.exec", "os.spawn", "os.posix_spawn", "os.fork")
        )
        if name == "torch.load":
            assert "weights_only" in keywords
