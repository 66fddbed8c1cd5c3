import hashlib
from pathlib import Path

import pytest

from vidcolor import released
from vidcolor.errors import DamagedCheckpoint, UnknownModel


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with `brown` and `azure`, in place of the real one."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("brown", "azure"):
        (folder / f"{name}.safetensors").write_bytes(name.encode())
    digests = [(hashlib.sha256(path.read_bytes()).hexdigest(), path.name) for path in folder.iterdir()]
    (folder / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for digest, name in digests))
    monkeypatch.setattr(released, "models_folder", lambda: folder)
    return folder


@pytest.mark.parametrize("installed", ["as a wheel", "in a checkout"])
def test_the_folder_is_inside_a_wheel_and_beside_a_checkout(
    installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "vidcolor"
    package.mkdir()
    expected = (package if installed == "as a wheel" else tmp_path) / "models"
    expected.mkdir()
    monkeypatch.setattr(released, "__file__", str(package / "released.py"))
    assert released.models_folder() == expected


def test_released_models_are_the_safetensors_in_the_folder(models: Path) -> None:
    assert released.released_models() == ("azure", "brown")


def test_a_released_name_gives_its_file(models: Path) -> None:
    assert released.find_model("brown") == models / "brown.safetensors"


def test_a_path_gives_itself_unchecked(tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    own.write_bytes(b"mine")
    assert released.find_model(str(own)) == own


def test_a_released_name_comes_before_a_file_of_that_name(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("brown").write_bytes(b"a file")
    assert released.find_model("brown") == models / "brown.safetensors"
    assert released.find_model("./brown") == Path("brown")


@pytest.mark.parametrize("name", ["sepia", "", ".", "brown.safetensors", "x" * 300, "nul\0byte"])
def test_anything_else_is_unknown_and_the_released_are_named(name: str, models: Path) -> None:
    with pytest.raises(UnknownModel, match=r"azure, brown") as caught:
        released.find_model(name)
    assert "\n" not in str(caught.value)


def test_a_damaged_model_is_found_out(models: Path) -> None:
    (models / "brown.safetensors").write_bytes(b"brow")
    with pytest.raises(DamagedCheckpoint, match=r"brown\.safetensors.*install vidcolor again"):
        released.find_model("brown")


@pytest.mark.parametrize("leave", ["", "\n"])
def test_a_model_without_a_digest_is_refused(leave: str, models: Path) -> None:
    (models / "SHA256SUMS").write_text(leave)
    with pytest.raises(DamagedCheckpoint, match="does not list it"):
        released.find_model("brown")


def test_no_digests_at_all_is_refused(models: Path) -> None:
    (models / "SHA256SUMS").unlink()
    with pytest.raises(DamagedCheckpoint, match="does not list it"):
        released.find_model("brown")


def test_digests_may_be_in_binary_mode_and_upper_case(models: Path) -> None:
    digest = hashlib.sha256(b"brown").hexdigest().upper()
    (models / "SHA256SUMS").write_text(f"{digest} *brown.safetensors\n")
    assert released.find_model("brown").name == "brown.safetensors"


@pytest.mark.parametrize("name", released.released_models())
def test_what_is_released_is_whole(name: str) -> None:
    assert released.find_model(name).stat().st_size > 0
