"""The house stands as README.md draws it: who may import whom, and where each third-party package lives.

The table of the architecture section is the law; this test reads it.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "vidcolor"
LONGEST_FILE = 300

ABOVE_ALL = ("", "__main__")
"""The package's own `__init__` and `__main__` may import everything; nothing may import them."""

HOMES = {
    "PIL": ("video.*",),
    "av": ("video.*",),
    "click": ("cli", "cli.*"),
    "cv2": (
        *("data", "flow", "metrics.films", "networks.palette", "originals", "photos", "reel", "report.*", "sampling"),
        *("screening", "sheet", "tones", "training.*", "video.*"),
    ),
    "onnx": ("export",),
    "onnxruntime": ("export",),
    "openvino": ("runtime",),
    "rich": ("console.*",),
    "safetensors": ("checkpoint", "networks.pretrained"),
    "skimage": ("export", "metrics.pictures"),
    "timm": ("networks.*",),
    "torch_fidelity": ("metrics.realism",),
    "torchmetrics": ("metrics.pictures", "metrics.realism"),
    "torchvision": ("losses", "metrics.hub", "metrics.realism", "networks.*"),
}
ARITHMETIC = ("numpy", "torch")
WITHOUT_ARITHMETIC = ("cli", "cli.*", "console", "console.*", "errors", "jobs", "released")


def read_layers(readme: str) -> dict[str, int]:
    """Module or folder -> layer, from rows like | 3 | `networks/` `video/` | … |."""
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", readme, re.MULTILINE)
    return {name.rstrip("/"): int(layer) for layer, cell in rows for name in re.findall(r"`([\w/]+)`", cell)}


def find_modules(package: Path) -> dict[str, Path]:
    """Dotted name below the package -> file; a folder stands for its `__init__`."""
    names = {path: path.relative_to(package).with_suffix("").parts for path in sorted(package.rglob("*.py"))}
    return {".".join(parts[:-1] if parts[-1] == "__init__" else parts): path for path, parts in names.items()}


def imported_names(path: Path) -> Iterator[str]:
    """Everything a file imports, wherever in it, as absolute dotted names."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def violations(package: Path, layers: dict[str, int]) -> list[str]:
    """What breaks the rules, one sentence each."""
    modules = find_modules(package)
    found, graph = [], {}
    for module, path in modules.items():
        names = set(imported_names(path))
        own = {_module_of(name, modules) for name in names if name.split(".")[0] == package.name}
        graph[module] = own
        found += _foreign(module, {name.split(".")[0] for name in names} - {package.name})
        found += [] if module in ABOVE_ALL else _upward(module, own, layers)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append(f"circle of imports: {' -> '.join(error.args[1])}")
    return found


def _module_of(name: str, modules: dict[str, Path]) -> str:
    """The module that `from a.b import c` asks: a.b.c where that is one, else a.b."""
    below = name.partition(".")[2]
    return below if below in modules else below.rpartition(".")[0]


def _foreign(module: str, packages: set[str]) -> Iterator[str]:
    for package in sorted(packages - sys.stdlib_module_names):
        if package in ARITHMETIC:
            allowed = not any(fnmatchcase(module, plain) for plain in WITHOUT_ARITHMETIC)
        else:
            allowed = any(fnmatchcase(module, home) for home in HOMES.get(package, ()))
        if not allowed:
            yield f"{module}: {package or 'a relative import'} is not at home there"


def _upward(module: str, targets: set[str], layers: dict[str, int]) -> Iterator[str]:
    folder = module.split(".")[0]
    if folder not in layers:
        yield f"{module}: has no row in README.md's table of layers"
        return
    for target in sorted(targets):
        if target in ABOVE_ALL:
            yield f"{module}: imports from the package itself"
        elif folder != target.split(".")[0] and layers[folder] <= layers.get(target.split(".")[0], -1):
            yield f"{module}: imports {target}, which is not below it"


def test_the_house_stands() -> None:
    assert violations(PACKAGE, read_layers((ROOT / "README.md").read_text("utf-8"))) == []


def test_every_row_of_the_table_exists() -> None:
    rooms = {module.split(".")[0] for module in find_modules(PACKAGE)} - set(ABOVE_ALL)
    assert set(read_layers((ROOT / "README.md").read_text("utf-8"))) == rooms


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("errors.py", "from house.cli import main", "errors: imports cli, which is not below it"),
        ("errors.py", "def late():\n    import house.cli", "errors: imports cli, which is not below it"),
        ("frames.py", "from house import cli", "frames: imports cli, which is not below it"),
        ("frames.py", "from house import __version__", "frames: imports from the package itself"),
        ("frames.py", "import av.container", "frames: av is not at home there"),
        ("frames.py", "import pandas", "frames: pandas is not at home there"),
        ("frames.py", "from . import errors", "frames: a relative import is not at home there"),
        ("errors.py", "import torch", "errors: torch is not at home there"),
        ("attic.py", "", "attic: has no row in README.md's table of layers"),
        ("video/reader.py", "from house.video import reader", "circle of imports: video.reader -> video.reader"),
        ("video/reader.py", "from house.video import VideoReader", "circle of imports: video"),
    ],
)
def test_a_breach_is_noticed(file: str, line: str, complaint: str, tmp_path: Path) -> None:
    layers = {"errors": 0, "frames": 1, "video": 2, "cli": 3}
    house = tmp_path / "house"
    sound = {
        "__init__.py": "__version__ = '1'",
        "errors.py": "import sys",
        "frames.py": "import torch\nfrom house.errors import Error",
        "video/__init__.py": "from house.video.reader import VideoReader",
        "video/reader.py": "import av\nfrom house.frames import Frame",
        "cli.py": "import click\nfrom house import errors\nfrom house.video import VideoReader",
    }
    (house / "video").mkdir(parents=True)
    for name, text in sound.items():
        (house / name).write_text(text)
    assert violations(house, layers) == []
    with (house / file).open("a") as module:
        module.write(f"\n{line}\n")
    assert [found for found in violations(house, layers) if found.startswith(complaint)]


def test_no_file_is_long() -> None:
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from vidcolor.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded.isdisjoint({"PIL", "av", "cv2", "numpy", "rich", "torch"})
