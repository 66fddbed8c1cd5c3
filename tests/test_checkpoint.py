"""A checkpoint says everything, is loaded strictly, and fails in one line."""

import pickle
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from vidcolor import checkpoint
from vidcolor.checkpoint import new_meta
from vidcolor.errors import DamagedCheckpoint, MismatchedCheckpoint, UnknownModel
from vidcolor.networks import build_network


@pytest.fixture
def network():
    torch.manual_seed(1)
    return build_network("fusion", {"palette_size": 16, "widths": [16, 16, 16]}).eval()


@pytest.fixture
def file(tmp_path, network):
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, network, replace(new_meta("small", "fusion", network), metrics={"psnr": 24.0}))
    return path


def test_a_loaded_network_is_the_saved_one_in_half_precision(file, network):
    loaded, meta = checkpoint.load(file)
    assert (meta.name, meta.arch, meta.metrics) == ("small", "fusion", {"psnr": 24.0})
    assert loaded.config == network.config
    assert not loaded.training
    for name, tensor in network.state_dict().items():
        assert torch.allclose(loaded.state_dict()[name].float(), tensor.float(), rtol=1e-3, atol=1e-4), name


def test_values_too_large_for_half_precision_survive(tmp_path, network):
    network.fused[0].running_var.fill_(1e6)
    checkpoint.save(tmp_path / "large.safetensors", network, new_meta("large", "fusion", network))
    assert checkpoint.load(tmp_path / "large.safetensors")[0].fused[0].running_var[0] == 1e6


def test_the_meta_is_read_without_the_weights(file):
    assert checkpoint.read_meta(file).config["palette_size"] == 16


def test_a_missing_file_is_an_unknown_model(tmp_path):
    with pytest.raises(UnknownModel, match="no such model file"):
        checkpoint.load(tmp_path / "absent.safetensors")


def test_a_truncated_file_is_damaged(file):
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(DamagedCheckpoint, match="fetch it again"):
        checkpoint.load(file)


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('pickle was run')",))


@pytest.mark.parametrize("content", [pickle.dumps(Bomb()), b"", b"<html>404</html>"], ids=["pickle", "empty", "page"])
def test_what_is_not_safetensors_is_damaged_and_never_run(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(DamagedCheckpoint, match="not a sound safetensors file"):
        checkpoint.load(path)


def test_a_strangers_safetensors_file_is_mismatched(tmp_path):
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(MismatchedCheckpoint, match="not a vidcolor model"):
        checkpoint.load(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"arch": "fushion"}, "unknown network"),
        ({"format": 99, "config": "of another kind"}, "format 99"),
        ({"config": {}}, "do not fit"),
        ({"config": {"widths": 3}}, "widths = 3 is of the wrong kind"),
        ({"config": {"temperature": 0}}, "temperature must be at least 0.01"),
    ],
)
def test_a_meta_that_does_not_fit_is_mismatched(tmp_path, network, change, message):
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, network, replace(new_meta("small", "fusion", network), **change))
    with pytest.raises(MismatchedCheckpoint, match=message):
        checkpoint.load(path)


@pytest.mark.parametrize("header", ["{", "[1]", '"abc"', "null", "{}", "[" * 100_000], ids=lambda header: header[:5])
def test_a_header_that_is_no_meta_is_damaged(header, tmp_path):
    save_file({"weight": torch.zeros(2)}, tmp_path / "odd.safetensors", {"vidcolor": header})
    for read in (checkpoint.load, checkpoint.read_meta):
        with pytest.raises(DamagedCheckpoint, match="its header cannot be read") as caught:
            read(tmp_path / "odd.safetensors")
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize("wrong", [{"arch": []}, {"config": [1]}, {"work_size": "big"}, {"metrics": {"psnr": "high"}}])
def test_a_meta_of_wrong_kinds_is_damaged(wrong, tmp_path, network):
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, network, replace(new_meta("small", "fusion", network), **wrong))
    with pytest.raises(DamagedCheckpoint, match=f"{next(iter(wrong))} = .* is of the wrong kind"):
        checkpoint.load(path)


def test_a_model_that_may_not_be_read_is_called_so(file, monkeypatch):
    monkeypatch.setattr("vidcolor.checkpoint.os.access", lambda path, rights: False)
    with pytest.raises(UnknownModel, match=r"may not be read, check its rights$"):
        checkpoint.load(file)
