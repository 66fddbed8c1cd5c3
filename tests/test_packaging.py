"""What is built is whole: the models are in the wheel, also through the sdist, and not in an editable install."""

import re
import tarfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import vidcolor

ROOT = Path(__file__).parents[1]
MODEL_FILES = {"fusion.safetensors", "README.md", "SHA256SUMS"}


def build_wheel(root: Path, out: Path, version: str = "standard") -> Path:
    return Path(next(WheelBuilder(str(root)).build(directory=str(out), versions=[version])))


def names_in(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def models_in(names: set[str]) -> set[str]:
    folder = "vidcolor/models/"
    return {name.removeprefix(folder) for name in names if name.startswith(folder)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(next(SdistBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]))) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"vidcolor-{vidcolor.__version__}"


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        return message_from_bytes(archive.read(f"vidcolor-{vidcolor.__version__}.dist-info/METADATA"))


def test_the_wheel_carries_the_models(wheel: Path) -> None:
    assert models_in(names_in(wheel)) >= MODEL_FILES


def test_the_wheel_carries_every_module_and_its_types(wheel: Path) -> None:
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "vidcolor").rglob("*.py")}
    assert names_in(wheel) >= sources | {"vidcolor/py.typed"}


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    folders = {name.split("/")[0] for name in names_in(wheel)}
    assert folders == {"vidcolor", f"vidcolor-{vidcolor.__version__}.dist-info"}


def test_the_sdist_makes_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    assert names_in(build_wheel(sdist, tmp_path)) == names_in(wheel)


def test_an_editable_install_copies_no_models(tmp_path: Path) -> None:
    assert models_in(names_in(build_wheel(ROOT, tmp_path, "editable"))) == set()


def test_the_models_are_small_enough_to_ship() -> None:
    sizes = {path.name: path.stat().st_size / 2**20 for path in (ROOT / "models").glob("*.safetensors")}
    assert {name: size for name, size in sizes.items() if size > 12} == {}


def test_the_licences_travel_along(wheel: Path, metadata: Message) -> None:
    info = f"vidcolor-{vidcolor.__version__}.dist-info"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert names_in(wheel) >= {f"{info}/licenses/LICENSE", f"{info}/licenses/THIRD_PARTY_NOTICES.md"}


def test_third_party_notices_name_every_dependency(metadata: Message) -> None:
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    names = {re.split(r"[^\w-]", line)[0] for line in required}
    notices = (ROOT / "THIRD_PARTY_NOTICES.md").read_text("utf-8")
    assert {name for name in names if f"| {name} |" not in notices} == set()


def test_the_changelog_knows_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert vidcolor.__version__ in headings
