"""A model for other programs computes what vidcolor does, and says what it is."""

import json
import sys
from dataclasses import asdict

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import vidcolor
from tests.models import make_model
from vidcolor import checkpoint
from vidcolor import export as export_module
from vidcolor.cli import main
from vidcolor.context import ShotContext
from vidcolor.errors import ConfigError, OutputError
from vidcolor.export import export
from vidcolor.networks import build_network
from vidcolor.runtime import openvino_core

pytestmark = pytest.mark.openvino

SHOTS = (True, True, False, False, False)
"""Whether each frame of what is coloured begins a shot."""


def run_onnx(file):
    session = pytest.importorskip("onnxruntime").InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(["ab", "context"][: len(session.get_outputs())], inputs)


def run_openvino(file):
    pytest.importorskip("openvino")
    compiled = openvino_core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda inputs: [result for _, result in sorted(compiled(inputs).to_dict().items(), key=lambda x: x[0].index)]


@pytest.fixture(params=["onnx", "openvino"])
def kind(request):
    for package in {"onnx": ("onnx", "onnxruntime"), "openvino": ("openvino",)}[request.param]:
        pytest.importorskip(package)
    return request.param


@pytest.fixture
def model(tmp_path):
    return make_model(tmp_path / "tiny.safetensors")


def make_cnn(path, arch="cnn", **config):
    torch.manual_seed(0)
    network = build_network(arch, config)
    checkpoint.save(path, network, checkpoint.new_meta("mine", arch, network))
    return path


def meta_in(file, kind):
    if kind == "onnx":
        import onnx

        return {prop.key: prop.value for prop in onnx.load(file).metadata_props}["vidcolor"]
    return openvino_core().read_model(file).get_rt_info("vidcolor").astype(str)


def test_the_file_says_what_it_is(kind, model, tmp_path):
    target = tmp_path / f"out{export_module.SUFFIXES[kind][-1]}"
    report = export(target, str(model), kind)
    assert json.loads(meta_in(target, kind)) == json.loads(json.dumps(asdict(checkpoint.read_meta(model))))
    assert report.targets[-1] == str(target) and 0 <= report.difference <= export_module.ALLOWED
    assert sorted(path.suffix for path in tmp_path.iterdir() if path != model) == (
        [".onnx"] if kind == "onnx" else [".bin", ".xml"]
    )


@pytest.mark.parametrize("size", [(64, 160), (160, 96), (32, 32)])
def test_a_shot_is_averaged_as_the_colorizer_does_across_calls(kind, model, tmp_path, size):
    target = tmp_path / f"out{export_module.SUFFIXES[kind][-1]}"
    export(target, str(model), kind)
    call = {"onnx": run_onnx, "openvino": run_openvino}[kind](target)
    network, _ = checkpoint.load(model)
    lightness = torch.rand(len(SHOTS), 1, *size) * 2 - 1
    with torch.inference_mode():
        features = network.encode(lightness)
        vectors, _ = ShotContext().follow(network.embed(features), SHOTS)
        expected = network.to_ab(network.decode(features, vectors)).numpy()
    weights = [
        [[0, 1, 0], [0, 0, 1]],
        [[1 / 2, 1 / 2, 0, 0], [1 / 3, 1 / 3, 1 / 3, 0], [1 / 4, 1 / 4, 1 / 4, 1 / 4]],
    ]
    context, found = np.zeros((1, 1280), np.float32), []
    for rows, part in zip(weights, (slice(0, 2), slice(2, 5)), strict=True):
        frames = {"lightness": lightness[part].numpy(), "previous": context}
        ab, context = call(frames | {"weights": np.array(rows, np.float32)})
        found.append(ab)
    assert np.abs(expected).max() > 5
    assert np.abs(np.concatenate(found) - expected).max() < 0.01
    assert context.shape == (1, 1280) and np.abs(context - vectors[-1].numpy()).max() < 0.001


def test_a_network_without_a_global_vector_has_one_input(kind, tmp_path):
    target = tmp_path / f"out{export_module.SUFFIXES[kind][-1]}"
    model = make_cnn(tmp_path / "mine.safetensors")
    report = export(target, str(model), kind)
    assert (report.inputs, report.outputs) == (("lightness",), ("ab",))
    call = {"onnx": run_onnx, "openvino": run_openvino}[kind](target)
    network, _ = checkpoint.load(model)
    lightness = torch.rand(3, 1, 64, 40) * 2 - 1
    with torch.inference_mode():
        expected = network.to_ab(network(lightness)).numpy()
    assert np.abs(call({"lightness": lightness.numpy()})[0] - expected).max() < 0.01


def test_every_classifier_of_fusion_can_be_exported(kind, tmp_path):
    model = make_model(tmp_path / "mine.safetensors", encoder="efficientnet_lite2")
    report = export(tmp_path / f"out{export_module.SUFFIXES[kind][-1]}", str(model), kind)
    assert report.outputs == ("ab", "context")


@pytest.mark.parametrize("arch", ["fusion-koala", "fusion-faces"])
def test_networks_that_shrink_for_their_classifier_can_be_exported(kind, arch, tmp_path):
    model = make_cnn(tmp_path / "mine.safetensors", arch, classifier="squeezenet1_1")
    report = export(tmp_path / f"out{export_module.SUFFIXES[kind][-1]}", str(model), kind)
    assert report.outputs == ("ab", "context")


@pytest.mark.skipif("fusion" not in vidcolor.released_models(), reason="the model is not released yet")
def test_the_released_model_can_be_exported(kind, tmp_path):
    assert export(tmp_path / f"out{export_module.SUFFIXES[kind][-1]}", "fusion", kind).model == "fusion"


def test_what_is_not_the_same_is_not_written(kind, model, tmp_path, monkeypatch):
    target = tmp_path / f"out{export_module.SUFFIXES[kind][-1]}"
    monkeypatch.setattr(export_module, "ALLOWED", -1.0)
    with pytest.raises(ConfigError, match=r"its ab is .* off.*not written"):
        export(target, str(model), kind)
    assert list(tmp_path.iterdir()) == [model]


def test_a_network_that_cannot_be_exported_says_so_in_a_line(kind, tmp_path):
    model = make_cnn(tmp_path / "mine.safetensors", "kmeans")
    with pytest.raises(ConfigError, match=rf"^mine: [^\n]*{kind}[^\n]*$"):
        export(tmp_path / f"out{export_module.SUFFIXES[kind][-1]}", str(model), kind)
    assert list(tmp_path.iterdir()) == [model]


def test_where_it_cannot_be_written_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("vidcolor.export.checkpoint.load", lambda path: pytest.fail("the work was begun"))
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(OutputError, match=r"none does not exist, create it first$"):
        export(tmp_path / "none" / "model.onnx")
    with pytest.raises(OutputError, match=r"folder.onnx: is a folder, give a file name$"):
        export(tmp_path / "folder.onnx", overwrite=True)


def test_missing_packages_and_wrong_names_are_a_line(model, tmp_path, monkeypatch):
    (tmp_path / "there.onnx").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"there\.onnx: exists"):
        export(tmp_path / "there.onnx", str(model))
    (tmp_path / "there.bin").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"there\.bin: exists"):
        export(tmp_path / "there.xml", str(model), "openvino")
    with pytest.raises(ConfigError, match=r"ends in \.xml"):
        export(tmp_path / "out.onnx", str(model), "openvino")
    with pytest.raises(ConfigError, match=r"'tflite'.*onnx"):
        export(tmp_path / "out.tflite", str(model), "tflite")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ConfigError, match=r"pip install 'vidcolor\[export\]'"):
        export(tmp_path / "out.onnx", str(model))
    with pytest.raises(ConfigError, match=r"pip install 'vidcolor\[openvino\]'"):
        export(tmp_path / "out.xml", str(model), "openvino")
    assert (tmp_path / "there.onnx").read_bytes() == b"mine"


def test_the_command_reports_what_it_wrote(kind, model, tmp_path):
    target = tmp_path / f"out{export_module.SUFFIXES[kind][-1]}"
    words = ["export", str(target), "--model", str(model), "--to", kind, "--json"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["targets"][-1] == str(target)
    assert "ab at most" in result.stderr
    assert CliRunner().invoke(main, words).exit_code == 1
    assert CliRunner().invoke(main, [*words, "--overwrite"]).exit_code == 0
