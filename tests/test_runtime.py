"""OpenVINO instead of torch: nearly the same ab, chroma within a level, and torch wherever it cannot be had."""

import json
import os
import subprocess
import sys

import pytest
import torch
from click.testing import CliRunner
from skimage import data

import vidcolor
from tests.clips import make_film
from tests.models import make_model
from vidcolor import runtime
from vidcolor.checkpoint import new_meta
from vidcolor.cli import main
from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.errors import ConfigError
from vidcolor.frames import FrameBatch, PlaneFormat
from vidcolor.networks import NETWORKS, build_network
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.runtime import OpenVino, pick_runtime, reason_of
from vidcolor.upsample import Upsampler
from vidcolor.video import Encoding, open_reader

pytestmark = pytest.mark.openvino

CPU = torch.device("cpu")
PLANES = PlaneFormat(8, False, "709")
NEARLY = 0.5
"""ab units; a level of chroma in 8 bits is about one."""

released = pytest.mark.skipif("fusion" not in vidcolor.released_models(), reason="the model is not released yet")


@pytest.fixture
def openvino():
    pytest.importorskip("openvino")


def small(arch="fusion"):
    """A network with fresh weights whose colours are far from grey."""
    torch.manual_seed(0)
    network = build_network(arch, {"palette_size": 8, "widths": [16, 16, 16]} if arch == "fusion" else {})
    network.learn_colors(torch.rand(3000, 3))
    return network.eval()


def photo(name, height, width, count):
    """A photo of scikit-image at a size, and `count - 1` shifted views of it, as the frames of one shot."""
    luma = torch.from_numpy(getattr(data, name)()).double() @ torch.tensor([0.2126, 0.7152, 0.0722]).double()
    views = torch.stack([luma.roll(3 * shift, dims=1)[:height, :width] for shift in range(count)])
    stored = (views * 219 / 255 + 16).round().byte()[:, None]
    return FrameBatch(stored, tuple(range(count)), (1,) * count, first_of_shot=(True,) + (False,) * (count - 1))


def colored(colorizer, batches):
    """Everything that is made of `batches`: ab and the chroma planes as they are written."""
    done = list(Upsampler(PLANES, PLANES).stream(colorizer.stream(batches, PLANES)))
    return torch.cat([batch.ab for batch in done]), torch.cat([batch.chroma for batch in done]).int()


def split(batch, *sizes):
    parts, start = [], 0
    for size in sizes:
        part = slice(start, start := start + size)
        parts.append(FrameBatch(batch.luma[part], batch.pts[part], batch.durations[part], batch.first_of_shot[part]))
    return parts


@released
@pytest.mark.parametrize("name, height, width", [("astronaut", 512, 512), ("coffee", 400, 600), ("rocket", 427, 201)])
def test_photos_are_within_a_level_of_torch(openvino, name, height, width):
    batch = photo(name, height, width, 5)
    ours, theirs = load_colorizer(device="cpu", runtime="openvino"), load_colorizer(device="cpu", runtime="torch")
    expected_ab, expected = colored(theirs, [batch])
    assert expected_ab.abs().max() > 10
    for sizes in ((5,), (4, 1), (1, 1, 3)):
        ab, chroma = colored(ours, split(batch, *sizes))
        assert (ab - expected_ab).abs().max() < NEARLY
        assert (chroma - expected).abs().max() <= 1


@released
def test_a_film_is_within_a_level_of_torch(openvino, tmp_path):
    film = make_film(tmp_path / "film.mp4", count=12)
    chroma = {}
    for name in ("torch", "openvino"):
        colorizer, target = load_colorizer(device="cpu", runtime=name), tmp_path / f"{name}.mkv"
        report = colorize_video(film, target, colorizer, RunSettings(encoding=Encoding("ffv1")))
        assert ("openvino" in report.device) == (name == "openvino")
        with open_reader(target) as reader:
            planes = [batch.own_chroma for batch in reader.batches(4, own_chroma=True)]
        chroma[name] = torch.cat(planes).int()
    assert len(chroma["torch"]) == 12
    assert (chroma["torch"] - 128).abs().max() > 10
    assert (chroma["torch"] - chroma["openvino"]).abs().max() <= 1


@released
def test_the_default_is_openvino_where_it_is_installed(openvino):
    colorizer = load_colorizer(device="cpu")
    assert isinstance(colorizer.runtime, OpenVino)
    assert colorizer.warnings == ()


def test_so_it_is_for_the_command(openvino, tmp_path):
    model, film = make_model(tmp_path / "tiny.safetensors"), make_film(tmp_path / "film.mp4", count=8)
    words = ["run", film, tmp_path / "out.mp4", "--model", model, "--device", "cpu", "--json", "--quiet"]
    result = CliRunner().invoke(main, [*map(str, words)])
    assert result.exit_code == 0, result.output
    (report,) = json.loads(result.stdout)
    assert report["frames"] == 8 and report["device"].startswith("cpu (openvino")


@pytest.mark.parametrize("arch", [arch for arch in NETWORKS if not arch.startswith("fusion-")])
def test_a_network_is_computed_alike_or_left_to_torch_with_a_reason(openvino, arch):
    network = small(arch)
    picked, warnings = pick_runtime("auto", network, CPU, half_ok=False)
    if picked is network:
        assert len(warnings) == 1 and "torch does" in warnings[0] and "\n" not in warnings[0]
        return
    with torch.inference_mode():
        lightness = torch.rand(3, 1, 4 * network.multiple, network.multiple) * 2 - 1
        features = picked.encode(lightness)
        ab = picked.to_ab(picked.decode(features, picked.embed(features)))
        assert torch.allclose(ab, network.to_ab(network(lightness)), atol=0.01)


def test_those_that_matter_are_computed_and_what_cannot_be_is_not(openvino):
    assert isinstance(pick_runtime("auto", small(), CPU, half_ok=True)[0], OpenVino)
    with pytest.raises(ConfigError, match=r"openvino cannot compute this network .*--runtime torch"):
        pick_runtime("openvino", small("kmeans"), CPU, half_ok=True)


@pytest.mark.parametrize(
    "said, reason",
    [
        (
            "Exception from src/inference/src/cpp/infer_request.cpp:224:\n"
            "[CPU] Convolution node with name 'A' Check 'B == C' failed at src/plugins/convolution.cpp:46:\n"
            "Input and filter channels must match\n\n\n",
            "Input and filter channels must match",
        ),
        (
            "Check 'false' failed at src/frontends/report.cpp:151:\nFrontEnd API failed with OpConversionFailure:\n"
            "-- aten::rand with a message:\nException happened during conversion of operation aten::rand\nSummary:\n",
            "Exception happened during conversion of operation aten::rand",
        ),
        ("Unsupported: no size. Please feel free to request support\n(node in x.py)", "Unsupported: no size"),
        ("", "RuntimeError"),
    ],
)
def test_the_reason_is_the_line_that_says_something(said, reason):
    assert reason_of(RuntimeError(said)) == reason


def test_the_global_vector_steers_the_colors(openvino):
    compiled = OpenVino(small())
    features = compiled.encode(torch.rand(1, 1, 64, 64))
    own = compiled.embed(features)
    assert not torch.equal(compiled.decode(features, own), compiled.decode(features, own + 1))


@pytest.mark.parametrize(("fast", "share"), [(False, 1), (True, 2)])
def test_key_frames_leave_half_of_the_processors_to_the_codec(openvino, fast, share, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    network = small()
    colorizer = Colorizer(network, new_meta("made", "fusion", network), CPU, runtime="openvino", fast=fast)
    threads = colorizer.runtime._encode._compiled.get_property("INFERENCE_NUM_THREADS")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert threads == min(2 // share, usable)
    assert colorizer.torch_threads == 1


def test_what_was_returned_is_not_written_over(openvino):
    compiled = OpenVino(small())
    first = compiled.encode(torch.zeros(1, 1, 64, 64))
    before = [feature.clone() for feature in first]
    compiled.encode(torch.ones(1, 1, 64, 64))
    assert all(map(torch.equal, first, before))


def test_a_precision_that_is_off_is_refused(openvino, monkeypatch):
    monkeypatch.setattr(runtime, "ALLOWED", {"bf16": -1.0, "f32": 0.01})
    assert pick_runtime("openvino", small(), CPU, half_ok=True)[0].precision == "f32"
    monkeypatch.setattr(runtime, "ALLOWED", {"f32": -1.0})
    with pytest.raises(ConfigError, match="off"):
        pick_runtime("openvino", small(), CPU, half_ok=True)


def test_a_model_that_half_precision_harms_is_computed_in_float32(openvino):
    assert pick_runtime("auto", small(), CPU, half_ok=False)[0].precision == "f32"


def test_without_openvino_torch_computes_unless_it_was_asked_for(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "openvino", None)
    model = str(make_model(tmp_path / "tiny.safetensors"))
    colorizer = load_colorizer(model, "cpu")
    assert colorizer.runtime is colorizer.network
    assert (colorizer.place, colorizer.warnings) == ("cpu", ())
    with pytest.raises(ConfigError, match=r"pip install 'vidcolor\[openvino\]'"):
        load_colorizer(model, "cpu", runtime="openvino")


def test_other_devices_and_names_are_refused():
    network = small()
    assert pick_runtime("auto", network, torch.device("cuda"), half_ok=True) == (network, ())
    with pytest.raises(ConfigError, match=r"not on cuda.*--device cpu"):
        pick_runtime("openvino", network, torch.device("cuda"), half_ok=True)
    with pytest.raises(ConfigError, match=r"'onnx'.*openvino"):
        pick_runtime("onnx", network, CPU, half_ok=True)


def test_the_runtime_and_its_warning_are_in_the_report(openvino, tmp_path):
    film = make_film(tmp_path / "film.mp4", count=2)
    network = small("kmeans")
    colorizer = Colorizer(network, new_meta("mine", "kmeans", network), CPU, runtime="auto")
    report = colorize_video(film, tmp_path / "out.mp4", colorizer)
    assert report.device == "cpu"
    assert [warning for warning in report.warnings if "openvino" in warning]


def test_openvino_does_not_report_home(openvino):
    code = "import sys; from vidcolor.runtime import import_openvino; import_openvino(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "openvino.tools.ovc.telemetry_stub" in done.stdout.split()
    assert "openvino_telemetry.main" not in done.stdout.split()


HANDED_THROUGH = """
import torch
from vidcolor.networks import build_network
from vidcolor.runtime import OpenVino
network = build_network("fusion-koala", {"classifier": "squeezenet1_1"}).eval()
runtime = OpenVino(network, "f32", 2)
with torch.inference_mode():
    for side in (64, 96, 128, 64, 160, 96) * 4:
        lightness = torch.rand(4, 1, side, 2 * side) * 2 - 1
        features = runtime.encode(lightness)
        assert (runtime.decode(features, runtime.embed(features)) - network(lightness)).abs().max() < 0.01
"""


def test_an_input_that_is_a_feature_itself_corrupts_no_memory(openvino):
    """In a process of its own: where it is written to after its end, that is anyone's memory."""
    done = subprocess.run([sys.executable, "-c", HANDED_THROUGH], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


SIGNALLED = """
import faulthandler, signal
from vidcolor.networks import build_network
from vidcolor.runtime import OpenVino
faulthandler.enable()
network = build_network("cnn", {}).eval()
first, second = OpenVino(network), OpenVino(network)
del first
del second
signal.signal(signal.SIGINT, lambda *_: print("heard"))
signal.raise_signal(signal.SIGINT)
"""


def test_a_signal_is_heard_when_the_models_are_gone(openvino):
    done = subprocess.run([sys.executable, "-c", SIGNALLED], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr
