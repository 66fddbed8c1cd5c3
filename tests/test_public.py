"""What `import vidcolor` offers, and that it offers it lazily."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vidcolor
from vidcolor import errors


@pytest.mark.parametrize("name", vidcolor.__all__)
def test_every_public_name_is_there_and_listed(name: str) -> None:
    assert getattr(vidcolor, name).__name__ == name
    assert name in dir(vidcolor)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(vidcolor.__file__).read_text("utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    assert sorted(alias.name for node in guarded.body for alias in node.names) == sorted(vidcolor.__all__)


def test_every_error_is_public() -> None:
    raised = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert raised <= set(vidcolor.__all__)


def test_other_names_are_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = vidcolor.nothing


def test_importing_the_package_imports_none_of_its_modules() -> None:
    code = "import sys, vidcolor; print(*[name for name in sys.modules if name.startswith('vidcolor.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
